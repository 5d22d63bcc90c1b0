//! What a campaign says: variables, variants, and the message that comes of them for one recipient.
//!
//! A [`Definition`] is what people write; [`Template::new`] checks it. A recipient's values are [bound](Template::bind) once, when
//! the audience is frozen, and [rendered](Template::render) as often as the message is asked for. Nothing here knows a clock
//! or chance: variation is what is measured, in variants, and nothing else.
mod check;
mod definition;
mod engine;
mod fields;
mod json;
mod placeholder;
mod preview;
mod problem;
mod source;
mod split;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod values;
mod winner;

pub(crate) use self::json::read as read_json;
pub use self::{
    definition::{Category, Definition, Kind, Missing, OptOutOverride, Variable, Variant},
    json::JsonError,
    placeholder::LooksLikePlaceholder,
    preview::{Preview, Refused, Sample, preview},
    problem::{BindError, Fault, Problem, Problems, RenderError, What},
    split::{Arm, Arms, Split},
    template::Template,
    value::Invalid,
    values::{NamedValues, Values, Version},
    winner::{Count, Decision, Metric, NotYet, WinnerRule},
};
