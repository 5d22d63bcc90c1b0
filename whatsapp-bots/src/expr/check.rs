//! Conditions, compiled.
use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value as Json;

use super::{Found, Path, Rich, Value, View};
use crate::{
    definition::{Compare, Matching},
    effect::Trouble,
    fold,
};

/// Something that holds or not.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    All(Box<[Check]>),
    Any(Box<[Check]>),
    Not(Box<Check>),
    Test(Path, Compare, Value),
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
            Self::Test(path, is, Value::Const(value)) => compare(&view.find(path), *is, value),
            Self::Test(path, is, value) => {
                let (value, its) = value.evaluate(view);
                *trouble = trouble.or(its);
                compare(&view.find(path), *is, &value)
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
                let (value, its) = view.riches.evaluate(rich, view);
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

fn compare(found: &Found<'_>, is: Compare, value: &Json) -> bool {
    match is {
        Compare::Set => !found.is_missing(),
        Compare::Empty => found.is_missing() || found.text().trim().is_empty(),
        Compare::Number => number_of(found).is_some(),
        Compare::Equal => !found.is_missing() && order(found, value) == Some(Ordering::Equal),
        Compare::NotEqual => found.is_missing() || order(found, value) != Some(Ordering::Equal),
        _ if found.is_missing() => false,
        Compare::Greater => order(found, value) == Some(Ordering::Greater),
        Compare::GreaterOrEqual => order(found, value).is_some_and(Ordering::is_ge),
        Compare::Less => order(found, value) == Some(Ordering::Less),
        Compare::LessOrEqual => order(found, value).is_some_and(Ordering::is_le),
        Compare::Contains => match found.json() {
            Some(Json::Array(items)) => items.iter().any(|item| is_same(&Found::Json(item), value)),
            _ => plain(found).contains(&plain(&Found::Json(value))),
        },
        Compare::StartsWith => plain(found).starts_with(&plain(&Found::Json(value))),
        Compare::EndsWith => plain(found).ends_with(&plain(&Found::Json(value))),
        Compare::OneOf => match value {
            Json::Array(items) => items.iter().any(|item| is_same(found, item)),
            _ => is_same(found, value),
        },
    }
}

fn is_same(found: &Found<'_>, value: &Json) -> bool {
    order(found, value) == Some(Ordering::Equal)
}

/// As numbers if one of them is one and the other can be; else as texts.
fn order(found: &Found<'_>, value: &Json) -> Option<Ordering> {
    if let (Some(Json::Number(one)), Json::Number(other)) = (found.json(), value)
        && let (Some(one), Some(other)) = (one.as_i64(), other.as_i64())
    {
        return Some(one.cmp(&other));
    }
    let is_number = |value: Option<&Json>| matches!(value, Some(Json::Number(_)));
    if is_number(found.json()) || is_number(Some(value)) {
        return number_of(found)?.partial_cmp(&number_of(&Found::Json(value))?);
    }
    Some(plain(found).cmp(&plain(&Found::Json(value))))
}

fn plain(found: &Found<'_>) -> String {
    match found {
        Found::Text(text) => fold::plain(text),
        Found::Json(Json::String(text)) => fold::plain(text),
        found => fold::plain(&found.text()),
    }
}

fn number_of(found: &Found<'_>) -> Option<f64> {
    let text = match found {
        Found::Missing => return None,
        Found::Text(text) => text,
        Found::Json(Json::Number(number)) => return number.as_f64(),
        Found::Owned(Json::Number(number)) => return number.as_f64(),
        Found::Json(Json::String(text)) => text.as_str(),
        Found::Owned(Json::String(text)) => text.as_str(),
        Found::Json(_) | Found::Owned(_) => return None,
    };
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
