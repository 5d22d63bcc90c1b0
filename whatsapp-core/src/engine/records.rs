//! Signal records in memory: parsed sessions and raw bytes, loaded on demand and written back once per step.
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use whatsapp_store::{Change, SignalKey, SignalKind};

use super::cache::Cache;
use crate::{
    error::Error,
    jid::Jid,
    signal::{Address, Session},
};

/// How many records may lie in each generation of the cache.
const CAPACITY: usize = 4096;

/// One account's Signal records.
#[derive(Debug)]
pub(super) struct Records {
    sessions: Cache<SignalKey, Option<Session>>,
    raw: Cache<SignalKey, Option<Bytes>>,
    /// Changed since the last flush. Sessions are serialized at the flush, once however often they were used.
    dirty: BTreeMap<SignalKey, Option<Bytes>>,
    dirty_sessions: BTreeSet<SignalKey>,
}

impl Records {
    pub(super) fn new() -> Self {
        Self {
            sessions: Cache::new(CAPACITY),
            raw: Cache::new(CAPACITY),
            dirty: BTreeMap::new(),
            dirty_sessions: BTreeSet::new(),
        }
    }

    /// Is that record in memory, or known to be absent?
    pub(super) fn knows(&self, key: &SignalKey) -> bool {
        match key.kind {
            SignalKind::Session => self.sessions.contains(key),
            _ => self.raw.contains(key),
        }
    }

    /// Those of `keys` that must be loaded first.
    pub(super) fn missing(&self, keys: impl IntoIterator<Item = SignalKey>) -> Vec<SignalKey> {
        let missing: BTreeSet<_> = keys.into_iter().filter(|key| !self.knows(key)).collect();
        missing.into_iter().collect()
    }

    /// Takes a loaded record in; what is known already stays.
    pub(super) fn provide(&mut self, key: SignalKey, value: Option<Bytes>) -> Result<(), Error> {
        if self.knows(&key) {
            return Ok(());
        }
        if key.kind == SignalKind::Session {
            let session = value.map(|bytes| Session::from_bytes(&bytes)).transpose();
            self.sessions.put(key, session.map_err(|_| Error::Stored("a session record"))?);
        } else {
            self.raw.put(key, value);
        }
        Ok(())
    }

    /// The session with that device, if there is one.
    pub(super) fn session(&mut self, address: &Address) -> Option<&mut Session> {
        self.sessions.get(&session_key(address)).and_then(Option::as_mut)
    }

    /// Is there a session with that device?
    pub(super) fn has_session(&self, address: &Address) -> bool {
        self.sessions.peek(&session_key(address)).is_some_and(Option::is_some)
    }

    /// Takes the session out; put it back, changed or not, before the step ends.
    pub(super) fn take_session(&mut self, address: &Address) -> Option<Session> {
        self.sessions.get(&session_key(address)).and_then(Option::take)
    }

    /// Puts a changed session in.
    pub(super) fn put_session(&mut self, address: &Address, session: Session) {
        let key = session_key(address);
        self.sessions.put(key.clone(), Some(session));
        self.dirty_sessions.insert(key);
    }

    /// Puts a session back that was not changed.
    pub(super) fn return_session(&mut self, address: &Address, session: Option<Session>) {
        self.sessions.put(session_key(address), session);
    }

    /// Notes that the session was changed in place.
    pub(super) fn touch_session(&mut self, address: &Address) {
        self.dirty_sessions.insert(session_key(address));
    }

    /// A raw record.
    pub(super) fn raw(&mut self, key: &SignalKey) -> Option<Bytes> {
        self.raw.get(key).cloned().flatten()
    }

    /// Writes or deletes a raw record.
    pub(super) fn put_raw(&mut self, key: SignalKey, value: Option<Bytes>) {
        self.raw.put(key.clone(), value.clone());
        self.dirty.insert(key, value);
    }

    /// Moves a session from the address by number to the one by LID, if only the former has one.
    pub(super) fn migrate_session(&mut self, from: &Address, to: &Address) {
        if let Some(session) = self.take_session(from) {
            if !self.has_session(to) {
                self.put_session(to, session);
            }
            self.dirty_sessions.insert(session_key(from));
        }
    }

    /// Hands over what changed since the last time. Once committed, memory and store agree.
    pub(super) fn flush(&mut self, mut change: impl FnMut(Change)) {
        for key in std::mem::take(&mut self.dirty_sessions) {
            match self.sessions.peek(&key) {
                Some(Some(session)) => {
                    let bytes = session.to_bytes();
                    change(Change::PutSignal(key, bytes));
                }
                _ => change(Change::DeleteSignal(key)),
            }
        }
        for (key, value) in std::mem::take(&mut self.dirty) {
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
        *self = Self::new();
    }
}

pub(super) fn session_key(address: &Address) -> SignalKey {
    SignalKey::new(SignalKind::Session, address.as_str())
}

pub(super) fn identity_key(address: &Address) -> SignalKey {
    SignalKey::new(SignalKind::Identity, address.as_str())
}

pub(super) fn pre_key_key(id: u32) -> SignalKey {
    SignalKey::new(SignalKind::PreKey, id.to_string())
}

pub(super) fn sender_key_key(group: &Jid, sender: &Address) -> SignalKey {
    SignalKey::new(SignalKind::SenderKey, format!("{group}/{}", sender.as_str()))
}

pub(super) fn device_list_key(user: &Jid) -> SignalKey {
    SignalKey::new(SignalKind::DeviceList, user.to_non_device().to_string())
}
