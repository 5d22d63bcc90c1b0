//! Where a conversation stands.
mod codec;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, fmt};

use serde_json::Value as Json;
use whatsapp_store::{ConversationStatus, hash::fnv1a};

pub use self::codec::StateError;
use crate::input::Message;

/// Messages that may wait to be answered.
pub(crate) const QUEUE: usize = 8;
/// Refused answers that are remembered.
pub(crate) const REFUSED: usize = 16;

/// Where a conversation stands: a small value that is stored between turns.
///
/// It follows one version of a bot and holds no path, no definition and no contact. `Debug` shows nothing that somebody
/// wrote.
///
/// ```text
///            start, trigger                     the flow's end
/// Fresh ─────────────────────► Running ──────────────────────────► Done ──► (a trigger starts anew)
///                               │   ▲
///            ask, wait, http ───┘   └─── answer, timer, result
///            HumanTookOver: HandedOff, until HumanReleased
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct State {
    pub(crate) version: i64,
    /// Numbers given to sends, timers and requests.
    pub(crate) seq: u64,
    /// Steps of this session.
    pub(crate) steps: u64,
    /// The first flow of this session, or of the last.
    pub(crate) flow: Option<u32>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) scopes: Vec<Vars>,
    pub(crate) wait: Option<Wait>,
    pub(crate) timer: Option<Timer>,
    /// When a person took over outside of a hand-off node.
    pub(crate) paused: Option<i64>,
    /// When the contact last wrote, or the session began.
    pub(crate) heard_at: i64,
    /// When the bot last sent something.
    pub(crate) sent_at: Option<i64>,
    /// Sends of this session since the contact last wrote.
    pub(crate) unanswered: u16,
    /// Answers in a row that came as only machines answer.
    pub(crate) quick: u8,
    pub(crate) done: Option<Done>,
    pub(crate) queue: VecDeque<Message>,
}

/// How the last session ended.
#[derive(Clone, PartialEq)]
pub(crate) struct Done {
    pub(crate) outcome: String,
    pub(crate) at: i64,
}

/// A flow on the call stack.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) node: u32,
    pub(crate) scope: u16,
    /// Came in between by a command: the node below is entered again afterwards.
    pub(crate) visit: bool,
}

/// What the top frame's node waits for.
#[derive(Clone, PartialEq)]
pub(crate) struct Wait {
    pub(crate) on: Waits,
    /// When it has waited long enough.
    pub(crate) until: Option<i64>,
    /// Answers that were none.
    pub(crate) attempt: u8,
    /// When the node was entered.
    pub(crate) since: i64,
    /// The messages that those answers were, by the hashes of their ids: each may be edited to a better one.
    pub(crate) refused: Vec<u64>,
}

impl Wait {
    /// The wait after a refused answer.
    pub(crate) fn refusing(mut self, former: Option<Self>, id: &str) -> Self {
        self.refused = former.map(|former| former.refused).unwrap_or_default();
        if !id.is_empty() {
            if self.refused.len() == REFUSED {
                self.refused.remove(0);
            }
            self.refused.push(fnv1a(id.bytes()));
        }
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    Reply,
    Time,
    Result(u64),
    Human,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Timer {
    pub(crate) id: u64,
    pub(crate) at: i64,
}

/// How a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Nothing began yet.
    Fresh,
    /// For an answer or a time.
    Waiting,
    /// For the result of a request.
    AwaitingResult,
    /// A person has taken over.
    HandedOff,
    /// It is over.
    Done,
}

impl State {
    /// How it is.
    pub fn status(&self) -> Status {
        match &self.wait {
            _ if self.paused.is_some() => Status::HandedOff,
            Some(Wait { on: Waits::Human, .. }) => Status::HandedOff,
            Some(Wait { on: Waits::Result(_), .. }) => Status::AwaitingResult,
            Some(_) => Status::Waiting,
            None if self.done.is_some() => Status::Done,
            None => Status::Fresh,
        }
    }

    /// As the store keeps it.
    pub fn stored_status(&self) -> ConversationStatus {
        match self.status() {
            Status::Fresh => ConversationStatus::Active,
            Status::Waiting | Status::AwaitingResult => ConversationStatus::Waiting,
            Status::HandedOff => ConversationStatus::HandedOff,
            Status::Done => ConversationStatus::Ended,
        }
    }

    /// When it goes on without an answer, milliseconds since the Unix epoch: give
    /// [`Input::Timer`](crate::Input::Timer) with [`State::timer`] then.
    pub fn wake_at(&self) -> Option<i64> {
        self.timer.map(|timer| timer.at)
    }

    /// When the bot last decided to say something.
    #[cfg(feature = "runner")]
    pub(crate) fn said_at(&self) -> Option<i64> {
        self.sent_at
    }

    /// The id of the timer that is armed.
    pub fn timer(&self) -> Option<u64> {
        self.timer.map(|timer| timer.id)
    }

    /// The id of the request that is waited for. A host that started anew makes it again, or gives
    /// [`Outcome::Failed`](crate::Outcome::Failed).
    pub fn awaits(&self) -> Option<u64> {
        match self.wait {
            Some(Wait { on: Waits::Result(id), .. }) => Some(id),
            _ => None,
        }
    }

    /// The place of a message among those that wait to be answered.
    pub(crate) fn queued(&self, id: &str) -> Option<usize> {
        self.queue.iter().position(|message| message.id == id && !id.is_empty())
    }

    /// Was the message refused by the question that still waits?
    pub(crate) fn has_refused(&self, id: &str) -> bool {
        self.wait.as_ref().is_some_and(|wait| wait.refused.contains(&fnv1a(id.bytes())))
    }

    /// The version of the bot that it follows; 0 for a fresh one.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// How the last session ended.
    pub fn outcome(&self) -> Option<&str> {
        self.done.as_ref().map(|done| done.outcome.as_str())
    }

    /// Is a session live? It goes on in its version; what is not live begins in whatever version hears of something next.
    pub fn is_live(&self) -> bool {
        !self.frames.is_empty()
    }

    /// For a chat that goes on with another bot: fresh, with numbers that go on rising. A live one comes back as it is.
    #[must_use]
    pub fn renew(self) -> Self {
        if self.is_live() {
            return self;
        }
        let Self { seq, timer, paused, sent_at, quick, .. } = self;
        Self { seq, timer, paused, sent_at, quick, ..Self::default() }
    }

    /// The bytes to store: the same for the same state, on every machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads what [`State::to_bytes`] wrote.
    ///
    /// # Errors
    /// When this version did not write it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        codec::decode(bytes)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("version", &self.version)
            .field("status", &self.status())
            .field("seq", &self.seq)
            .field("steps", &self.steps)
            .field("depth", &self.frames.len())
            .field("wake_at", &self.wake_at())
            .finish_non_exhaustive()
    }
}

/// Variables by the number of their name, in order.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Vars(pub(crate) Vec<(u16, Json)>);

impl Vars {
    pub(crate) fn value(&self, slot: u16) -> Option<&Json> {
        let place = self.0.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&self.0[place].1)
    }

    /// Sets a value; `null` takes it away.
    pub(crate) fn set(&mut self, slot: u16, value: Json) {
        match self.0.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(place) if value.is_null() => drop(self.0.remove(place)),
            Ok(place) => self.0[place].1 = value,
            Err(_) if value.is_null() => {}
            Err(place) => self.0.insert(place, (slot, value)),
        }
    }
}
