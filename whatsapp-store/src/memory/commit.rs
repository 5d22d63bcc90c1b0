use async_trait::async_trait;

use super::{
    Account, MemoryStore, State, audit, campaign, contact, counter, event, flow, lease, reach, setting, team,
    webhook,
};
use crate::{
    AccountId, Change, Changes, ChatChange, Result, Scope, Store, WorkspaceId, contacts::BothAddresses,
};

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
        list.iter().try_for_each(|change| change.check(scope))?;
        campaign::check(&self.campaigns, scope, list)?;
        flow::check(&self.flows, scope, list)?;
        team::check(&self.teams, scope, list)?;
        let mut contacts = contact::Draft::of(self, scope);
        for change in list {
            match change {
                Change::Event(change) => event::check(change)?,
                Change::Contact(change) => contacts.write(change)?,
                Change::Chat(ChatChange::Merge { from, into }) => {
                    BothAddresses::of_chats(from, into).into_iter().for_each(|both| contacts.merge(both));
                }
                Change::Webhook(change) => webhook::check(self, scope, change)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, scope: &Scope, change: Change) {
        match (change, scope) {
            (Change::Event(change), scope) => self.events.apply(scope, change),
            (Change::Contact(change), scope) => contact::apply(self, scope, &change),
            (Change::Campaign(change), scope) => campaign::apply(self, scope, change),
            (Change::Flow(change), scope) => flow::apply(self, scope, change),
            (Change::Team(change), scope) => team::apply(self, scope, change),
            (Change::Webhook(change), scope) => webhook::apply(self, scope, change),
            (Change::Counter(change), scope) => counter::apply(self, scope, change),
            (Change::Audit(change), scope) => audit::apply(self, scope, change),
            (Change::Setting(change), scope) => setting::apply(self, scope, change),
            (Change::Reach(change), scope) => reach::apply(self, scope, change),
            (Change::Chat(ChatChange::Merge { from, into }), Scope::Account(account)) => {
                self.merge_chats(account, &from, &into);
            }
            (Change::DeleteSession, Scope::Account(account)) => self.delete_account(account),
            (change, Scope::Account(account)) => self.account(account).apply(change),
            // Refused by the check.
            (_, Scope::Workspace(_)) => {}
        }
    }

    fn merge_chats(&mut self, id: &AccountId, from: &str, into: &str) {
        if from == into {
            return;
        }
        let account = self.account(id);
        account.messages.merge(from, into);
        account.outbox.redirect(from, into);
        self.flows.merge_chats(id, from, into);
        if let Some(both) = BothAddresses::of_chats(from, into) {
            contact::merge(self, &Scope::Account(id.clone()), both);
        }
    }

    fn delete_account(&mut self, id: &AccountId) {
        self.accounts.remove(id);
        self.flows.delete_account(id);
    }

    /// All of a workspace. Spells the fields out, so that one added later is not forgotten.
    pub(super) fn delete_workspace(&mut self, id: &WorkspaceId) {
        let Self {
            accounts,
            audit,
            campaigns,
            contacts,
            counters,
            events,
            flows,
            leases,
            reach,
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
        reach.remove(id);
        webhooks.remove(id);
        flows.delete_workspace(id);
        teams.delete_workspace(id);
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
            Change::PutPerson(person) => self.people.put(person),
            Change::DeletePerson(address) => self.people.delete(&address),
            Change::PutNotice(notice) => self.notices.put(notice),
            Change::DeleteNotice { kind, id } => self.notices.delete(&kind, &id),
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
            Change::AppState(change) => self.app_state.apply(change),
            Change::Chat(change) => self.messages.apply(change),
            // Applied where more than the account is at hand.
            Change::DeleteSession
            | Change::Event(_)
            | Change::Contact(_)
            | Change::Campaign(_)
            | Change::Flow(_)
            | Change::Team(_)
            | Change::Webhook(_)
            | Change::Counter(_)
            | Change::Audit(_)
            | Change::Setting(_)
            | Change::Reach(_) => {}
        }
    }
}
