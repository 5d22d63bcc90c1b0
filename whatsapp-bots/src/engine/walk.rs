//! The way of a turn through the nodes of a bot, and what a step gives.
use std::ops::{Deref, DerefMut};

use serde::Serialize;

use crate::{
    effect::{Effect, NodeIndex},
    plan::Compiled,
    state::State,
    turn::{Ctx, Turn, Visits},
};

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

/// The way of a turn through the nodes of a bot.
pub(super) struct Walk<'a> {
    pub(super) bot: &'a Compiled,
    pub(super) turn: Turn<'a>,
    pub(super) trace: Vec<Visit>,
    pub(super) steps: u32,
    pub(super) visits: Visits,
    /// A guard was hit before: the second time it is over.
    pub(super) failed: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bot: &'a Compiled, state: State, ctx: &'a Ctx<'a>) -> Self {
        let turn = Turn::new(&bot.common, state, ctx);
        Self { bot, turn, trace: Vec::new(), steps: 0, visits: Visits::default(), failed: false }
    }

    pub(super) fn finish(mut self) -> Step {
        self.settle_timer();
        self.untouched()
    }

    pub(super) fn untouched(self) -> Step {
        Step { state: self.turn.state, effects: self.turn.effects, trace: self.trace }
    }
}

impl<'a> Deref for Walk<'a> {
    type Target = Turn<'a>;

    fn deref(&self) -> &Turn<'a> {
        &self.turn
    }
}

impl<'a> DerefMut for Walk<'a> {
    fn deref_mut(&mut self) -> &mut Turn<'a> {
        &mut self.turn
    }
}
