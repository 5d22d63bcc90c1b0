//! The tests of a router, as our conditions.
use serde_json::{Number, Value as Json};

use super::Import;
use crate::{
    definition::{Compare, Condition, Keywords, Localised, Matching, Pattern, Test, Words},
    import::text,
};

/// Words of a case that have a way each; of more, the value is the whole answer.
const WORDS: usize = 20;

/// One way of a case: what has to hold, and what its value is then.
pub(super) struct Way {
    pub(super) when: Condition,
    /// A template.
    pub(super) value: String,
}

impl<'j> Import<'j> {
    /// The ways of a case on a path; `None` when its test is not known.
    pub(super) fn ways(&mut self, case: &'j Json, operand: &str, path: &str, node: &str) -> Option<Vec<Way>> {
        let whole = format!("{{{{ {operand} }}}}");
        let arguments = self.arguments(case, path, node);
        let first = arguments.first().cloned().unwrap_or_default();
        let second = arguments.get(1).cloned().unwrap_or_default();
        let test = |is: Compare, value: &str| {
            let value = if value.is_empty() { Json::Null } else { Json::String(value.to_owned()) };
            Condition::Test(Test { path: operand.to_owned(), is, value, as_number: false })
        };
        // Their tests look for a number anywhere in the text.
        let number = |is: Compare, value: &str| {
            let value = if value.is_empty() { Json::Null } else { constant(value) };
            Condition::Test(Test { path: operand.to_owned(), is, value, as_number: true })
        };
        let not = |condition: Condition| Condition::Not(Box::new(condition));
        let pattern = |pattern: &str| {
            Condition::Regex(Pattern { pattern: pattern.to_owned(), path: Some(operand.to_owned()) })
        };
        let when = match text(case, "type") {
            "has_text" | "has_value" => not(test(Compare::Empty, "")),
            "has_any_word" => return Some(self.any_word(case, &first, operand)),
            "has_all_words" => {
                let words = first.split_whitespace();
                Condition::All(
                    words.map(|word| keywords(vec![word.to_owned()], operand, Matching::Contains)).collect(),
                )
            }
            "has_phrase" => return Some(self.phrase(case, &first, operand, Matching::Contains)),
            "has_only_phrase" => return Some(self.phrase(case, &first, operand, Matching::Exact)),
            "has_beginning" => return Some(self.phrase(case, &first, operand, Matching::StartsWith)),
            "has_only_text" | "has_category" => {
                Condition::Any(arguments.iter().map(|argument| test(Compare::Equal, argument)).collect())
            }
            "has_pattern" => pattern(&format!("(?i){first}")),
            "has_number" => number(Compare::Number, ""),
            "has_number_between" => Condition::All(vec![
                number(Compare::GreaterOrEqual, &first),
                number(Compare::LessOrEqual, &second),
            ]),
            "has_number_eq" => number(Compare::Equal, &first),
            "has_number_lt" => number(Compare::Less, &first),
            "has_number_lte" => number(Compare::LessOrEqual, &first),
            "has_number_gt" => number(Compare::Greater, &first),
            "has_number_gte" => number(Compare::GreaterOrEqual, &first),
            "has_email" => pattern(r"[^\s@]+@[^\s@]+\.[^\s@.]+"),
            "has_phone" => pattern(r"\+?\d[\d\s().-]{5,}\d"),
            "has_date" => pattern(r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b"),
            "has_time" => pattern(r"\b\d{1,2}:\d{2}\b"),
            "has_group" => Condition::Tag(if second.is_empty() { first } else { second }),
            _ => return None,
        };
        let value = match text(case, "type").starts_with("has_number") {
            true => format!("{{{{ {operand} | find_number }}}}"),
            false => whole,
        };
        Some(vec![Way { when, value }])
    }

    fn arguments(&mut self, case: &Json, path: &str, node: &str) -> Vec<String> {
        let arguments = case.get("arguments").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let arguments = arguments.iter().map(|argument| match argument {
            Json::String(source) => source.clone(),
            other => other.to_string(),
        });
        let sources: Vec<_> = arguments.collect();
        sources.iter().map(|source| self.template(source, path, node)).collect()
    }

    /// A way for each word, so that the value is the word that was said.
    fn any_word(&mut self, case: &'j Json, words: &str, operand: &str) -> Vec<Way> {
        let mut all: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        for (_, texts) in self.translations(text(case, "uuid"), "arguments") {
            all.extend(texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned));
        }
        if all.len() > WORDS {
            let when = keywords(all, operand, Matching::Contains);
            return vec![Way { when, value: format!("{{{{ {operand} }}}}") }];
        }
        let mut ways: Vec<Way> = Vec::new();
        for word in all {
            let when = keywords(vec![word.clone()], operand, Matching::Contains);
            ways.push(Way { when, value: said(&word, operand) });
        }
        ways
    }

    fn phrase(&mut self, case: &'j Json, phrase: &str, operand: &str, matching: Matching) -> Vec<Way> {
        let mut all = vec![phrase.to_owned()];
        for (_, texts) in self.translations(text(case, "uuid"), "arguments") {
            all.extend(texts.iter().map(|text| (*text).to_owned()));
        }
        let ways = all.into_iter().map(|phrase| Way {
            value: said(&phrase, operand),
            when: keywords(vec![phrase], operand, matching),
        });
        ways.collect()
    }
}

/// A number where a text is one, as programs write them; a template stays a text.
fn constant(value: &str) -> Json {
    let number = value.trim().parse::<Number>();
    number.map_or_else(|_| Json::String(value.to_owned()), Json::Number)
}

fn keywords(words: Vec<String>, operand: &str, matching: Matching) -> Condition {
    let path = (operand != "input.text").then(|| operand.to_owned());
    let words: Words = Localised::One(words);
    Condition::Keywords(Keywords { words, matching, path })
}

/// The words as they were said, where nothing else was; else as they are written here.
fn said(words: &str, operand: &str) -> String {
    let quoted = crate::import::draft::quoted(words);
    let lower = crate::import::draft::quoted(&words.to_lowercase());
    format!("{{{{ {operand} if ({operand} | lower) == {lower} else {quoted} }}}}")
}
