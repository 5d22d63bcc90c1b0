use async_trait::async_trait;

use super::{Account, MemoryStore};
use crate::{Change, Changes, Result, Store};

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        let Changes { account, list } = changes;
        list.iter().try_for_each(|change| change.check(&account))?;
        let mut accounts = self.accounts.write();
        let records = accounts.entry(account).or_default();
        list.into_iter().for_each(|change| records.apply(change));
        Ok(())
    }
}

impl Account {
    fn apply(&mut self, change: Change) {
        match change {
            Change::PutDevice(device) => self.device = Some(device),
            Change::DeleteDevice => {
                let Self { messages, session, .. } = std::mem::take(self);
                *self = Self { messages, session, ..Self::default() };
            }
            Change::PutSignal(key, value) => drop(self.signal.insert(key, value)),
            Change::DeleteSignal(key) => drop(self.signal.remove(&key)),
            Change::PutLid(mapping) => self.lids.put(mapping),
            Change::PutOutgoing(message) => self.outbox.put(message),
            Change::SetOutgoingState(id, state) => self.outbox.set_state(&id, state),
            Change::ExpireOutgoing(before) => self.outbox.expire(before),
            Change::PutMessage(message) => self.messages.put(message),
            Change::RaiseStatus(key, status) => self.messages.raise(&key, status),
            Change::PutSession(session) => self.session = Some(session),
            Change::DeleteSession => *self = Self::default(),
        }
    }
}
