//! Many patterns on one text: only those are tried of which the text has the literals that they cannot do without.
use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use regex::Regex;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};

/// Literals of one end of a pattern; with more, that end says too little.
const MOST: usize = 128;
/// Bytes of the shortest literal; a shorter one is in nearly every text.
const SHORTEST: usize = 2;
/// What is written down of a pattern whose literal was found, by the end that it belongs to.
const ENDS: [(ExtractKind, u8); 2] = [(ExtractKind::Prefix, 1), (ExtractKind::Suffix, 2)];

/// Patterns, asked by number.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    patterns: Vec<Regex>,
    /// Ends of which a literal has to occur, per pattern; none of those that have no literals.
    ends: Vec<u8>,
    /// Those without.
    open: Vec<u32>,
    /// All literals, without regard to the case of ASCII letters: more is found than there is, never less.
    literals: Option<AhoCorasick>,
    /// By literal: patterns, and the end.
    owners: Vec<Vec<(u32, u8)>>,
}

impl Patterns {
    pub(super) fn new(patterns: Vec<Regex>) -> Self {
        let mut this = Self::default();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        for (number, pattern) in (0..).zip(&patterns) {
            let mut ends = 0;
            for (kind, end) in ENDS {
                for literal in literals(pattern.as_str(), kind).into_iter().flatten() {
                    ends |= end;
                    let next = places.len();
                    let place = *places.entry(literal).or_insert(next);
                    this.owners.resize(places.len(), Vec::new());
                    this.owners[place].push((number, end));
                }
            }
            this.ends.push(ends);
            if ends == 0 {
                this.open.push(number);
            }
        }
        let mut literals: Vec<(Vec<u8>, usize)> = places.into_iter().collect();
        literals.sort_by_key(|(_, place)| *place);
        let literals = literals.iter().map(|(literal, _)| literal);
        let built = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(literals);
        match built {
            Ok(built) if !this.owners.is_empty() => this.literals = Some(built),
            _ => this.open = (0..).take(patterns.len()).collect(),
        }
        this.patterns = patterns;
        this
    }

    /// Numbers of those that match, in no order.
    pub(super) fn matches(&self, text: &str, mut found: impl FnMut(u32)) {
        let mut consider = |number: u32| {
            if self.patterns[number as usize].is_match(text) {
                found(number);
            }
        };
        self.open.iter().for_each(|number| consider(*number));
        let Some(literals) = &self.literals else { return };
        let mut seen = Vec::new();
        for literal in literals.find_overlapping_iter(text) {
            seen.resize(self.ends.len(), 0);
            for (number, end) in &self.owners[literal.pattern()] {
                let place = *number as usize;
                let before = seen[place];
                seen[place] |= end;
                if before != self.ends[place] && seen[place] == self.ends[place] {
                    consider(*number);
                }
            }
        }
    }
}

/// What a match begins or ends with, one of these; nothing when that says too little.
fn literals(pattern: &str, kind: ExtractKind) -> Option<Vec<Vec<u8>>> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    let mut found: Seq = Extractor::new().kind(kind).extract(&parsed);
    found.make_inexact();
    found.dedup();
    let mut literals: Vec<Vec<u8>> =
        found.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
    literals.sort();
    literals.dedup();
    let says_enough = literals.len() <= MOST && literals.iter().all(|literal| literal.len() >= SHORTEST);
    says_enough.then_some(literals)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(sources: &[&str]) -> Patterns {
        Patterns::new(sources.iter().map(|source| Regex::new(source).unwrap()).collect())
    }

    fn matching(patterns: &Patterns, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        patterns.matches(text, |number| found.push(number));
        found.sort();
        found
    }

    #[test]
    fn only_what_can_match_is_tried() {
        let some = patterns(&[r"(?i)\border #?\d+-7$", r"\d+", r"colou?r|paint", "", "x", "[^a]"]);
        assert_eq!(some.open, [1, 3, 4, 5]);
        assert_eq!(some.ends[0], 3);
        assert_eq!(matching(&some, "My ORDER 12-7"), [0, 1, 3, 5]);
        assert_eq!(matching(&some, "My ORDER 12-8"), [1, 3, 5]);
        assert_eq!(matching(&some, "a color"), [2, 3, 5]);
    }

    #[test]
    fn letters_that_fold_to_others_are_found() {
        // The Kelvin sign and the long s are cases of k and s.
        let some = patterns(&["(?i)task", "(?i)ÇA VA", "(?i-u:task)"]);
        assert_eq!(matching(&some, "TA\u{17f}\u{212a}"), [0]);
        assert_eq!(matching(&some, "ça va"), [1]);
        assert_eq!(matching(&some, "TASK"), [0, 2]);
    }

    #[test]
    fn a_pattern_that_never_matches_is_harmless() {
        let some = patterns(&[r"[a&&b]", "ab"]);
        assert_eq!(matching(&some, "ab"), [1]);
        assert!(matching(&patterns(&[]), "ab").is_empty());
    }

    fn source() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-c]{1,4}",
            "[kKsSéÉſ]{1,3}",
            prop::sample::select(vec![
                ".", r"\d", r"\w", "[a-c]", "[^a]", r"\b", "^", "$", r"\s", "ab", "bca", ""
            ])
            .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("(?:{})", all.join("|"))),
                (inner.clone(), prop::sample::select(vec!["?", "*", "+", "{2}", "{1,3}"]))
                    .prop_map(|(one, times)| format!("(?:{one}){times}")),
                inner.prop_map(|one| format!("(?i:{one})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn as_if_each_were_tried(sources in prop::collection::vec(source(), 0..12), text in "[a-cA-CkKsSéÉſ 1]{0,24}") {
            let all: Vec<Regex> = sources.iter().filter_map(|source| Regex::new(source).ok()).collect();
            let expected: Vec<u32> =
                (0..).zip(&all).filter(|(_, one)| one.is_match(&text)).map(|(number, _)| number).collect();
            prop_assert_eq!(matching(&Patterns::new(all), &text), expected);
        }
    }
}
