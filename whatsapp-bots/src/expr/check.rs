//! Conditions, compiled.
use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value as Json;

use super::{
    library::Rich,
    path::Path,
    value::Value,
    view::{Found, View},
};
use crate::{
    effect::Trouble,
    fold,
    numbers::{DecimalMark, first_number, number},
    parts::{Compare, Matching},
};

/// Something that holds or not.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    All(Box<[Check]>),
    Any(Box<[Check]>),
    Not(Box<Check>),
    Test {
        path: Path,
        is: Compare,
        value: Value,
        as_number: bool,
    },
    Words(Path, Matching, Box<[String]>),
    Regex(Path, Regex),
    Tag(Box<str>),
    Expr(Rich),
    /// It did not compile; it never holds and is never run.
    Never,
}

impl Check {
    pub(crate) fn holds(&self, view: &View<'_>, trouble: &mut Option<Trouble>) -> bool {
        match self {
            Self::All(checks) => checks.iter().all(|check| check.holds(view, trouble)),
            Self::Any(checks) => checks.iter().any(|check| check.holds(view, trouble)),
            Self::Not(check) => !check.holds(view, trouble),
            Self::Test { path, is, value, as_number } => {
                let comparison = Comparison { mark: view.mark, is_within: *as_number };
                if let Value::Const(value) = value {
                    return comparison.holds(&view.find(path), *is, value);
                }
                let (value, its) = value.evaluate(view);
                *trouble = trouble.or(its);
                comparison.holds(&view.find(path), *is, &value)
            }
            Self::Words(path, matching, words) => {
                let text = fold::words(&view.find(path).text());
                words.iter().any(|words| occurs(&text, *matching, words))
            }
            Self::Regex(path, regex) => match view.find(path) {
                Found::Text(text) => regex.is_match(text),
                Found::Missing => false,
                found => regex.is_match(&found.text()),
            },
            Self::Tag(tag) => view.contact.tags.contains(&**tag),
            Self::Expr(rich) => {
                let (value, its) = rich.evaluate(view);
                *trouble = trouble.or(its);
                is_true(&value)
            }
            Self::Never => false,
        }
    }
}

/// Do folded words occur in a folded text?
pub(crate) fn occurs(text: &str, matching: Matching, words: &str) -> bool {
    match matching {
        Matching::Exact => text == words,
        Matching::StartsWith => fold::begins_with(text, words),
        Matching::Contains => fold::holds(text, words),
    }
}

fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(is) => *is,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(items) => !items.is_empty(),
    }
}

/// How texts are read as numbers when values are compared.
#[derive(Clone, Copy)]
struct Comparison {
    mark: DecimalMark,
    /// Is a number taken from within a text, and nothing else compared?
    is_within: bool,
}

impl Comparison {
    fn holds(self, found: &Found<'_>, is: Compare, value: &Json) -> bool {
        let order = || self.order(found, value);
        match is {
            Compare::Set => !found.is_missing(),
            Compare::Empty => found.is_missing() || found.text().trim().is_empty(),
            Compare::Number => self.number(found).is_some(),
            Compare::Equal => !found.is_missing() && self.is_same(found, value),
            Compare::NotEqual => found.is_missing() || !self.is_same(found, value),
            _ if found.is_missing() => false,
            Compare::Greater => order() == Some(Ordering::Greater),
            Compare::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Compare::Less => order() == Some(Ordering::Less),
            Compare::LessOrEqual => order().is_some_and(Ordering::is_le),
            Compare::Contains => match found.json() {
                Some(Json::Array(items)) => items.iter().any(|item| self.is_same(&Found::Json(item), value)),
                _ => plain(found).contains(&plain(&Found::Json(value))),
            },
            Compare::StartsWith => plain(found).starts_with(&plain(&Found::Json(value))),
            Compare::EndsWith => plain(found).ends_with(&plain(&Found::Json(value))),
            Compare::OneOf => match value {
                Json::Array(items) => items.iter().any(|item| self.is_same(found, item)),
                _ => self.is_same(found, value),
            },
        }
    }

    /// As numbers if one of them is one and the other can be; else as texts.
    fn is_same(self, found: &Found<'_>, value: &Json) -> bool {
        let is_number = |value: Option<&Json>| matches!(value, Some(Json::Number(_)));
        let order = match self.is_within || is_number(found.json()) || is_number(Some(value)) {
            true => self.numbers(found, value),
            false => Some(plain(found).cmp(&plain(&Found::Json(value)))),
        };
        order == Some(Ordering::Equal)
    }

    /// As numbers if both can be; as texts if neither is one.
    fn order(self, found: &Found<'_>, value: &Json) -> Option<Ordering> {
        let is_number = |value: Option<&Json>| matches!(value, Some(Json::Number(_)));
        let must_be = self.is_within || is_number(found.json()) || is_number(Some(value));
        match self.numbers(found, value) {
            None if !must_be => Some(plain(found).cmp(&plain(&Found::Json(value)))),
            order => order,
        }
    }

    fn numbers(self, found: &Found<'_>, value: &Json) -> Option<Ordering> {
        if let (Some(Json::Number(one)), Json::Number(other)) = (found.json(), value)
            && let (Some(one), Some(other)) = (one.as_i64(), other.as_i64())
        {
            return Some(one.cmp(&other));
        }
        // What stands in a definition is written as programs write numbers.
        let other = match value {
            Json::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        self.number(found)?.partial_cmp(&other.or_else(|| self.number(&Found::Json(value)))?)
    }

    fn number(self, found: &Found<'_>) -> Option<f64> {
        let text = match found {
            Found::Missing => return None,
            Found::Text(text) => text,
            Found::Json(Json::Number(number)) => return number.as_f64(),
            Found::Owned(Json::Number(number)) => return number.as_f64(),
            Found::Json(Json::String(text)) => text.as_str(),
            Found::Owned(Json::String(text)) => text.as_str(),
            Found::Json(_) | Found::Owned(_) => return None,
        };
        match self.is_within {
            true => first_number(text, self.mark),
            false => number(text, self.mark),
        }
    }
}

fn plain(found: &Found<'_>) -> String {
    match found {
        Found::Text(text) => fold::plain(text),
        Found::Json(Json::String(text)) => fold::plain(text),
        found => fold::plain(&found.text()),
    }
}
