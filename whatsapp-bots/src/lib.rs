//! The flow engine of a WhatsApp manager: a pure function of flow, conversation and input.
//!
//! ```text
//! Definition ──validate──► findings            (JSON with stable ids; a draft may be half done)
//!      └──────Compiled::new──► Compiled         (a published version, shared by its conversations)
//!                                  │
//! State + Input + Ctx ───────────step──► State + effects + trace
//! ```
//!
//! What it is: [`definition`] and [`nodes`] say what a bot can be, [`validate()`] what is wrong with one, [`step`] what it does, and
//! [`tester`] tries it out. What it is not: it sends nothing, stores nothing, asks no clock and no server, and knows no protocol.
//! What is sent is [`whatsapp_store::Content`]; the host stores a [`State`] and its effects in one transaction.
//!
//! # Names
//!
//! `{{ name }}` is a variable of the flow; a called flow has its own. `{{ contact.name }}`, `.phone`, `.language`, `.tags` and
//! `.fields.city` are the contact's; `{{ input.text }}`, `.kind`, `.payload` and so on are those of the message that this turn
//! is about, and gone in the next; `{{ now }}` and `{{ today }}` are the time in the bot's zone. What people write is only ever
//! a value, and never a template.
//!
//! # What the host does
//!
//! 1. It gives inputs one after the other for each chat, and each at most once.
//! 2. In one transaction it stores [`State::to_bytes`], notes the input, and writes the effects into its outbox; the numbers in
//!    [`Effect::Send`] and [`Effect::Http`] are unique within a chat and the same when the step is taken again.
//! 3. It gives [`Input::Timer`] when [`State::wake_at`] has come, [`Input::Result`] when a request has an answer, and
//!    [`Input::HumanTookOver`] when the account itself writes.
//! 4. A live session stays with the version that it began with. A chat without one is given to the newest version of the bot
//!    whose [`Compiled::fit`] is the greatest; to another bot than before, after [`State::renew`].
mod build;
#[cfg(any(feature = "runner", feature = "service"))]
mod clock;
mod compile;
mod contact;
pub mod definition;
mod effect;
mod engine;
mod expr;
mod finding;
mod fold;
#[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
pub mod import;
mod input;
mod menus;
pub mod nodes;
mod numbers;
mod parts;
mod plan;
#[cfg(feature = "runner")]
pub mod runner;
mod schedule;
#[cfg(feature = "service")]
pub mod service;
mod state;
pub mod tester;
pub mod triggers;
mod turn;
mod validate;
mod vcard;

pub use self::{
    build::validate,
    contact::Contact,
    definition::Definition,
    effect::{Choice, Effect, Event, Guard, Menu, NodeIndex, Request, Trouble},
    engine::{Ctx, Leaving, Limits, Meaning, Step, Visit, step},
    finding::{Code, Finding, Findings, MAX_EXITS, MAX_FLOWS, MAX_NODES},
    input::{Body, Input, MAX_ANSWER, MAX_TEXT, Media, Message, Outcome},
    menus::Menus,
    plan::Compiled,
    schedule::Schedule,
    state::{State, StateError, Status},
    triggers::Fit,
};

/// The example in the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
