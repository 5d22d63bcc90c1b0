//! The flow engine of a WhatsApp manager: a pure function of flow, conversation and input.
//!
//! It knows no socket, no clock and no protocol. What is sent is [`whatsapp_store::Content`].
mod compile;
mod contact;
pub mod definition;
mod effect;
mod engine;
mod expr;
mod fold;
#[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
pub mod import;
mod input;
pub mod nodes;
mod state;
pub mod tester;
mod triggers;
mod validate;

pub use self::{
    compile::Compiled,
    contact::Contact,
    definition::Definition,
    effect::{Choice, Effect, Event, Guard, Menu, NodeIndex, Request, Trouble},
    engine::{Ctx, Leaving, Limits, Step, Visit, step},
    input::{Body, Input, MAX_ANSWER, MAX_TEXT, Media, Message, Outcome},
    state::{State, StateError, Status},
    validate::{Code, Finding, Findings, MAX_EXITS, MAX_FLOWS, MAX_NODES, validate},
};
