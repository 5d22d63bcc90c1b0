//! The template language as it is allowed here: minijinja without a loader, with few filters, strict about what is not there,
//! and with an end to what it may do and make.
use std::{collections::BTreeSet, io};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
    filters,
};

use super::problem::{Fault, What};

/// Bytes of a field's source.
pub(super) const SOURCE: usize = 16 * 1024;
/// Bytes of a rendered field: as long as a message's text can be.
pub(super) const RENDERED: usize = 64 * 1024;
/// Steps of one field: a source of the longest kind, without loops, takes fewer.
const FUEL: u64 = 50_000;
/// The escaping of contact cards.
const CARD: &str = "card";

/// The compiled fields of a template, by name.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    environment: Environment<'static>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| match name.ends_with("/vcard") {
            true => AutoEscape::Custom(CARD.into()),
            false => AutoEscape::None,
        });
        environment.set_formatter(format);
        environment.add_filter("upper", filters::upper);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("title", filters::title);
        environment.add_filter("capitalize", filters::capitalize);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("length", filters::length);
        environment.add_filter("abs", filters::abs);
        environment.add_filter("round", filters::round);
        Self { environment }
    }

    /// Adds a field; gives the variables it uses.
    pub(super) fn add(&mut self, name: &str, source: &str) -> Result<BTreeSet<String>, What> {
        // A newline at the end of a text is the author's; the language would drop one.
        let ending = if source.ends_with('\n') { "\n" } else { "" };
        let wrong = |error: Error| What::Syntax { line: line(&error), why: why(error.kind()) };
        self.environment.add_template_owned(name.to_owned(), format!("{source}{ending}")).map_err(wrong)?;
        let template = self.environment.get_template(name).map_err(wrong)?;
        // With the fields of what has none: `name.first` is another variable, which nobody declared.
        Ok(template.undeclared_variables(true).into_iter().collect())
    }

    /// Renders a field.
    pub(super) fn render(&self, name: &str, values: &Value) -> Result<String, Fault> {
        let mut out = Bounded { text: Vec::new() };
        let template = self.environment.get_template(name).map_err(|error| Fault::Operation(line(&error)))?;
        template.render_captured_to(values.clone(), &mut out).map_err(|error| match error.kind() {
            ErrorKind::WriteFailure => Fault::TooLong,
            ErrorKind::OutOfFuel => Fault::TooMuchWork,
            _ => Fault::Operation(line(&error)),
        })?;
        let text = String::from_utf8(out.text).map_err(|_| Fault::Operation(1))?;
        if text.trim().is_empty() { Err(Fault::Empty) } else { Ok(text) }
    }
}

fn line(error: &Error) -> usize {
    error.line().unwrap_or(1)
}

fn why(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadEscape => "this escape in a text in quotes is none",
        _ => {
            "this is not the template language; a placeholder is {{ name }}, a condition {% if name == \"x\" %}…{% endif %}"
        }
    }
}

/// Writes a value. In a contact card, a value can be no more than the part of the line that it stands in.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    // The only escaping that is not `None` is that of cards.
    if matches!(state.auto_escape(), AutoEscape::None) {
        return escape_formatter(out, state, value);
    }
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let text = value.to_string();
    if value.is_safe() {
        // An address, which has been looked at: it keeps its commas.
        return out.write_str(&text).map_err(Error::from);
    }
    for c in text.chars() {
        match c {
            '\n' => out.write_str("\\n")?,
            '\\' | ',' | ';' => write!(out, "\\{c}")?,
            c => write!(out, "{c}")?,
        }
    }
    Ok(())
}

/// Takes no more than a message can hold.
struct Bounded {
    text: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > RENDERED {
            return Err(io::Error::other("longer than a message can be"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
