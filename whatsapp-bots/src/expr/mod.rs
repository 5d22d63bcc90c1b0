//! Placeholders and expressions.
//!
//! A text of literals and paths is a list of segments; anything richer is minijinja's, with few filters, few statements, and
//! an end to its steps and its output. What people write is only ever a value here, and never a template.
mod bounds;
mod check;
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
    path::{Key, Path, Root, Written, descend},
    rich::Riches,
    scan::Why,
    template::{Template, Texts, percent_encode},
    value::{Value, fits, size},
    view::{Found, View},
};
