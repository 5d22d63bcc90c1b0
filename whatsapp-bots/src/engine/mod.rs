//! The engine: [`step`] is a function of bot, state, input, time and seed, and of nothing else.
//!
//! It always comes to an end, never fails, and gives the same bytes for the same arguments. What it wants done it gives as
//! [`Effect`]s; what came of them, it hears as [`Input`].
mod guard;
mod hear;
mod random;
mod run;
#[cfg(test)]
mod tests;
mod timer;
mod turn;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value as Json};

pub use self::guard::Limits;
pub(crate) use self::{random::mix, turn::Turn};
use crate::{
    compile::{Compiled, ExitId},
    contact::Contact,
    effect::{Effect, NodeIndex},
    input::{Input, Message, Outcome},
    state::{State, Vars, Wait},
    triggers::Fit,
};

/// What a step knows besides.
#[derive(Clone, Copy, Debug)]
pub struct Ctx<'a> {
    /// The time, milliseconds since the Unix epoch. It is read nowhere else.
    pub now: i64,
    /// Where chance comes from: the same for a conversation for ever, such as a hash of account and chat.
    pub seed: u64,
    /// Who is written with.
    pub contact: &'a Contact,
}

/// What a step gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// To store, together with the effects.
    pub state: State,
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// The way it took.
    pub trace: Vec<Visit>,
}

/// A node on the way of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// The node.
    pub at: NodeIndex,
    /// Was it entered in this turn?
    pub entered: bool,
    /// How it was left in this turn.
    pub leaving: Leaving,
    /// How long it had waited when it was left, milliseconds.
    pub millis: u64,
}

/// How a node was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Leaving {
    /// Not at all: it waits.
    Stays,
    /// By that exit; [`Compiled::exit`] tells its id.
    Exit(u16),
    /// It ended the flow, or went elsewhere.
    Over,
    /// The conversation ended there: nobody answered, or a person was needed.
    Dropped,
}

/// Takes one step: hears one input.
pub fn step(bot: &Compiled, state: State, input: &Input, ctx: &Ctx<'_>) -> Step {
    Turn::new(bot, state, ctx).hear(input)
}

pub(crate) fn meaning(bot: &Compiled, state: &State, message: &Message, ctx: &Ctx<'_>) -> Meaning {
    Turn::new(bot, state.clone(), ctx).meaning(message)
}

pub(crate) fn fit(bot: &Compiled, state: &State, message: &Message, ctx: &Ctx<'_>) -> Option<Fit> {
    // As if nothing were live: only when it last ended counts, for triggers that wait after it.
    let state = State { flow: state.flow, done: state.done.clone(), ..State::default() };
    Turn::new(bot, state, ctx).fit(message)
}

/// What a message is to a conversation, before it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// It chooses one of the options that the conversation offers. It is that choice and nothing else.
    Choice,
    /// A command of the bot that ends messages to the person.
    Stop,
    /// Another command of the bot.
    Command,
    /// Words, a pattern or a button of a trigger.
    Trigger,
    /// It answers an open question.
    Answer,
    /// A person has taken the chat over: no bot hears it.
    Person,
    /// None of these: a wrong answer, or nobody asked.
    Other,
}

/// What a waiting node would take a message for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Choice,
    Answer,
    Nothing,
}

/// What a node does. It never fails: what goes wrong is an exit, or trouble that is noted.
pub(crate) trait Behaviour: fmt::Debug + Send + Sync {
    /// Somebody came in.
    fn enter(&self, turn: &mut Turn<'_>) -> Next;

    /// Something came that it may have waited for; [`Next::Stay`] when it did not.
    fn resume(&self, _turn: &mut Turn<'_>, _with: Resume<'_>) -> Next {
        Next::Stay
    }

    /// What it would take a message for, if it waits for one.
    fn takes(&self, _turn: &Turn<'_>, _message: &Message) -> Takes {
        Takes::Nothing
    }

    /// Does an event of that name end its wait?
    fn awaits(&self, _event: &str) -> bool {
        false
    }
}

/// What a waiting node hears.
#[derive(Clone, Copy)]
pub(crate) enum Resume<'a> {
    Message(&'a Message),
    Timeout,
    Event {
        name: &'a str,
        data: &'a Json,
    },
    Result(&'a Outcome),
    Released,
    /// The flow that it called came back.
    Back(&'a Map<String, Json>),
}

/// How it goes on.
pub(crate) enum Next {
    Exit(ExitId),
    /// To a node of any flow, in the same frame.
    Jump(u32),
    /// Into a flow, with variables of its own or with those of the caller.
    Call {
        entry: u32,
        own: Option<Vars>,
    },
    Return(Map<String, Json>),
    Wait(Wait),
    Stay,
    End(String),
}
