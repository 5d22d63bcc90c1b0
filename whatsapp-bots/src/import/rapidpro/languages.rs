//! Languages: theirs have three letters, ours have two where there are two.

const CODES: [(&str, &str); 46] = [
    ("afr", "af"),
    ("amh", "am"),
    ("ara", "ar"),
    ("ben", "bn"),
    ("bul", "bg"),
    ("cat", "ca"),
    ("ces", "cs"),
    ("dan", "da"),
    ("deu", "de"),
    ("ell", "el"),
    ("eng", "en"),
    ("est", "et"),
    ("fas", "fa"),
    ("fin", "fi"),
    ("fra", "fr"),
    ("guj", "gu"),
    ("hau", "ha"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hun", "hu"),
    ("ind", "id"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kan", "kn"),
    ("kin", "rw"),
    ("kor", "ko"),
    ("mar", "mr"),
    ("msa", "ms"),
    ("mya", "my"),
    ("nep", "ne"),
    ("nld", "nl"),
    ("nor", "no"),
    ("pan", "pa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("ron", "ro"),
    ("rus", "ru"),
    ("som", "so"),
    ("spa", "es"),
    ("swa", "sw"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tha", "th"),
    ("tur", "tr"),
    ("urd", "ur"),
    ("zho", "zh"),
];

/// Our code of a language; English where a flow has none.
pub(super) fn language(code: &str) -> String {
    let code = code.trim().to_ascii_lowercase();
    match code.as_str() {
        "" | "base" | "und" | "mul" => "en".to_owned(),
        other => {
            CODES.iter().find(|(three, _)| *three == other).map_or(code.clone(), |(_, two)| (*two).to_owned())
        }
    }
}
