//! What is more than paths: minijinja without a loader, with few filters, and with an end to what it may do and make.
use std::{collections::BTreeMap, fmt, io};

use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value as Mini, escape_formatter,
    filters, value::ValueKind,
};
use serde_json::{Number, Value as Json};

use super::{
    bounds::RENDERED,
    path::Root,
    scan::{self, Why},
    view::{Found, View},
};
use crate::{
    effect::Trouble,
    numbers::{self, DecimalMark},
};

/// Steps of one rendering.
const FUEL: u64 = 10_000;
/// How deep a value may be.
const DEPTH: u8 = 32;
/// The name that says whether the person writes a decimal comma.
const COMMA: &str = "__comma";
/// The name that an expression's value goes to.
const RESULT: &str = "__result";

/// All rich templates and expressions of a bot.
pub(crate) struct Riches {
    environment: Environment<'static>,
    count: usize,
}

/// One of them: its name there, and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Rich {
    name: Box<str>,
    reads: Box<[(Box<str>, Root)]>,
}

impl fmt::Debug for Riches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Riches").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Riches {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        environment.set_formatter(write_value);
        environment.add_filter("upper", filters::upper);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("title", filters::title);
        environment.add_filter("capitalize", filters::capitalize);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("length", filters::length);
        environment.add_filter("abs", filters::abs);
        environment.add_filter("round", filters::round);
        environment.add_filter("int", filters::int);
        environment.add_filter("float", filters::float);
        environment.add_filter("first", filters::first);
        environment.add_filter("last", filters::last);
        environment.add_filter("default", or_default);
        environment.add_filter("join", join);
        environment.add_filter("replace", replace);
        environment.add_filter("times", times);
        environment.add_filter("word", word);
        environment.add_filter("counterpart", counterpart);
        environment.add_filter("urlencode", url_encode);
        environment.add_filter("number", as_number);
        environment.add_filter("find_number", find_number);
        Self { environment, count: 0 }
    }

    /// Adds a template. `root` says what a name is.
    pub(crate) fn template(&mut self, source: &str, root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        scan::template(source)?;
        // A newline at the end of a text is the author's; the language would drop one.
        let ending = if source.ends_with('\n') { "\n" } else { "" };
        self.add(format!("{source}{ending}"), root)
    }

    /// Adds an expression.
    pub(crate) fn expression(&mut self, source: &str, root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        scan::expression(source)?;
        self.add(format!("{{% set {RESULT} = ({source}) %}}"), root)
    }

    fn add(&mut self, source: String, mut root: impl FnMut(&str) -> Root) -> Result<Rich, Why> {
        let name = self.count.to_string();
        let wrong = |error: Error| Why::Syntax(error.line().unwrap_or(1));
        self.environment.add_template_owned(name.clone(), source).map_err(wrong)?;
        let template = self.environment.get_template(&name).map_err(wrong)?;
        let mut names: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        names.sort_unstable();
        self.count += 1;
        let reads = names.into_iter().map(|name| (name.as_str().into(), root(&name))).collect();
        Ok(Rich { name: name.into(), reads })
    }

    /// Renders a template; what was made until it failed is kept.
    pub(crate) fn render(&self, rich: &Rich, view: &View<'_>, out: &mut String) -> Option<Trouble> {
        let mut bounded = Bounded { text: Vec::new() };
        let mut trouble = self.missing(rich, view);
        match self.environment.get_template(&rich.name) {
            Err(_) => trouble = Some(Trouble::Expression),
            Ok(template) => {
                if let Err(error) = template.render_captured_to(context(rich, view), &mut bounded) {
                    trouble = Some(trouble_of(&error));
                }
            }
        }
        out.push_str(&String::from_utf8_lossy(&bounded.text));
        trouble
    }

    /// The value of an expression; `null` when it failed.
    pub(crate) fn evaluate(&self, rich: &Rich, view: &View<'_>) -> (Json, Option<Trouble>) {
        let result = self.environment.get_template(&rich.name).and_then(|template| {
            let captured = template.render_captured(context(rich, view))?;
            captured.state().lookup(RESULT).ok_or_else(|| Error::from(ErrorKind::UndefinedError))
        });
        match result {
            Ok(value) => match from_mini(&value, 0) {
                Some(json) => (json, None),
                None => (Json::Null, Some(Trouble::TooLarge)),
            },
            Err(error) => (Json::Null, Some(trouble_of(&error))),
        }
    }

    fn missing(&self, rich: &Rich, view: &View<'_>) -> Option<Trouble> {
        let is_missing = |root: Root| matches!(root, Root::Var(_)) && view.whole(root).is_missing();
        rich.reads.iter().any(|(_, root)| is_missing(*root)).then_some(Trouble::Missing)
    }
}

