//! Text that looks like a placeholder of another program. It is sent as it stands, to everybody: people should know.
use std::fmt;

use serde::Serialize;

/// Something in a text that is no placeholder here, and looks like one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LooksLikePlaceholder {
    /// Where in the JSON, such as `variants[0].content.text`.
    pub path: String,
    /// What stands there, such as `{name}`.
    pub text: String,
}

impl fmt::Display for LooksLikePlaceholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, text } = self;
        write!(
            f,
            "{path}: `{text}` looks like a placeholder and is sent as it stands; a placeholder is {{{{ name }}}}"
        )
    }
}

/// What stands around names in other programs, the longest first.
const MARKS: [(&str, &str); 13] = [
    ("{{", "}}"),
    ("[[", "]]"),
    ("*|", "|*"),
    ("%%", "%%"),
    ("##", "##"),
    ("@@", "@@"),
    ("{", "}"),
    ("[", "]"),
    ("<", ">"),
    ("%", "%"),
    ("#", "#"),
    ("@", "@"),
    ("$", "$"),
];
/// A longer name is none.
const LONGEST: usize = 40;

/// All that looks like a placeholder in literal text, each once.
pub(super) fn find(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match one(rest, text.len() - rest.len(), text) {
            Some(length) => {
                let seen = rest[..length].to_owned();
                if !found.contains(&seen) {
                    found.push(seen);
                }
                length
            }
            None => character.len_utf8(),
        };
        rest = &rest[length..];
    }
    found
}

/// The length of what looks like a placeholder at the beginning of a text.
fn one(rest: &str, place: usize, text: &str) -> Option<usize> {
    for (open, close) in MARKS {
        let Some(inside) = rest.strip_prefix(open) else { continue };
        let Some(end) = inside.find(close) else { continue };
        if is_name(&inside[..end], open) {
            return Some(open.len() + end + close.len());
        }
    }
    // Half of one: `{{ name` and `name }}`.
    if rest.starts_with("}}") || rest.starts_with("{{") {
        return Some(2);
    }
    let before = text[..place].chars().next_back();
    let is_apart = before.is_none_or(|c| !c.is_alphanumeric());
    let word =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum();
    if let Some(inside) = rest.strip_prefix('$') {
        let length: usize = word(inside);
        let is_word = inside.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && length > 1;
        return (is_word && is_apart).then_some(1 + length);
    }
    let inside = rest.strip_prefix('%')?;
    let length: usize = word(inside);
    (is_apart && matches!(&inside[..length], "s" | "d" | "i")).then_some(1 + length)
}

/// A name, or up to three words; between braces also a number.
fn is_name(inside: &str, open: &str) -> bool {
    let name = inside.trim();
    let is_wide = matches!(open, "{{" | "[[" | "*|" | "{" | "[" | "<");
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let allowed =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || (is_wide && matches!(c, ' ' | '/'));
    (1..=LONGEST).contains(&name.len())
        && (is_wide || name == inside)
        && (is_number && open.starts_with('{') || begins && name.chars().all(allowed))
        && name.split_whitespace().count() <= 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn placeholders_of_other_programs_are_found() {
        for (text, found) in [
            ("Hello {name}!", "{name}"),
            ("Hello [NAME]", "[NAME]"),
            ("Hello %name%,", "%name%"),
            ("Hello <name>", "<name>"),
            ("Hello <first name>", "<first name>"),
            ("Hello ${name}", "{name}"),
            ("Hello $name", "$name"),
            ("Hello {0}", "{0}"),
            ("Hello *|FNAME|*", "*|FNAME|*"),
            ("Hello [[name]]", "[[name]]"),
            ("Hello name }}", "}}"),
            ("Hello {{ name", "{{"),
            ("Hello %s", "%s"),
            ("Hello #name#", "#name#"),
            ("Hello @@name@@", "@@name@@"),
            ("Привет {имя}", "{имя}"),
            ("<b>Sale</b>", "<b>"),
        ] {
            assert!(find(text).contains(&found.to_owned()), "{text}: {:?}", find(text));
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "",
            "Save 20% today and 30% tomorrow",
            "20%-30% off",
            "I <3 you, 3 > 2",
            "Cost: $5, US$ 7, 100$",
            "Mail ana@example.org and bob@example.org",
            "See [1] and (name)",
            "#sale #summer",
            ":-] {-:",
            "https://example.org/?a=%20b%20",
            "{ }",
        ] {
            assert_eq!(find(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[{}<>%#@$|* a-cé\\[\\]0-9]{0,40}") {
            let _ = find(&text);
        }
    }
}
