//! Outgoing messages: their order, missing acknowledgements, and those that are only in the store.
//!
//! ```text
//!   accepted ──► waiting ──(encrypted, on the wire)──► unacknowledged ──(ack)──► gone
//!                   ▲                                     │
//!                   └───── ack late, connection lost ─────┘
//! ```
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use rand::Rng;
use whatsapp_store::OutgoingMessage;

use super::backoff;
use crate::{jid::Jid, time::Timestamp};

/// An acknowledgement is late after this time; the message is then sent again under the same id.
const ACK_DEADLINE: Duration = Duration::from_secs(20);
/// The pause before a message is sent again that a busy server refused, doubled with each attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// The largest number of messages in memory; further ones stay in the store until there is room.
const MOST_WAITING: usize = 1024;
/// The largest number of unacknowledged messages on the wire.
const MOST_UNACKNOWLEDGED: usize = 256;

/// One outgoing message.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) id: String,
    pub(super) chat: Jid,
    /// The serialized plaintext, without padding.
    pub(super) payload: Bytes,
    /// How often it has been on the wire.
    pub(super) attempts: u8,
    /// The server refused its form once, and it was rebuilt.
    pub(super) was_rebuilt: bool,
    /// The server was busy: the earliest time of the next attempt.
    not_before: Option<Timestamp>,
    /// The server refused it for now: later messages of its chat wait until it is acknowledged.
    was_refused: bool,
    /// It waits for the server; holds the value of [`super::directory::Directory::changes`] at that time.
    waits_since: Option<u64>,
}

/// Shows no text of a person.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// A message that was never sent.
    pub(super) const fn new(id: String, chat: Jid, payload: Bytes) -> Self {
        Self {
            id,
            chat,
            payload,
            attempts: 0,
            was_rebuilt: false,
            not_before: None,
            was_refused: false,
            waits_since: None,
        }
    }

    /// Is it certain that it cannot continue yet?
    pub(super) fn must_wait(&self, now: Timestamp, changes: u64) -> bool {
        self.waits_since == Some(changes) || self.is_paused(now)
    }

    pub(super) const fn was_refused(&self) -> bool {
        self.was_refused
    }

    fn is_paused(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|at| now < at)
    }
}

/// All outgoing messages that are in memory, oldest first by position.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    next_position: u64,
    waiting: BTreeMap<u64, Outgoing>,
    unacknowledged: BTreeMap<u64, (Outgoing, Timestamp)>,
    positions: HashMap<String, u64>,
    /// The store may hold queued messages that are not here.
    store_has_more: bool,
    /// Messages were accepted or acknowledged since the last commit. The store would leave the former out, and name the
    /// latter again.
    uncommitted: bool,
    /// The limit of the last [`Outbox::load_limit`].
    asked_for: u32,
}

impl Outbox {
    /// After a start the store may hold messages of the last run.
    pub(super) fn after_start() -> Self {
        Self { store_has_more: true, ..Self::default() }
    }

    /// Takes a message that was just accepted, or leaves it to the store when there is no room.
    pub(super) fn accept(&mut self, message: Outgoing) {
        if self.store_has_more || self.waiting.len() >= MOST_WAITING {
            (self.store_has_more, self.uncommitted) = (true, true);
        } else {
            self.insert(message);
        }
    }

    /// Should the head of the stored queue be loaded? Ask for [`Outbox::load_limit`].
    pub(super) fn wants_stored(&self) -> bool {
        self.store_has_more && !self.uncommitted && self.waiting.len() < MOST_WAITING / 4
    }

    /// All changes are about to be committed. Returns `true` when there were any.
    pub(super) fn committed(&mut self) -> bool {
        std::mem::take(&mut self.uncommitted)
    }

    /// How many to load: enough to reach past the messages in memory.
    pub(super) fn load_limit(&mut self) -> u32 {
        self.asked_for = (MOST_WAITING + self.positions.len()) as u32;
        self.asked_for
    }

