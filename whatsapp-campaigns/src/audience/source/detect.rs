//! The likeliest encoding of a text, where nobody says it and no mark does.
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::hint;
use crate::person::Region;

/// UTF-16 without a byte order mark: digits, delimiters and ends of lines have a zero, always on the same side.
pub(super) fn wide(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |parity| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let (more, fewer) = (even.max(odd), even.min(odd));
    let is_wide = more >= 4 && more * 12 > start.len() && fewer * 16 <= more;
    is_wide.then_some(if odd > even { encoding_rs::UTF_16LE } else { encoding_rs::UTF_16BE })
}

/// The likeliest encoding of text that is not all ASCII.
pub(super) fn detect(text: &[u8], region: Option<Region>) -> &'static Encoding {
    if is_utf_8(text) {
        return encoding_rs::UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(text, true);
    let country = region.map(hint::domain).or_else(|| hint::country(text));
    let of_country =
        country.as_deref().map(|country| detector.guess(Some(country.as_bytes()), Utf8Detection::Deny));
    // In the west of Europe are people from everywhere: there, the country says nothing.
    let found = of_country.filter(|found| *found != encoding_rs::WINDOWS_1252);
    let found = found.unwrap_or_else(|| detector.guess(None, Utf8Detection::Deny));
    if found == encoding_rs::WINDOWS_1252 && has_foreign_words(text) {
        return alphabet(country.as_deref().unwrap_or_default());
    }
    if found == encoding_rs::WINDOWS_1258 && country.as_deref() != Some("vn") {
        // The two have the letters of Serbian and Croatian in the same places.
        return encoding_rs::WINDOWS_1250;
    }
    of_windows(found, text)
}

/// Words of three letters or more, none of them ASCII: no language of western Europe has such, and a short name in Cyrillic
/// is one.
fn has_foreign_words(text: &[u8]) -> bool {
    let words = text.split(|byte| !byte.is_ascii_alphabetic() && *byte < 0xa1);
    words.into_iter().any(|word| word.len() > 2 && !word.iter().any(u8::is_ascii))
}

/// The encoding of an alphabet that is not the Latin one.
fn alphabet(country: &str) -> &'static Encoding {
    match country {
        "gr" | "cy" => encoding_rs::WINDOWS_1253,
        "il" => encoding_rs::WINDOWS_1255,
        "ae" | "bh" | "dz" | "eg" | "iq" | "ir" | "jo" | "kw" | "lb" | "ly" | "ma" | "om" | "pk" | "ps"
        | "qa" | "sa" | "sd" | "sy" | "tn" | "ye" => encoding_rs::WINDOWS_1256,
        "th" => encoding_rs::WINDOWS_874,
        _ => encoding_rs::WINDOWS_1251,
    }
}

/// Spreadsheets write the encodings of Windows and not those of ISO, which have the same letters in most places.
fn of_windows(found: &'static Encoding, text: &[u8]) -> &'static Encoding {
    let windows = [
        (encoding_rs::ISO_8859_2, encoding_rs::WINDOWS_1250),
        (encoding_rs::ISO_8859_4, encoding_rs::WINDOWS_1257),
        (encoding_rs::ISO_8859_6, encoding_rs::WINDOWS_1256),
        (encoding_rs::ISO_8859_7, encoding_rs::WINDOWS_1253),
        (encoding_rs::ISO_8859_8, encoding_rs::WINDOWS_1255),
    ];
    let Some((_, windows)) = windows.into_iter().find(|(iso, _)| *iso == found) else { return found };
    let (decoded, has_errors) = windows.decode_without_bom_handling(text);
    let is_of_letters = decoded.chars().filter(|c| !c.is_ascii()).all(char::is_alphabetic);
    if is_of_letters && !has_errors { windows } else { found }
}

/// Is most of what is not ASCII well-formed? One damaged row does not make a file something else.
fn is_utf_8(text: &[u8]) -> bool {
    let (mut sound, mut broken, mut rest) = (0, 0, text);
    loop {
        let (valid, next) = match str::from_utf8(rest) {
            Ok(valid) => (valid, None),
            Err(error) => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                // Without a length, the text ends within a character: it is cut there.
                let next = error.error_len().map(|length| &tail[length..]);
                broken += usize::from(next.is_some());
                (str::from_utf8(valid).unwrap_or_default(), next)
            }
        };
        sound += valid.chars().filter(|character| !character.is_ascii()).count();
        match next {
            Some(next) => rest = next,
            None => return sound > broken,
        }
    }
}
