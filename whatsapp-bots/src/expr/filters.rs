//! What rich templates and expressions can do with values.
use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind, Output, State, Value as Mini, escape_formatter, value::ValueKind};
use serde_json::Value as Json;

use super::{bounds::RENDERED, encode::percent_encode};
use crate::numbers::{self, DecimalMark};

/// The name that says whether the person writes a decimal comma.
pub(super) const COMMA: &str = "__comma";

pub(super) fn to_mini(value: &Json) -> Mini {
    match value {
        Json::Null => Mini::from(()),
        Json::Bool(is) => Mini::from(*is),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Mini::from(int),
            (_, Some(size)) => Mini::from(size),
            _ => Mini::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Mini::from(text.as_str()),
        Json::Array(items) => Mini::from(items.iter().map(to_mini).collect::<Vec<_>>()),
        Json::Object(items) => {
            let items = items.iter().map(|(key, value)| (key.clone(), to_mini(value)));
            Mini::from(items.collect::<BTreeMap<_, _>>())
        }
    }
}

/// A number is written without a fraction that is none, as in texts without filters.
pub(super) fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Mini,
) -> Result<(), Error> {
    let number = Some(value).filter(|value| value.kind() == ValueKind::Number && !value.is_integer());
    match number.and_then(|value| f64::try_from(value.clone()).ok()) {
        Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => {
            write!(out, "{float}").map_err(Error::from)
        }
        _ => escape_formatter(out, state, value),
    }
}

/// Refuses a text that a filter made too long: in a chain it would grow without end.
fn capped(text: String) -> Result<String, Error> {
    if text.len() > RENDERED { Err(Error::from(ErrorKind::WriteFailure)) } else { Ok(text) }
}

/// Of nothing, of `none` and of an empty text, something else.
pub(super) fn or_default(value: Mini, other: Mini) -> Mini {
    let is_empty = value.is_undefined() || value.is_none() || value.as_str() == Some("");
    if is_empty { other } else { value }
}

pub(super) fn join(items: Mini, between: Option<String>) -> Result<String, Error> {
    let between = between.unwrap_or_else(|| ", ".to_owned());
    let mut text = String::new();
    for (place, item) in items.try_iter()?.enumerate() {
        if place > 0 {
            text.push_str(&between);
        }
        text.push_str(&item.to_string());
        text = capped(text)?;
    }
    Ok(text)
}

pub(super) fn replace(text: String, from: String, to: String) -> Result<String, Error> {
    if from.is_empty() {
        return Ok(text);
    }
    let times = text.matches(&from).count();
    if text.len() + times * to.len() > RENDERED {
        return Err(Error::from(ErrorKind::WriteFailure));
    }
    capped(text.replace(&from, &to))
}

/// Multiplies numbers, and only them.
pub(super) fn times(one: Mini, other: Mini) -> Result<Mini, Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, "only numbers multiply");
    if one.kind() != ValueKind::Number || other.kind() != ValueKind::Number {
        return Err(wrong());
    }
    if one.is_integer() && other.is_integer() {
        let one = i64::try_from(one).map_err(|_| wrong())?;
        let other = i64::try_from(other).map_err(|_| wrong())?;
        return one.checked_mul(other).map(Mini::from).ok_or_else(wrong);
    }
    Ok(Mini::from(f64::try_from(one)? * f64::try_from(other)?))
}

/// A text that is a number as that number, by the marks of the person's language; anything else as it is.
pub(super) fn as_number(state: &State<'_, '_>, value: Mini) -> Mini {
    value.as_str().and_then(|text| numbers::number(text, mark(state))).map_or(value.clone(), whole_or_not)
}

/// The first number of a text; a number as it is, and nothing of what has none.
pub(super) fn find_number(state: &State<'_, '_>, value: Mini) -> Mini {
    match value.as_str() {
        Some(text) => numbers::first_number(text, mark(state)).map_or(Mini::from(()), whole_or_not),
        None => value,
    }
}

fn mark(state: &State<'_, '_>) -> DecimalMark {
    match state.lookup(COMMA) {
        Some(is) if is.is_true() => DecimalMark::Comma,
        _ => DecimalMark::Point,
    }
}

fn whole_or_not(number: f64) -> Mini {
    to_mini(&numbers::to_json(number))
}

/// One word of a text: 0 is the first, -1 the last. Nothing where there is none.
pub(super) fn word(text: String, place: i64) -> String {
    let is_between = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '\'' | '’');
    let mut words = text.split(is_between).filter(|word| !word.is_empty());
    let word = match usize::try_from(place) {
        Ok(place) => words.nth(place),
        Err(_) => usize::try_from(place.unsigned_abs()).ok().and_then(|from| words.rev().nth(from - 1)),
    };
    word.unwrap_or_default().to_owned()
}

/// Of two lists, the item of the second that stands where the value stands in the first; `none` where it does not.
pub(super) fn counterpart(value: Mini, list: Mini, other: Mini) -> Result<Mini, Error> {
    let place = list.try_iter()?.position(|item| item == value);
    let found = place.and_then(|place| other.try_iter().ok()?.nth(place));
    Ok(found.unwrap_or_else(|| Mini::from(())))
}

pub(super) fn url_encode(text: String) -> Result<String, Error> {
    let mut out = String::new();
    percent_encode(&text, &mut out);
    capped(out)
}
