//! The engine's knowledge of its store: one object, one rule.
//!
//! ```text
//!   handler ──► lookup ──known──► goes on
//!                 └──unknown──► a question is noted, the handler leaves with `?` and is run again from its start
//!   question ──► (store) ──► answer ──► known until the step is committed, whatever the answer is
//! ```
//! **The rule: an answered question counts as known until the step is committed.** Records are dropped only by
//! [`WorkingSet::commit`], never by an answer. So a handler that runs again finds everything that it asked for before, and asks
//! for less each time. A handler's own changes are newer than any answer, so an answer never replaces them.
mod cache;
mod known;
mod messages;
mod people;
mod person;
mod questions;
mod signal;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use whatsapp_store::{
    Change, MessageEdit, MessageKey, MessageRecord, MessageStatus, OutgoingMessage, SignalKey,
};

pub(super) use self::{
    cache::Cache,
    person::{Device, DeviceList, Person, SignedIndexes},
    signal::{pre_key_key, sender_key_key, session_key},
};
use self::{
    known::Known,
    messages::Messages,
    people::{AddressRef, People},
    questions::Questions,
    signal::SignalRecords,
};
use super::{Loaded, Query};
use crate::{
    error::Error,
    jid::{Jid, Server},
    signal::{Address, Session},
};

/// A record must be read from the store first; it has been requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing;

/// The answer of a lookup, or of a handler that needs lookups.
pub(super) type Lookup<T = ()> = Result<T, Missing>;

/// Sent messages that are kept in memory for resends. A peer asks for a message again soon, or hardly ever.
const SENT: usize = 128;

/// All records of one account that are in memory.
pub(super) struct WorkingSet {
    people: People,
    signal: SignalRecords,
    messages: Messages,
    outgoing: Known<String, OutgoingMessage>,
    questions: Questions,
    /// The step at hand deletes what is stored of people and keys: none of it is asked for before that is committed.
    is_anew: bool,
}

/// Shows no record: they hold keys.
impl std::fmt::Debug for WorkingSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkingSet").field("has_questions", &self.has_questions()).finish_non_exhaustive()
    }
}

impl WorkingSet {
    /// Keeps about `capacity` records of each kind between two commits.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            people: People::new(capacity),
            signal: SignalRecords::new(capacity),
            messages: Messages::new(capacity),
            outgoing: Known::new(capacity.min(SENT)),
            questions: Questions::default(),
            is_anew: false,
        }
    }

    /// The next question for the store.
    pub(super) fn next_question(&mut self) -> Option<Query> {
        self.questions.next()
    }

    /// Is anything still to be asked?
    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Asks for the head of the stored queue of outgoing messages.
    pub(super) fn ask_for_queue(&mut self, limit: u32) {
        self.questions.queue(limit);
    }

    /// Takes in an answer. Known records are newer and stay.
    ///
    /// # Errors
    /// When a stored record cannot be read.
    pub(super) fn answer(&mut self, loaded: Loaded) -> Result<(), Error> {
        match loaded {
            Loaded::Signal(records) => {
                for (key, value) in records {
                    self.signal.answer(key, value)?;
                }
            }
            Loaded::People(people) => {
                for (address, record) in people {
                    self.people.answer(address, record)?;
                }
            }
            Loaded::Message(key, status) => self.messages.answer_status(key, status),
            Loaded::Record(key, record) => self.messages.answer(key, record.map(|record| *record)),
            Loaded::Outgoing(id, message) => self.outgoing.answer(id, message),
            // The queue has no key of its own: its owner takes it.
            Loaded::Queued(_) => {}
        }
        Ok(())
    }

    /// Returns the changes since the last call. Once they are committed, memory and store agree, so records that were
    /// not used lately may go.
    pub(super) fn commit(&mut self, mut change: impl FnMut(Change)) {
        self.people.commit(&mut change);
        self.signal.commit(&mut change);
        self.messages.committed();
        self.outgoing.age();
        self.is_anew = false;
    }

    /// Forgets everything, and takes what is stored of people and keys for absent until the next commit, which deletes it.
    pub(super) fn begin_anew(&mut self) {
        self.clear();
        self.is_anew = true;
    }

    /// Forgets everything: the device was deleted.
    pub(super) fn clear(&mut self) {
        self.people.clear();
        self.signal.clear();
        self.messages.clear();
        self.outgoing.clear();
        self.questions = Questions::default();
    }
}

