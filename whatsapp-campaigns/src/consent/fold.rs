//! Text as it is compared: without case, accents, punctuation and what cannot be seen.
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The words of a text, folded, with one space between them.
pub(super) fn words(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in characters(text) {
        match is_of_word(c) {
            true => folded.push(c),
            false if folded.ends_with(' ') || folded.is_empty() => {}
            false => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Folded, character by character.
fn characters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfkd()
        .filter(|c| !is_dropped(*c))
        // Through upper case: ß is ss, the final sigma is a sigma, and a dotless i is an i.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| !is_dropped(*c))
}

/// Is it part of a word? Signs of Indic scripts are marks and belong to theirs.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Accents of Latin, Greek and Cyrillic, vowel signs and the stroke of Arabic, variation selectors, and format characters.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_keep_what_they_need() {
        assert_eq!(words("  Straße—ΣΤΟΠς "), "strasse στοπσ");
        assert_eq!(words("बंद करें।"), words("बंद   करें"));
        assert_ne!(words("बंद"), words("बद"));
        assert_eq!(words("İıIi"), "iiii");
        assert_eq!(words("1\u{fe0f}\u{20e3}"), "1");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,30}") {
            let once = words(&text);
            prop_assert_eq!(words(&once), once);
        }
    }
}
