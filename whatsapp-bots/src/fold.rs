//! Text as it is compared: without case, accents, punctuation and what cannot be seen.
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Bytes of a text that are looked at: nobody's answer is compared beyond.
const LONGEST: usize = 4096;

/// The words of a text, folded, with one space between them.
pub(crate) fn words(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        text.chars().for_each(|c| push(&mut folded, c.to_ascii_lowercase()));
    } else {
        text.nfkd()
            .filter(|c| !is_dropped(*c))
            // Through upper case: ß is ss, the final sigma is a sigma, and a dotless i is an i.
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .filter(|c| !is_dropped(*c))
            .for_each(|c| push(&mut folded, c));
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// A text as values are compared: folded, with its punctuation, without spaces around it.
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn push(folded: &mut String, c: char) {
    if c.is_alphanumeric() || is_combining_mark(c) {
        folded.push(c);
    } else if !folded.is_empty() && !folded.ends_with(' ') {
        folded.push(' ');
    }
}

/// Accents of Latin, Greek and Cyrillic, vowel signs and the stroke of Arabic, variation selectors, and format characters.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Does a folded text begin with folded words, as whole words?
pub(crate) fn begins_with(text: &str, words: &str) -> bool {
    text.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Does a folded text hold folded words, as whole words?
pub(crate) fn holds(text: &str, words: &str) -> bool {
    text.match_indices(words)
        .any(|(place, _)| (place == 0 || text[..place].ends_with(' ')) && begins_with(&text[place..], words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_the_same() {
        for (text, folded) in [
            ("  Straße—ΣΤΟΠς ", "strasse στοπσ"),
            ("Crème  brûlée!", "creme brulee"),
            ("İıIi", "iiii"),
            ("2\u{fe0f}\u{20e3}", "2"),
            ("बंद करें।", "बंद करें"),
            ("!!", ""),
        ] {
            assert_eq!(words(text), folded);
        }
        assert!(holds("a bus stop here", "bus stop") && !holds("a bus stopped", "bus stop"));
        assert!(begins_with("buy now", "buy") && !begins_with("buyer", "buy"));
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,30}") {
            let once = words(&text);
            prop_assert_eq!(words(&once), once);
        }
    }
}
