//! Rich templates and expressions, with what can be read in a turn.
use std::{collections::BTreeMap, io};

use minijinja::{Error, ErrorKind, Value as Mini, value::ValueKind};
use serde_json::{Number, Value as Json};

use super::{
    bounds::RENDERED,
    filters::{COMMA, to_mini},
    library::{RESULT, Rich},
    path::Root,
    view::{Found, View},
};
use crate::{effect::Trouble, numbers::DecimalMark};

/// How deep a value may be.
const DEPTH: u8 = 32;

impl Rich {
    /// Renders a template; what was made until it failed is kept.
    pub(crate) fn render(&self, view: &View<'_>, out: &mut String) -> Option<Trouble> {
        let mut bounded = Bounded { text: Vec::new() };
        let mut trouble = self.missing(view);
        match view.rich_values.environment.get_template(&self.name) {
            Err(_) => trouble = Some(Trouble::Expression),
            Ok(template) => {
                if let Err(error) = template.render_captured_to(context(self, view), &mut bounded) {
                    trouble = Some(trouble_of(&error));
                }
            }
        }
        out.push_str(&String::from_utf8_lossy(&bounded.text));
        trouble
    }

    /// The value of an expression; `null` when it failed.
    pub(crate) fn evaluate(&self, view: &View<'_>) -> (Json, Option<Trouble>) {
        let result = view.rich_values.environment.get_template(&self.name).and_then(|template| {
            let captured = template.render_captured(context(self, view))?;
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

    fn missing(&self, view: &View<'_>) -> Option<Trouble> {
        let is_missing = |root: Root| matches!(root, Root::Var(_)) && view.whole(root).is_missing();
        self.reads.iter().any(|(_, root)| is_missing(*root)).then_some(Trouble::Missing)
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
