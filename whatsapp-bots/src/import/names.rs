//! Names of variables, as our expressions take them.
use unicode_normalization::UnicodeNormalization;

/// Bytes of a name, with room for a number behind it.
const LONGEST: usize = 56;
/// Names that mean something else.
const TAKEN: [&str; 18] = [
    "contact", "input", "now", "today", "and", "or", "not", "in", "is", "if", "else", "elif", "true",
    "false", "none", "for", "loop", "self",
];

/// A name made of letters, digits and `_`: `Prénom du client` is `prenom_du_client`.
pub(super) fn name(text: &str) -> String {
    let mut out = String::new();
    for c in text.nfkd() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !is_mark(c) && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        if out.len() == LONGEST {
            break;
        }
    }
    let out = out.trim_end_matches('_');
    if !out.starts_with(|c: char| c.is_ascii_lowercase()) || TAKEN.contains(&out) {
        format!("v_{out}")
    } else {
        out.to_owned()
    }
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_used_in_expressions() {
        for (text, expected) in [
            ("Name", "name"),
            ("Prénom du client", "prenom_du_client"),
            ("  What's up?  ", "what_s_up"),
            ("2nd", "v_2nd"),
            ("contact", "v_contact"),
            ("Is", "v_is"),
            ("名前", "v_"),
            ("", "v_"),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
        assert!(name(&"x".repeat(500)).len() <= 64);
    }
}
