//! Signal records in memory: parsed sessions, prekeys and sender keys, loaded on demand and written back once per step.
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use whatsapp_store::{Change, SignalKey, SignalKind};

use super::known::Known;
use crate::{
    error::Error,
    jid::Jid,
    signal::{Address, Session},
};

/// One account's Signal records.
#[derive(Debug)]
pub(super) struct SignalRecords {
    sessions: Known<SignalKey, Session>,
    raw: Known<SignalKey, Bytes>,
    /// Changed since the last commit. Sessions are serialized at the commit, once however often they were used.
    changed: BTreeMap<SignalKey, Option<Bytes>>,
    changed_sessions: BTreeSet<SignalKey>,
    capacity: usize,
}

impl SignalRecords {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sessions: Known::new(capacity),
            raw: Known::new(capacity),
            changed: BTreeMap::new(),
            changed_sessions: BTreeSet::new(),
            capacity,
        }
    }

    /// Is that record in memory, or known to be absent?
    pub(super) fn knows(&self, key: &SignalKey) -> bool {
        match key.kind {
            SignalKind::Session => self.sessions.contains(key),
            _ => self.raw.contains(key),
        }
    }

    /// Takes in an answer; known records stay.
    pub(super) fn answer(&mut self, key: SignalKey, value: Option<Bytes>) -> Result<(), Error> {
        if key.kind == SignalKind::Session {
            if !self.sessions.contains(&key) {
                let session = value.map(|bytes| Session::from_bytes(&bytes)).transpose();
                self.sessions.put(key, session.map_err(|_| Error::Stored("a session record"))?);
            }
        } else {
            self.raw.answer(key, value);
        }
        Ok(())
    }

    /// The session with that device, if there is one.
    pub(super) fn session(&mut self, address: &Address) -> Option<&mut Session> {
        self.sessions.get(&session_key(address))
    }

    /// Writes a session, or removes it.
    pub(super) fn put_session(&mut self, address: &Address, session: Option<Session>) {
        let key = session_key(address);
        self.sessions.put(key.clone(), session);
        self.changed_sessions.insert(key);
    }

    /// Notes that the session was changed in place.
    pub(super) fn touch_session(&mut self, address: &Address) {
        self.changed_sessions.insert(session_key(address));
    }

    /// A raw record.
    pub(super) fn raw(&mut self, key: &SignalKey) -> Option<Bytes> {
        self.raw.get(key).cloned()
    }

    /// Writes or deletes a raw record.
    pub(super) fn put_raw(&mut self, key: SignalKey, value: Option<Bytes>) {
        self.raw.put(key.clone(), value.clone());
        self.changed.insert(key, value);
    }

    /// Moves a session from the address by number to the one by LID, unless that has one.
    pub(super) fn migrate_session(&mut self, from: &Address, to: &Address) {
        if let Some(session) = self.sessions.take(&session_key(from)) {
            if self.sessions.peek(&session_key(to)).is_none() {
                self.put_session(to, Some(session));
            }
            self.changed_sessions.insert(session_key(from));
        }
    }

    /// Returns the changes since the last call. Once they are committed, memory and store agree.
    pub(super) fn commit(&mut self, mut change: impl FnMut(Change)) {
        for key in std::mem::take(&mut self.changed_sessions) {
            match self.sessions.peek(&key) {
                Some(session) => {
                    let bytes = session.to_bytes();
                    change(Change::PutSignal(key, bytes));
                }
                None => change(Change::DeleteSignal(key)),
            }
        }
        for (key, value) in std::mem::take(&mut self.changed) {
            change(match value {
                Some(value) => Change::PutSignal(key, value),
                None => Change::DeleteSignal(key),
            });
        }
        self.sessions.age();
        self.raw.age();
    }

    /// Forgets everything: the device was deleted.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }
}

pub(in crate::engine) fn session_key(address: &Address) -> SignalKey {
    SignalKey::new(SignalKind::Session, address.as_str())
}

pub(in crate::engine) fn pre_key_key(id: u32) -> SignalKey {
    SignalKey::new(SignalKind::PreKey, id.to_string())
}

pub(in crate::engine) fn sender_key_key(group: &Jid, sender: &Address) -> SignalKey {
    SignalKey::new(SignalKind::SenderKey, format!("{group}/{}", sender.as_str()))
}