/// People: one record each, under either address.
impl WorkingSet {
    /// Makes sure that the people behind these addresses are known. Addresses of groups and the like name no person.
    pub(super) fn know<'a>(&mut self, jids: impl IntoIterator<Item = &'a Jid>) -> Lookup {
        let mut complete = true;
        for address in jids.into_iter().filter_map(AddressRef::of_jid) {
            if self.people.touch(address) {
                continue;
            }
            if self.is_anew {
                // Nothing cannot be unreadable.
                drop(self.people.answer(address.to_owned(), None));
            } else {
                self.questions.person(address.to_owned());
                complete = false;
            }
        }
        if complete { Ok(()) } else { Err(Missing) }
    }

    /// The person behind an address; `None` for addresses that name no person.
    pub(super) fn person(&mut self, jid: &Jid) -> Lookup<Option<&Person>> {
        self.know([jid])?;
        Ok(AddressRef::of_jid(jid).and_then(|address| self.people.get(address)))
    }

    /// Changes a person that is known.
    pub(super) fn edit_person(&mut self, jid: &Jid, edit: impl FnOnce(&mut Person)) -> Lookup {
        self.know([jid])?;
        if let Some(address) = AddressRef::of_jid(jid) {
            self.people.edit(address, edit);
        }
        Ok(())
    }

    /// Makes one person of a number and a LID, both known; each leaves the counterpart that it had.
    pub(super) fn join(&mut self, pn: &Jid, lid: &Jid) -> Lookup {
        self.know([pn, lid])?;
        self.people.join(&pn.user, &lid.user);
        Ok(())
    }

    /// The same device by LID, if the person's LID is known.
    pub(super) fn lid_of(&mut self, jid: &Jid) -> Lookup<Option<Jid>> {
        let server = match jid.server {
            Server::User | Server::Legacy => Server::Lid,
            Server::Hosted => Server::HostedLid,
            Server::Lid | Server::HostedLid => return Ok(Some(jid.clone())),
            _ => return Ok(None),
        };
        let lid = self.person(jid)?.and_then(|person| person.lid.as_deref());
        Ok(lid.map(|lid| Jid { server, user: lid.into(), ..jid.clone() }))
    }

    /// The same device by number, if the person's number is known.
    pub(super) fn pn_of(&mut self, jid: &Jid) -> Lookup<Option<Jid>> {
        let server = match jid.server {
            Server::Lid => Server::User,
            Server::HostedLid => Server::Hosted,
            Server::User | Server::Hosted => return Ok(Some(jid.clone())),
            Server::Legacy => return Ok(Some(Jid { server: Server::User, ..jid.clone() })),
            _ => return Ok(None),
        };
        let pn = self.person(jid)?.and_then(|person| person.pn.as_deref());
        Ok(pn.map(|pn| Jid { server, user: pn.into(), ..jid.clone() }))
    }

    /// By LID if it is known: the key of sessions.
    pub(super) fn canonical(&mut self, jid: &Jid) -> Lookup<Jid> {
        Ok(self.lid_of(jid)?.unwrap_or_else(|| jid.clone()))
    }

    /// The address under which chats are shown and stored: by number where it is known, without device.
    pub(super) fn chat(&mut self, jid: &Jid) -> Lookup<Jid> {
        Ok(self.pn_of(jid)?.unwrap_or_else(|| jid.clone()).to_non_device())
    }
}

/// Signal records.
impl WorkingSet {
    /// Makes sure that these records are known, present or absent.
    pub(super) fn know_signal(&mut self, keys: impl IntoIterator<Item = SignalKey>) -> Lookup {
        let mut complete = true;
        for key in keys {
            if self.signal.knows(&key) {
                continue;
            }
            if self.is_anew {
                drop(self.signal.answer(key, None));
            } else {
                self.questions.signal(key);
                complete = false;
            }
        }
        if complete { Ok(()) } else { Err(Missing) }
    }

