use async_trait::async_trait;

use super::{Account, MemoryStore, State, event, lease};
use crate::{AccountId, Change, Changes, Result, Scope, Store};

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let state = &mut *self.state.write();
        state.check(&changes)?;
        let Changes { scope, list, .. } = changes;
        list.into_iter().for_each(|change| state.apply(&scope, change));
        Ok(())
    }
}

impl State {
    /// All that can make a commit fail, before anything of it is applied.
    fn check(&self, Changes { scope, fence, list }: &Changes) -> Result<()> {
        if let Some(fence) = fence {
            lease::check(&self.leases, scope.workspace(), fence)?;
        }
        for change in list {
            change.check(scope)?;
            if let Change::Event(change) = change {
                event::check(change)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, scope: &Scope, change: Change) {
        match (change, scope) {
            (Change::Event(change), scope) => self.events.apply(scope, change),
            (change, Scope::Account(account)) => self.account(account).apply(change),
            // Refused by the check.
            (_, Scope::Workspace(_)) => {}
        }
    }

    fn account(&mut self, id: &AccountId) -> &mut Account {
        self.accounts.entry(id.clone()).or_default()
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
            Change::PutSession(session) => self.put_session(session),
            Change::SetSeen(seen) => {
                if let Some(session) = &mut self.session {
                    session.seen = Some(seen);
                }
            }
            Change::DeleteSession => *self = Self::default(),
            Change::AppState(change) => self.app_state.apply(change),
            Change::Chat(change) => self.messages.apply(change),
            // A change of the workspace, and applied there.
            Change::Event(_) => {}
        }
    }
}
