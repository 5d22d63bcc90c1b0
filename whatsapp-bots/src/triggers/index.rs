//! What a kind of trigger says of itself, and how triggers are found.
use std::fmt;

use regex::Regex as Pattern;

use crate::{compile::Compiler, input::Message, parts::Matching, schedule::Schedule as Times};

/// What a kind of trigger has to say.
pub(crate) trait TriggerKind {
    /// Higher is more specific.
    fn specificity(&self) -> u8;

    /// What it is about, for those who look for two that are about the same; nothing if two never get in each other's way.
    fn subjects(&self) -> Vec<String> {
        Vec::new()
    }

    /// Does it come without anybody in the chat having done something?
    fn is_unasked(&self) -> bool {
        false
    }

    /// How the trigger of that id and scope is found; `None` when it does not work. What is wrong with it, the compiler notes.
    fn compile(&self, id: &str, scope: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index>;
}

/// How a trigger is found.
#[derive(Debug)]
pub(crate) enum Index {
    Payloads(Vec<String>),
    Words(Matching, Vec<String>),
    Pattern(Pattern),
    Event(String),
    Schedule(Times),
    /// Each message is tried; one that is not specific breaks into no flow.
    Test {
        fits: Box<dyn Fits>,
        is_specific: bool,
    },
}

/// Does a message fit?
pub(crate) trait Fits: fmt::Debug + Send + Sync {
    fn fits(&self, message: &Message) -> bool;
}
