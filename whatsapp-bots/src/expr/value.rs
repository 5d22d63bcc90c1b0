//! Where values come from.
use serde_json::{Map, Value as Json};

use super::{bounds::KEPT, library::Rich, path::Path, template::Template, view::View};
use crate::effect::Trouble;

/// How deep a value that is kept may be.
const DEPTH: usize = 32;

/// Something that gives a value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Const(Json),
    Path(Path),
    Text(Template),
    Expr(Rich),
    /// `name + 1` and `name - 1`: what counters do.
    Add(Path, i64),
    List(Box<[Value]>),
    Map(Box<[(String, Value)]>),
}

impl Value {
    /// The value, never larger than what may be kept.
    pub(crate) fn evaluate(&self, view: &View<'_>) -> (Json, Option<Trouble>) {
        let (value, trouble) = self.whole(view);
        match &value {
            Json::Null | Json::Bool(_) | Json::Number(_) => (value, trouble),
            _ if !fits(&value) => (Json::Null, Some(Trouble::TooLarge)),
            _ => (value, trouble),
        }
    }

    fn whole(&self, view: &View<'_>) -> (Json, Option<Trouble>) {
        match self {
            Self::Const(value) => (value.clone(), None),
            Self::Path(path) => {
                let found = view.find(path);
                let trouble = found.is_missing().then_some(Trouble::Missing);
                (found.into_json(), trouble)
            }
            Self::Text(template) => {
                let (text, trouble) = template.render(view);
                (Json::String(text), trouble)
            }
            Self::Expr(rich) => rich.evaluate(view),
            Self::Add(path, number) => add(view.find(path).json(), *number),
            Self::List(items) => {
                let mut trouble = None;
                let items = items.iter().map(|item| {
                    let (item, its) = item.evaluate(view);
                    trouble = trouble.or(its);
                    item
                });
                let items = items.collect();
                (Json::Array(items), trouble)
            }
            Self::Map(items) => {
                let mut trouble = None;
                let mut map = Map::new();
                for (key, item) in items {
                    let (item, its) = item.evaluate(view);
                    trouble = trouble.or(its);
                    map.insert(key.clone(), item);
                }
                (Json::Object(map), trouble)
            }
        }
    }
}

fn add(value: Option<&Json>, number: i64) -> (Json, Option<Trouble>) {
    let sum = match value {
        Some(Json::Number(value)) => match value.as_i64() {
            Some(int) => int.checked_add(number).map(Json::from),
            None => value.as_f64().map(|value| Json::from(value + number as f64)),
        },
        _ => None,
    };
    let trouble = sum.is_none().then_some(Trouble::Expression);
    (sum.unwrap_or_default(), trouble)
}

/// May it be kept in a conversation?
pub(crate) fn fits(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::String(text) => text.len() <= KEPT,
        _ => size(value) <= KEPT && depth(value) <= DEPTH,
    }
}

/// About how many bytes a value takes.
pub(crate) fn size(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 1,
        Json::Number(_) => 9,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Json::Object(items) => items.iter().map(|(key, item)| key.len() + 2 + size(item)).sum::<usize>() + 2,
    }
}

/// How deep a value is.
fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(items) => 1 + items.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