    /// Takes the head of the stored queue, as much as was requested.
    pub(super) fn provide(&mut self, stored: Vec<OutgoingMessage>) {
        if self.uncommitted {
            // Out of date.
            return;
        }
        self.store_has_more = stored.len() >= self.asked_for as usize;
        for message in stored {
            let Ok(chat) = message.chat.parse() else { continue };
            if !self.positions.contains_key(&message.id) {
                self.insert(Outgoing::new(message.id, chat, message.payload));
            }
        }
    }

    fn insert(&mut self, message: Outgoing) {
        self.positions.insert(message.id.clone(), self.next_position);
        self.waiting.insert(self.next_position, message);
        self.next_position += 1;
    }

    /// Positions of all that waits, oldest first.
    pub(super) fn positions(&self) -> Vec<u64> {
        self.waiting.keys().copied().collect()
    }

    /// May any waiting message continue now?
    pub(super) fn can_go_on(&self, now: Timestamp, changes: u64) -> bool {
        self.waiting.values().any(|message| !message.must_wait(now, changes))
    }

    /// How many more messages may be unacknowledged.
    pub(super) fn room(&self) -> usize {
        MOST_UNACKNOWLEDGED.saturating_sub(self.unacknowledged.len())
    }

    pub(super) fn waiting(&self, position: u64) -> Option<&Outgoing> {
        self.waiting.get(&position)
    }

    /// It cannot continue before the directory changes.
    pub(super) fn wait(&mut self, position: u64, changes: u64) {
        if let Some(message) = self.waiting.get_mut(&position) {
            message.waits_since = Some(changes);
        }
    }

    /// A message wherever it is, by id.
    pub(super) fn find(&self, id: &str) -> Option<&Outgoing> {
        let position = self.positions.get(id)?;
        self.waiting.get(position).or_else(|| self.unacknowledged.get(position).map(|(message, _)| message))
    }

    /// It was sent.
    pub(super) fn sent(&mut self, position: u64, now: Timestamp) {
        if let Some(mut message) = self.waiting.remove(&position) {
            message.attempts = message.attempts.saturating_add(1);
            self.unacknowledged.insert(position, (message, now + ACK_DEADLINE));
        }
    }

    /// It is acknowledged or refused. Returns `None` for unknown ids.
    pub(super) fn remove(&mut self, id: &str) -> Option<Outgoing> {
        let position = self.positions.remove(id)?;
        self.uncommitted = true;
        let unacknowledged = self.unacknowledged.remove(&position).map(|(message, _)| message);
        unacknowledged.or_else(|| self.waiting.remove(&position))
    }

