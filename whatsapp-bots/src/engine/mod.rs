//! The engine: [`step`] is a function of bot, state, input, time and seed, and of nothing else.
//!
//! It always comes to an end, never fails, and gives the same bytes for the same arguments. What it wants done it gives as
//! [`Effect`]s; what came of them, it hears as [`Input`].
mod edits;
mod hear;
mod run;
#[cfg(test)]
mod tests;
mod timer;
mod walk;

use std::collections::BTreeMap;

use whatsapp_store::NodeCount;

use self::walk::Walk;
pub use self::walk::{Leaving, Step, Visit};
pub use crate::turn::{Ctx, Limits};
use crate::{
    input::{Input, Message},
    plan::Compiled,
    state::State,
    triggers::Fit,
};

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
    /// An edit of a message that was taken: it changes nothing.
    Edited,
    /// None of these: a wrong answer, or nobody asked.
    Other,
}

/// Takes one step: hears one input.
pub fn step(bot: &Compiled, state: State, input: &Input, ctx: &Ctx<'_>) -> Step {
    Walk::new(bot, state, ctx).hear(input)
}

impl Compiled {
    /// How well the best of its triggers fits a message of a chat without a live session; `None` when none fits. Of several
    /// bots, the one with the greatest [`Fit`] gets the message. The state is that of the chat's last conversation, if it was
    /// with this bot, else [`State::default`].
    pub fn fit(&self, state: &State, message: &Message, ctx: &Ctx<'_>) -> Option<Fit> {
        // As if nothing were live: only when it last ended counts, for triggers that wait after it.
        let state = State { flow: state.flow, done: state.done.clone(), ..State::default() };
        Walk::new(self, state, ctx).fit(message)
    }

    /// What a message is to a conversation with this bot, before it is heard.
    pub fn meaning(&self, state: &State, message: &Message, ctx: &Ctx<'_>) -> Meaning {
        Walk::new(self, state.clone(), ctx).meaning(message)
    }

    /// What an edit ([`Input::Edited`]) is to a conversation with this bot, before it is heard.
    pub fn meaning_of_edit(&self, state: &State, message: &Message, ctx: &Ctx<'_>) -> Meaning {
        Walk::new(self, state.clone(), ctx).meaning_of_edit(message)
    }

    /// The id of the exit by which a visit left.
    pub fn exit(&self, visit: &Visit) -> Option<&str> {
        match visit.leaving {
            Leaving::Exit(exit) => {
                let exits = &self.nodes.get(visit.at.0 as usize)?.exits;
                exits.get(usize::from(exit)).map(|(id, _)| id.as_str())
            }
            _ => None,
        }
    }

    /// What a turn adds to the counts of the nodes, as the store takes it, in the order of the ids. A node is named
    /// `flow/node`.
    pub fn counts(&self, trace: &[Visit]) -> Vec<NodeCount> {
        let mut counts = BTreeMap::new();
        for visit in trace {
            let Some((flow, node)) = self.node(visit.at) else { continue };
            let count = counts.entry(visit.at.0).or_insert_with(|| NodeCount {
                node: format!("{flow}/{node}"),
                entered: 0,
                left: 0,
                dropped: 0,
                millis: 0,
            });
            count.entered += u64::from(visit.entered);
            count.left += u64::from(matches!(visit.leaving, Leaving::Exit(_) | Leaving::Over));
            count.dropped += u64::from(visit.leaving == Leaving::Dropped);
            count.millis += visit.millis;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_unstable_by(|one, other| one.node.cmp(&other.node));
        counts
    }
}