    /// Makes sure that the sessions with these devices are known, and moves sessions from before a LID was known to their
    /// address by LID. Returns the devices' addresses, in order.
    pub(super) fn know_sessions<'a>(
        &mut self,
        devices: impl IntoIterator<Item = &'a Jid> + Clone,
    ) -> Lookup<Vec<Address>> {
        self.know(devices.clone())?;
        let mut moves = Vec::new();
        for device in devices {
            let address = Address::from(&self.canonical(device)?);
            let by_number = self.pn_of(device)?.map(|pn| Address::from(&pn)).filter(|pn| *pn != address);
            moves.push((by_number, address));
        }
        let keys = moves.iter().flat_map(|(pn, lid)| pn.iter().chain([lid])).map(session_key);
        self.know_signal(keys.collect::<Vec<_>>())?;
        let mut addresses = Vec::with_capacity(moves.len());
        for (by_number, address) in moves {
            if let Some(by_number) = by_number {
                self.signal.migrate_session(&by_number, &address);
            }
            addresses.push(address);
        }
        Ok(addresses)
    }

    /// The session with that device, if there is one.
    pub(super) fn session(&mut self, address: &Address) -> Lookup<Option<&mut Session>> {
        self.know_signal([session_key(address)])?;
        Ok(self.signal.session(address))
    }

    /// Notes that the session was changed in place.
    pub(super) fn touch_session(&mut self, address: &Address) {
        self.signal.touch_session(address);
    }

    /// Writes a session, or removes it.
    pub(super) fn put_session(&mut self, address: &Address, session: Option<Session>) {
        self.signal.put_session(address, session);
    }

    /// A prekey or sender key, serialized.
    pub(super) fn record(&mut self, key: &SignalKey) -> Lookup<Option<Bytes>> {
        self.know_signal([key.clone()])?;
        Ok(self.signal.raw(key))
    }

    /// Writes or deletes a prekey or sender key.
    pub(super) fn put_record(&mut self, key: SignalKey, value: Option<Bytes>) {
        self.signal.put_raw(key, value);
    }
}

/// Messages, and outgoing messages.
impl WorkingSet {
    /// The status of a stored message; `None` when it does not exist.
    pub(super) fn status(&mut self, key: &MessageKey) -> Lookup<Option<MessageStatus>> {
        self.messages.status(key).ok_or_else(|| {
            self.questions.message(key.clone());
            Missing
        })
    }

    /// A stored message with its present status.
    pub(super) fn message(&mut self, key: &MessageKey) -> Lookup<Option<MessageRecord>> {
        self.messages.record(key).ok_or_else(|| {
            self.questions.record(key.clone());
            Missing
        })
    }

    /// A message that this step writes.
    pub(super) fn put_message(&mut self, record: &MessageRecord) {
        self.messages.put(record);
    }

    /// A status that this step writes.
    pub(super) fn put_status(&mut self, key: MessageKey, status: MessageStatus) {
        self.messages.put_status(key, status);
    }

    /// An edit that this step writes.
    pub(super) fn edit_message(&mut self, edit: &MessageEdit) {
        self.messages.edit(edit);
    }

    /// The messages of a chat now belong to another chat: forgets them, so that they are requested again.
    pub(super) fn forget_chat(&mut self, chat: &str) {
        self.messages.forget_chat(chat);
    }

    /// Our message as it was accepted.
    pub(super) fn outgoing(&mut self, id: &str) -> Lookup<Option<&mut OutgoingMessage>> {
        if !self.outgoing.contains(id) {
            self.questions.outgoing(id);
            return Err(Missing);
        }
        Ok(self.outgoing.get(id))
    }

    /// A message that this step accepts.
    pub(super) fn put_outgoing(&mut self, message: OutgoingMessage) {
        self.outgoing.put(message.id.clone(), Some(message));
    }
}
