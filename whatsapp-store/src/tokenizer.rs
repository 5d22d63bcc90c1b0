//! Splits a text into words for searching: the same on every backend, whatever its database does with text.
use std::collections::BTreeSet;

/// Longer words are cut: people do not type them, and databases limit them.
const LONGEST: usize = 64;
/// Words of one text that can be found.
const MOST: usize = 4096;

/// The words of a text, once each, in lower case. A word is a run of letters and digits; in scripts written without
/// spaces, each character is one.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    for char in text.chars().chain([' ']) {
        let alone = is_ideographic(char);
        if alone || !char.is_alphanumeric() {
            if !word.is_empty() {
                found.insert(std::mem::take(&mut word));
            }
        } else if word.len() < LONGEST {
            word.extend(char.to_lowercase().filter(|char| char.is_alphanumeric()));
        }
        if alone {
            found.insert(char.to_string());
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// A search: whole words, and the last as the start of one.
pub(crate) struct Wanted {
    pub(crate) whole: BTreeSet<String>,
    pub(crate) start: String,
}

/// `None` when there is no word in it.
pub(crate) fn wanted(text: &str) -> Option<Wanted> {
    // The last word of the text, not of the sorted set.
    let end = text.trim_end_matches(|char: char| !char.is_alphanumeric());
    let from = end.char_indices().rev().take_while(|(_, char)| char.is_alphanumeric()).last()?.0;
    let last = words(&end[from..]);
    let start = if end.chars().next_back().is_some_and(is_ideographic) {
        end.chars().next_back()?.to_string()
    } else {
        last.iter().find(|word| !word.chars().any(is_ideographic))?.clone()
    };
    let mut whole = words(end);
    if !words(&end[..from]).contains(&start) {
        whole.remove(&start);
    }
    Some(Wanted { whole, start })
}

/// Chinese characters and Japanese kana.
fn is_ideographic(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

impl Wanted {
    /// Does a text with these words have all that is wanted?
    #[cfg(feature = "memory")]
    pub(crate) fn matches(&self, words: &BTreeSet<String>) -> bool {
        let starts =
            words.range(self.start.clone()..).next().is_some_and(|word| word.starts_with(&self.start));
        starts && self.whole.is_subset(words)
    }

    /// For FTS5.
    #[cfg(feature = "sqlite")]
    pub(crate) fn fts5(&self) -> String {
        let whole: String = self.whole.iter().map(|word| format!("\"{word}\" AND ")).collect();
        format!("{whole}\"{}\"*", self.start)
    }

    /// For `tsquery`.
    #[cfg(feature = "postgres")]
    pub(crate) fn tsquery(&self) -> String {
        let whole: String = self.whole.iter().map(|word| format!("'{word}' & ")).collect();
        format!("{whole}'{}':*", self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, query: &str) -> bool {
        wanted(query).is_some_and(|wanted| wanted.matches(&words(text)))
    }

    #[test]
    fn all_words_and_the_start_of_the_last() {
        assert!(found("Your order #1234 was shipped", "shipped ORDER"));
        assert!(found("Your order #1234 was shipped", "order 12"));
        assert!(!found("Your order #1234 was shipped", "ord shipped"));
        assert!(!found("Your order #1234 was shipped", "order paid"));
        assert!(found("ord order", "ord ord"));
        assert!(!found("anything", " ... "));
        assert!(!found("", "a"));
    }

    #[test]
    fn scripts_without_case_or_spaces() {
        assert!(found("ÜBERWEISUNG erhalten", "über"));
        assert!(found("订单已发货", "发货"));
        assert!(found("नमस्ते दुनिया", "दुनि"));
        assert!(found("İstanbul", "İSTAN"));
        assert!(found("a発b", "発b") && found("a発b", "a発"));
    }
}
