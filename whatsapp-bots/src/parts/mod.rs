//! What the settings of nodes and triggers are made of. The [definition](crate::definition) puts them together, and shows them.
mod condition;
mod flow;
mod known;
mod node;
mod text;

pub use self::{
    condition::{Compare, Condition, Keywords, Matching, Pattern, Test},
    flow::{CommandKind, Interrupt},
    known::Known,
    node::{Exit, Unknown},
    text::{Localised, Source, Text, Words},
};
