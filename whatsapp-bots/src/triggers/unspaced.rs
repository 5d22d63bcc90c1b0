//! Words in texts where they do not end at spaces: all are looked for in one walk over the text.
use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use super::KINDS;
use crate::{fold, parts::Matching};

/// The words that texts begin with or contain, by their place in the automaton.
#[derive(Debug, Default)]
pub(super) struct Unspaced {
    automaton: Option<AhoCorasick>,
    words: Vec<(usize, String)>,
}

impl Unspaced {
    /// Of words by how they have to occur, as in [`KINDS`].
    pub(super) fn new(by_kind: &[HashMap<String, Vec<u32>>; 3]) -> Self {
        let kinds = KINDS.iter().enumerate().filter(|(_, matching)| **matching != Matching::Exact);
        let mut words: Vec<(usize, String)> =
            kinds.flat_map(|(kind, _)| by_kind[kind].keys().map(move |word| (kind, word.clone()))).collect();
        words.sort_unstable();
        let automaton =
            (!words.is_empty()).then(|| AhoCorasick::new(words.iter().map(|(_, word)| word)).ok());
        Self { automaton: automaton.flatten(), words }
    }

    /// Tells the words that a folded text begins with or contains, each once.
    pub(super) fn find(&self, folded: &str, mut found: impl FnMut(usize, &str)) {
        let Some(automaton) = &self.automaton else { return };
        let mut seen = vec![false; self.words.len()];
        for place in automaton.find_overlapping_iter(folded) {
            let number = place.pattern().as_usize();
            let (kind, word) = &self.words[number];
            let is_there = match KINDS[*kind] {
                Matching::Contains => fold::is_whole(folded, place.start(), word),
                _ => place.start() == 0 && fold::begins_with(folded, word),
            };
            if is_there && !std::mem::replace(&mut seen[number], true) {
                found(*kind, word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_kind() {
        let mut by_kind: [HashMap<String, Vec<u32>>; 3] = Default::default();
        for (kind, word) in [(1, "预约"), (2, "明天"), (2, "book"), (0, "我想"), (2, "天")] {
            by_kind[kind].insert(fold::words(word), vec![0]);
        }
        let find = |text: &str| {
            let mut found = Vec::new();
            Unspaced::new(&by_kind)
                .find(&fold::words(text), |kind, word| found.push((kind, word.to_owned())));
            found.sort();
            found
        };
        let is = |kind: usize, word: &str| (kind, word.to_owned());
        assert_eq!(find("预约明天book明天"), [is(1, "预约"), is(2, "book"), is(2, "天"), is(2, "明天")]);
        assert_eq!(find("我想预约"), []);
    }
}
