//! Everything in memory: for tests, for trying things out, and as the plainest example of a backend.
//!
//! No change can fail, so a commit is all or nothing by being applied under one lock. Every future is ready at its
//! first poll.
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;

use crate::{
    AccountId, Change, Changes, DeviceRecord, DeviceStore, LidMapping, LidStore, MessageKey, MessagePage,
    MessageQuery, MessageRecord, MessageStatus, MessageStore, OutgoingMessage, OutgoingState, OutgoingStore, Result,
    SessionRecord, SessionStore, SignalKey, SignalKind, SignalStore, Store,
};

/// A store in memory. Clones share their contents.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    accounts: Arc<RwLock<HashMap<AccountId, Account>>>,
}

#[derive(Clone, Debug, Default)]
struct Account {
    device: Option<DeviceRecord>,
    signal: BTreeMap<SignalKey, Bytes>,
    lid_to_pn: HashMap<String, String>,
    pn_to_lid: HashMap<String, String>,
    outgoing: HashMap<String, (u64, OutgoingMessage)>,
    messages: BTreeMap<u64, MessageRecord>,
    message_numbers: HashMap<MessageKey, u64>,
    session: Option<SessionRecord>,
    last_number: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T: Default>(&self, account: &AccountId, read: impl FnOnce(&Account) -> T) -> T {
        self.accounts.read().get(account).map(read).unwrap_or_default()
    }
}

impl Account {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::PutDevice(device) => self.device = Some(device),
            Change::DeleteDevice => {
                let Self { messages, message_numbers, session, last_number, .. } = std::mem::take(self);
                *self = Self { messages, message_numbers, session, last_number, ..Self::default() };
            }
            Change::PutSignal(key, value) => drop(self.signal.insert(key, value)),
            Change::DeleteSignal(key) => drop(self.signal.remove(&key)),
            Change::PutLid(mapping) => self.put_lid(mapping),
            Change::PutOutgoing(message) => {
                let number = self.outgoing.get(&message.id).map(|(number, _)| *number);
                let number = number.unwrap_or_else(|| self.next_number());
                self.outgoing.insert(message.id.clone(), (number, message));
            }
            Change::SetOutgoingState(id, state) => {
                if let Some((_, message)) = self.outgoing.get_mut(&id) {
                    message.state = state;
                }
            }
            Change::ExpireOutgoing(before) => self
                .outgoing
                .retain(|_, (_, message)| message.state != OutgoingState::Sent || message.created_at >= before),
            Change::PutMessage(message) => self.put_message(message),
            Change::RaiseStatus(key, status) => self.raise(&key, status),
            Change::PutSession(session) => self.session = Some(session),
            Change::DeleteSession => *self = Self::default(),
        }
    }

    fn put_lid(&mut self, mapping: LidMapping) {
        if let Some(lid) = self.pn_to_lid.remove(&mapping.pn) {
            self.lid_to_pn.remove(&lid);
        }
        if let Some(pn) = self.lid_to_pn.remove(&mapping.lid) {
            self.pn_to_lid.remove(&pn);
        }
        self.lid_to_pn.insert(mapping.lid.clone(), mapping.pn.clone());
        self.pn_to_lid.insert(mapping.pn, mapping.lid);
    }

    fn put_message(&mut self, message: MessageRecord) {
        if !self.message_numbers.contains_key(&message.key) {
            let number = self.next_number();
            self.message_numbers.insert(message.key.clone(), number);
            self.messages.insert(number, message);
        }
    }

    fn raise(&mut self, key: &MessageKey, status: MessageStatus) {
        let number = self.message_numbers.get(key);
        if let Some(message) = number.and_then(|number| self.messages.get_mut(number))
            && message.status.rises_to(status)
        {
            message.status = status;
        }
    }
}

#[async_trait]
impl DeviceStore for MemoryStore {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        Ok(self.read(account, |account| account.device.clone()))
    }
}

#[async_trait]
impl SignalStore for MemoryStore {
    async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>> {
        let accounts = self.accounts.read();
        let signal = accounts.get(account).map(|account| &account.signal);
        Ok(keys.iter().map(|key| signal?.get(key).cloned()).collect())
    }

    async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>> {
        Ok(self.read(account, |account| {
            account.signal.keys().filter(|key| key.kind == kind).map(|key| key.id.clone()).collect()
        }))
    }
}

#[async_trait]
impl LidStore for MemoryStore {
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>> {
        Ok(self.read(account, |account| {
            account.lid_to_pn.get(lid).map(|pn| LidMapping { lid: lid.to_owned(), pn: pn.clone() })
        }))
    }

    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>> {
        Ok(self.read(account, |account| {
            account.pn_to_lid.get(pn).map(|lid| LidMapping { lid: lid.clone(), pn: pn.to_owned() })
        }))
    }
}

#[async_trait]
impl OutgoingStore for MemoryStore {
    async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>> {
        Ok(self.read(account, |account| account.outgoing.get(id).map(|(_, message)| message.clone())))
    }

    async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>> {
        let mut queued: Vec<_> = self.read(account, |account| {
            account
                .outgoing
                .values()
                .filter(|(_, message)| message.state == OutgoingState::Queued)
                .cloned()
                .collect()
        });
        queued.sort_by_key(|(number, message)| (message.created_at, *number));
        queued.truncate(limit as usize);
        Ok(queued.into_iter().map(|(_, message)| message).collect())
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        Ok(self.read(account, |account| {
            account.message_numbers.get(key).and_then(|number| account.messages.get(number)).cloned()
        }))
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let before = match query.before.as_deref().map(str::parse::<u64>) {
            None => u64::MAX,
            Some(Ok(before)) => before,
            Some(Err(_)) => return Ok(MessagePage { messages: Vec::new(), next: None }),
        };
        let limit = query.effective_limit() as usize;
        let mut found: Vec<_> = self.read(account, |account| {
            let wanted = |message: &MessageRecord| query.chat.as_ref().is_none_or(|chat| message.key.chat == *chat);
            let newest_first = account.messages.range(..before).rev();
            newest_first
                .filter(|(_, message)| wanted(message))
                .take(limit + 1)
                .map(|(number, message)| (*number, message.clone()))
                .collect()
        });
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(number, _)| number.to_string());
        Ok(MessagePage { messages: found.into_iter().map(|(_, message)| message).collect(), next })
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        Ok(self.read(id, |account| account.session.clone()))
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>> {
        let mut sessions: Vec<_> =
            self.accounts.read().values().filter_map(|account| account.session.clone()).collect();
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(sessions)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        let mut accounts = self.accounts.write();
        let account = accounts.entry(changes.account).or_default();
        for change in changes.list {
            account.apply(change);
        }
        Ok(())
    }
}