fn trouble_of(error: &Error) -> Trouble {
    match error.kind() {
        ErrorKind::WriteFailure => Trouble::TooLong,
        ErrorKind::OutOfFuel => Trouble::TooMuchWork,
        _ => Trouble::Expression,
    }
}

fn context(rich: &Rich, view: &View<'_>) -> Mini {
    let mut names = BTreeMap::new();
    for (name, root) in &rich.reads {
        match view.whole(*root) {
            Found::Missing => continue,
            Found::Text(text) => names.insert(name.to_string(), Mini::from(text)),
            Found::Json(value) => names.insert(name.to_string(), to_mini(value)),
            Found::Owned(value) => names.insert(name.to_string(), to_mini(&value)),
        };
    }
    names.insert(COMMA.to_owned(), Mini::from(view.mark == DecimalMark::Comma));
    Mini::from(names)
}

fn to_mini(value: &Json) -> Mini {
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

/// `None` for what is too deep or too large to be kept.
fn from_mini(value: &Mini, depth: u8) -> Option<Json> {
    if depth > DEPTH {
        return None;
    }
    Some(match value.kind() {
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(int) if value.is_integer() => Json::from(int),
            _ => Number::from_f64(f64::try_from(value.clone()).ok()?).map_or(Json::Null, Json::Number),
        },
        ValueKind::Map => {
            let keys = value.try_iter().ok()?;
            let mut items = serde_json::Map::new();
            for key in keys.take(1_001) {
                let item = value.get_item(&key).ok()?;
                items.insert(key.to_string(), from_mini(&item, depth + 1)?);
            }
            (items.len() <= 1_000).then_some(Json::Object(items))?
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().ok()?.take(1_001).map(|item| from_mini(&item, depth + 1));
            let items: Vec<_> = items.collect::<Option<_>>()?;
            (items.len() <= 1_000).then_some(Json::Array(items))?
        }
        _ => {
            let text = value.to_string();
            (text.len() <= RENDERED).then_some(Json::String(text))?
        }
    })
}

/// A number is written without a fraction that is none, as in texts without filters.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Mini) -> Result<(), Error> {
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
fn or_default(value: Mini, other: Mini) -> Mini {
    let is_empty = value.is_undefined() || value.is_none() || value.as_str() == Some("");
    if is_empty { other } else { value }
}

fn join(items: Mini, between: Option<String>) -> Result<String, Error> {
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

fn replace(text: String, from: String, to: String) -> Result<String, Error> {
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
fn times(one: Mini, other: Mini) -> Result<Mini, Error> {
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
fn as_number(state: &State<'_, '_>, value: Mini) -> Mini {
    value.as_str().and_then(|text| numbers::number(text, mark(state))).map_or(value.clone(), whole_or_not)
}

/// The first number of a text; a number as it is, and nothing of what has none.
fn find_number(state: &State<'_, '_>, value: Mini) -> Mini {
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
fn word(text: String, place: i64) -> String {
    let is_between = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '\'' | '’');
    let mut words = text.split(is_between).filter(|word| !word.is_empty());
    let word = match usize::try_from(place) {
        Ok(place) => words.nth(place),
        Err(_) => usize::try_from(place.unsigned_abs()).ok().and_then(|from| words.rev().nth(from - 1)),
    };
    word.unwrap_or_default().to_owned()
}

/// Of two lists, the item of the second that stands where the value stands in the first; `none` where it does not.
fn counterpart(value: Mini, list: Mini, other: Mini) -> Result<Mini, Error> {
    let place = list.try_iter()?.position(|item| item == value);
    let found = place.and_then(|place| other.try_iter().ok()?.nth(place));
    Ok(found.unwrap_or_else(|| Mini::from(())))
}

fn url_encode(text: String) -> Result<String, Error> {
    let mut out = String::new();
    super::template::percent_encode(&text, &mut out);
    capped(out)
}

/// Takes no more than a text may become.
struct Bounded {
    text: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > RENDERED {
            return Err(io::Error::other("too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