    /// The server is busy: the message waits again, in its old place, and for longer each time.
    pub(super) fn pause(&mut self, id: &str, now: Timestamp, rng: &mut impl Rng) {
        self.wait_again(id, |message| {
            let pause = backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, message.attempts.into());
            message.not_before = Some(now + pause.mul_f64(1.0 + backoff::jitter(rng)));
        });
    }

    /// The server refused the message's form: it waits again, in its old place, to be rebuilt.
    pub(super) fn rebuild(&mut self, id: &str) {
        self.wait_again(id, |message| message.was_rebuilt = true);
    }

    fn wait_again(&mut self, id: &str, edit: impl FnOnce(&mut Outgoing)) {
        let Some(position) = self.positions.get(id) else { return };
        if let Some((message, _)) = self.unacknowledged.remove(position) {
            self.waiting.insert(*position, message);
        }
        if let Some(message) = self.waiting.get_mut(position) {
            message.was_refused = true;
            edit(message);
        }
    }

    /// Chats in which a refused message is being sent again.
    pub(super) fn refused_chats(&self) -> impl Iterator<Item = &Jid> {
        let messages = self.unacknowledged.values().map(|(message, _)| message);
        messages.filter(|message| message.was_refused).map(|message| &message.chat)
    }

    /// Late acknowledgements and pauses that are over: those messages wait again, in their old places.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for message in self.waiting.values_mut() {
            message.not_before = message.not_before.filter(|at| now < *at);
        }
        let late = self.unacknowledged.extract_if(.., |_, (_, deadline)| *deadline <= now);
        self.waiting.extend(late.map(|(position, (message, _))| (position, message)));
    }

    /// The connection is gone: unacknowledged messages wait again, in their old places.
    pub(super) fn disconnected(&mut self) {
        let all = std::mem::take(&mut self.unacknowledged);
        self.waiting.extend(all.into_iter().map(|(position, (message, _))| (position, message)));
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        let paused = self.waiting.values().filter_map(|message| message.not_before);
        self.unacknowledged.values().map(|(_, deadline)| *deadline).chain(paused).min()
    }

    /// Forgets what is in memory. What is stored is loaded again when there is a device to send it.
    pub(super) fn clear(&mut self) {
        *self = Self::after_start();
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::OutgoingState;

    use super::*;

    fn message(id: &str) -> Outgoing {
        Outgoing::new(id.into(), Jid::pn("1"), Bytes::new())
    }

    fn stored(id: &str) -> OutgoingMessage {
        let (chat, state) = ("1@s.whatsapp.net".into(), OutgoingState::Queued);
        OutgoingMessage { id: id.into(), chat, payload: Bytes::new(), state, created_at: 0 }
    }

    fn ids(outbox: &Outbox) -> Vec<String> {
        outbox.positions().into_iter().map(|at| outbox.waiting(at).unwrap().id.clone()).collect()
    }

    #[test]
    fn order_survives_late_acks_and_lost_connections() {
        let now = Timestamp::from_secs(50);
        let mut outbox = Outbox::default();
        for id in ["a", "b", "c"] {
            outbox.accept(message(id));
        }
        let positions = outbox.positions();
        outbox.sent(positions[0], now);
        outbox.sent(positions[1], now + Duration::from_secs(1));
        assert_eq!(ids(&outbox), ["c"]);
        assert_eq!(outbox.next_timeout(), Some(now + ACK_DEADLINE));
        outbox.expire(now + ACK_DEADLINE);
        assert_eq!(ids(&outbox), ["a", "c"]);
        assert!(outbox.remove("b").is_some() && outbox.remove("b").is_none());
        outbox.sent(positions[0], now);
        outbox.disconnected();
        assert_eq!(ids(&outbox), ["a", "c"]);
        assert_eq!(outbox.find("a").unwrap().attempts, 2);
    }

    #[test]
    fn stored_messages_come_first() {
        let mut outbox = Outbox::after_start();
        outbox.accept(message("new"));
        assert!(outbox.committed());
        assert!(outbox.positions().is_empty() && outbox.wants_stored());
        assert!(outbox.load_limit() > 2);
        outbox.provide(vec![stored("old"), stored("new")]);
        assert_eq!(ids(&outbox), ["old", "new"]);
        assert!(!outbox.wants_stored());
        outbox.accept(message("newer"));
        assert_eq!(ids(&outbox), ["old", "new", "newer"]);
    }

    #[test]
    fn uncommitted_messages_are_not_missed() {
        let mut outbox = Outbox::after_start();
        outbox.accept(message("new"));
        assert!(!outbox.wants_stored(), "the store does not have it yet");
        outbox.load_limit();
        outbox.provide(vec![stored("old")]);
        assert!(outbox.committed() && outbox.wants_stored());
        outbox.load_limit();
        outbox.provide(vec![stored("old"), stored("new")]);
        assert_eq!(ids(&outbox), ["old", "new"]);
        assert!(!outbox.committed() && !outbox.wants_stored());
        // Acknowledged messages do not return either.
        outbox.remove("old");
        outbox.provide(vec![stored("old"), stored("new")]);
        assert_eq!(ids(&outbox), ["new"]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut outbox = Outbox::default();
        (0..5000).for_each(|n| outbox.accept(message(&n.to_string())));
        assert_eq!(outbox.positions.len(), MOST_WAITING);
        assert_eq!(outbox.room(), MOST_UNACKNOWLEDGED);
        assert!(outbox.committed() && !outbox.wants_stored());
        (0..1000).for_each(|n| drop(outbox.remove(&n.to_string())));
        assert!(outbox.committed() && outbox.wants_stored());
    }
}
