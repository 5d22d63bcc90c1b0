use async_trait::async_trait;

use super::{
    Account, MemoryStore, State, campaign, contact, event, flow, lease, session, setting, team, webhook,
};
use crate::{
    AccountId, Change, Changes, ChatChange, Result, Scope, Store, changes::any_domain,
    contacts::BothAddresses, traits::with_changes,
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
        session::check(self, scope, list)?;
        setting::check(self, scope, list)?;
        webhook::check(self, scope, list)?;
        let mut contacts = contact::Draft::of(self, scope);
        for change in list {
            match change {
                Change::Event(change) => event::check(change)?,
                Change::Contact(change) => contacts.write(change)?,
                Change::Chat(ChatChange::Merge { from, into }) => {
                    BothAddresses::of_chats(from, into).into_iter().for_each(|both| contacts.merge(both));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, scope: &Scope, change: Change) {
        match (apply_to_domain(self, scope, change), scope) {
            (Some(Change::DeleteSession), Scope::Account(account)) => self.delete_account(account),
            (Some(change), Scope::Account(account)) => self.account(account).apply(change),
            // Done, or refused by the check.
            (None, _) | (_, Scope::Workspace(_)) => {}
        }
    }

    pub(super) fn merge_chats(&mut self, id: &AccountId, from: &str, into: &str) {
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
}

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident($module:ident: $change:ident) of $article:ident $whose:ident;)+) => {
        /// Writes a change of a domain, and returns any other.
        fn apply_to_domain(state: &mut State, scope: &Scope, change: Change) -> Option<Change> {
            match change {
                $(Change::$name(change) => super::$module::apply(state, scope, change),)+
                other => return Some(other),
            }
            None
        }
    };
}

with_changes! { domains! }

impl Account {
    fn apply(&mut self, change: Change) {
        match change {
            Change::PutDevice(device) => self.device = Some(device),
            Change::DeleteDevice => {
                let Self { mut messages, session, outbox, .. } = std::mem::take(self);
                messages.fail(&outbox.into_queued());
                *self = Self { messages, session, ..Self::default() };
            }
            Change::ReplaceDevice => {
                let Self { messages, session, mut outbox, .. } = std::mem::take(self);
                outbox.expire(i64::MAX);
                *self = Self { messages, session, outbox, ..Self::default() };
            }
            Change::PutSignal(key, value) => drop(self.signal.insert(key, value)),
            Change::DeleteSignal(key) => drop(self.signal.remove(&key)),
            Change::PutPerson(person) => self.people.put(person),
            Change::DeletePerson(address) => self.people.delete(&address),
            Change::PutOutgoing(message) => self.outbox.put(message),
            Change::SetOutgoingState(id, state) => self.outbox.set_state(&id, state),
            Change::ExpireOutgoing(before) => self.outbox.expire(before),
            Change::PutMessage(message) => self.messages.put(message),
            Change::EditMessage(edit) => self.messages.edit(edit),
            Change::RaiseStatus(key, status) => self.messages.raise(&key, status),
            Change::PutSession(session) => self.put_session(session),
            Change::SetObserved(observed) => {
                if let Some(session) = &mut self.session {
                    session.observed = Some(observed);
                }
            }
            // Applied where more than the account is available.
            Change::DeleteSession | Change::ExpectSession { .. } | any_domain!() => {}
        }
    }
}
