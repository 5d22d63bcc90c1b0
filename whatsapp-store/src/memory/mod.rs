//! Everything in memory: for tests, for experiments, and as the simplest example of a backend.
//!
//! One lock around all accounts; a commit checks its changes first and then applies them, which cannot fail. Every
//! future is ready at its first poll, so that a test can drive the store without a runtime.
mod appstate;
mod audience;
mod audit;
mod campaign;
mod chat;
mod commit;
mod contact;
mod contacted;
mod conversation;
mod counter;
mod device;
mod event;
mod flow;
mod lease;
mod message;
mod notice;
mod outgoing;
mod person;
mod session;
mod setting;
mod signal;
mod team;
mod webhook;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::RwLock;

use self::{
    appstate::AppState, audit::AuditLog, campaign::Campaigns, contact::Contacts, contacted::ContactedPeople,
    counter::Counters, event::Events, flow::Flows, lease::Leases, message::Messages, notice::Notices,
    outgoing::Outbox, person::People, setting::Settings, team::Teams, webhook::Webhooks,
};
use crate::{AccountId, DeviceRecord, Scope, SessionRecord, SignalKey, WorkspaceId};

/// A store in memory. Clones share their contents, which last as long as the last clone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

/// All that is stored.
#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, Account>,
    events: Events,
    leases: Leases,
    webhooks: BTreeMap<WorkspaceId, Webhooks>,
    campaigns: Campaigns,
    contacts: HashMap<WorkspaceId, Contacts>,
    counters: HashMap<WorkspaceId, Counters>,
    audit: HashMap<WorkspaceId, AuditLog>,
    settings: HashMap<WorkspaceId, Settings>,
    contacted: BTreeMap<WorkspaceId, ContactedPeople>,
    flows: Flows,
    teams: Teams,
}

impl State {
    /// An account, which is made if there is none.
    fn account(&mut self, id: &AccountId) -> &mut Account {
        self.accounts.entry(id.clone()).or_default()
    }

    /// The account of a commit, which the check has found to be there.
    fn account_of(&mut self, scope: &Scope) -> Option<&mut Account> {
        scope.account().map(|id| self.account(id))
    }

    /// All records of a workspace. Names every field, so that a new field is not forgotten.
    fn delete_workspace(&mut self, id: &WorkspaceId) {
        let Self {
            accounts,
            audit,
            campaigns,
            contacts,
            counters,
            events,
            flows,
            leases,
            contacted,
            settings,
            teams,
            webhooks,
        } = self;
        accounts.retain(|account, _| account.workspace() != id);
        events.delete_workspace(id);
        leases.retain(|(workspace, _), _| workspace != id);
        audit.remove(id);
        campaigns.remove(id);
        contacts.remove(id);
        counters.remove(id);
        settings.remove(id);
        contacted.remove(id);
        webhooks.remove(id);
        flows.delete_workspace(id);
        teams.delete_workspace(id);
    }
}

/// All that is stored of one account.
#[derive(Default)]
struct Account {
    device: Option<DeviceRecord>,
    signal: BTreeMap<SignalKey, Bytes>,
    people: People,
    notices: Notices,
    outbox: Outbox,
    app_state: AppState,
    messages: Messages,
    session: Option<SessionRecord>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads from an account; an account without records reads like one that is empty.
    fn read<T: Default>(&self, account: &AccountId, read: impl FnOnce(&Account) -> T) -> T {
        self.state.read().accounts.get(account).map(read).unwrap_or_default()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("accounts", &self.state.read().accounts.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::{Change, Changes, DeviceStore, Store};

    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("not ready at the first poll"),
        }
    }

    #[test]
    fn futures_are_ready_at_the_first_poll() {
        let store = MemoryStore::new();
        let account: AccountId = "a".parse().unwrap();
        let device = DeviceRecord { jid: None, lid: None, state: Bytes::from_static(b"s") };
        let mut changes = Changes::new(account.clone());
        changes.push(Change::PutDevice(device.clone()));
        at_once(store.commit(changes)).unwrap();
        assert_eq!(at_once(store.device(&account)).unwrap(), Some(device));
        at_once(store.close());
    }

    #[test]
    fn clones_share_their_contents() {
        let (store, account) = (MemoryStore::new(), AccountId::try_from("a".to_owned()).unwrap());
        let mut changes = Changes::new(account.clone());
        changes.push(Change::PutDevice(DeviceRecord { jid: None, lid: None, state: Bytes::new() }));
        at_once(store.clone().commit(changes)).unwrap();
        assert!(at_once(store.device(&account)).unwrap().is_some());
    }
}
