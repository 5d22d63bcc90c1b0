//! Placeholders and expressions.
//!
//! A text of literals and paths is a list of segments; anything richer is minijinja's, with few filters, few statements, and
//! an end to its steps and its output. What people write is only ever a value here, and never a template.
mod bounds;
mod check;
mod encode;
mod filters;
mod library;
mod path;
mod rich;
mod scan;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod view;

pub(crate) use self::{
    bounds::{KEPT, RENDERED, SOURCE},
    check::Check,
    encode::percent_encode,
    library::RichValues,
    path::{Key, Path, Root, Written, descend},
    scan::Why,
    template::{Template, Texts},
    value::{Value, fits, size},
    view::{Found, View},
};
