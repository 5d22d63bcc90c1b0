//! A commit's changes, one after the other, within the transaction begun.
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Connection, DEVICE, REPLACED, SESSION, Sql, account_of, all, counter, device, event, flow, lease,
    message, notice, of, outgoing, person,
    revision::{self, Revised},
    session, signal, vault,
};
use crate::{
    AccountId, Change, Changes, EventChange, FlowChange, NewEvent, NoticeChange, NoticeRecord, PersonRecord,
    Result, Scope, SignalKey, Store, changes::any_domain, traits::with_changes,
};

#[async_trait]
impl<S: Sql> Store for S {
    async fn commit(&self, changes: Changes) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        changes.list.iter().try_for_each(|change| change.check(&changes.scope))?;
        self.write(changes).await
    }

    async fn reseal(&self, limit: u32) -> Result<u64> {
        vault::reseal(self, limit).await
    }

    async fn close(&self) {
        self.shut().await;
    }
}

/// Writes all changes of one commit.
pub(crate) async fn apply(connection: &mut Connection<'_>, changes: &Changes) -> Result<()> {
    let Changes { scope, fence, list } = changes;
    if let Some(fence) = fence {
        lease::check(connection, scope.workspace(), fence).await?;
    }
    let mut deferred = DeferredWrites::default();
    for change in list {
        if !deferred.take(change) {
            std::mem::take(&mut deferred).write(connection, scope).await?;
            apply_one(connection, scope, change).await?;
        }
    }
    deferred.write(connection, scope).await?;
    counter::apply_all(connection, scope.workspace(), list).await
}

/// Changes in a row of which many go into one statement.
#[derive(Default)]
struct DeferredWrites<'a> {
    /// Of the same key, the last counts.
    signals: BTreeMap<&'a SignalKey, &'a Bytes>,
    people: Vec<&'a PersonRecord>,
    notices: Vec<&'a NoticeRecord>,
    events: Vec<&'a NewEvent>,
    counts: BTreeMap<flow::Counted<'a>, flow::Sums>,
}

impl<'a> DeferredWrites<'a> {
    /// Puts it deferred, if it is such a change.
    fn take(&mut self, change: &'a Change) -> bool {
        match change {
            Change::PutSignal(key, value) => drop(self.signals.insert(key, value)),
            Change::PutPerson(person) => self.people.push(person),
            Change::Notice(NoticeChange::Put(notice)) => self.notices.push(notice),
            Change::Event(EventChange::Put(event)) => self.events.push(event),
            Change::Flow(FlowChange::CountNode { flow, version, count }) => {
                let sums = self.counts.entry((flow, *version, &count.node)).or_default();
                let more = [count.entered, count.left, count.dropped, count.millis];
                sums.iter_mut()
                    .zip(more)
                    .for_each(|(sum, more)| *sum = sum.saturating_add(more.cast_signed()));
            }
            _ => return false,
        }
        true
    }

    async fn write(self, connection: &mut Connection<'_>, scope: &Scope) -> Result<()> {
        if !self.signals.is_empty() {
            let account = account_of(scope)?;
            let records: Vec<_> = self.signals.into_iter().collect();
            let mut records = &records[..];
            while let Some(statement) = signal::put(account, &mut records) {
                connection.execute(statement).await?;
            }
        }
        if !self.people.is_empty() {
            all(connection, person::put(account_of(scope)?, &self.people)).await?;
        }
        if !self.notices.is_empty() {
            notice::put(connection, account_of(scope)?, &self.notices).await?;
        }
        event::put(connection, scope, &self.events).await?;
        // Last: commits that count the same wait for each other until they end.
        let counts: Vec<_> = self.counts.into_iter().collect();
        all(connection, flow::count(scope.workspace(), &counts)).await
    }
}

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident($module:ident: $change:ident) of $article:ident $whose:ident;)+) => {
        async fn apply_one(connection: &mut Connection<'_>, scope: &Scope, change: &Change) -> Result<()> {
            match change {
                $(Change::$name(change) => super::$module::apply(connection, scope, change).await,)+
                change => apply_to_account(connection, account_of(scope)?, change).await,
            }
        }
    };
}

with_changes! { domains! }

async fn apply_to_account(
    connection: &mut Connection<'_>,
    account: &AccountId,
    change: &Change,
) -> Result<()> {
    let statement = match change {
        Change::PutDevice(device) => device::put(account, device),
        Change::DeleteDevice => return delete(connection, account, &DEVICE).await,
        Change::ReplaceDevice => return delete(connection, account, &REPLACED).await,
        Change::DeleteSignal(key) => signal::delete(account, key),
        Change::DeletePerson(address) => person::delete(account, address),
        Change::PutOutgoing(message) => outgoing::put(account, message),
        Change::SetOutgoingState(id, state) => outgoing::set_state(account, id, *state),
        Change::ExpireOutgoing(before) => outgoing::expire(account, *before),
        Change::PutMessage(message) => return message::put(connection, account, message).await,
        Change::EditMessage(edit) => return message::edit(connection, account, edit).await,
        Change::RaiseStatus(key, status) => return message::raise(connection, account, key, *status).await,
        Change::ExpectSession { updated_at } => {
            let (workspace, name) = (account.workspace(), account.name());
            return revision::expect(connection, Revised::Session, workspace, name, *updated_at).await;
        }
        Change::PutSession(session) => session::put(account, session),
        Change::SetObserved(observed) => session::set_observed(account, observed),
        Change::DeleteSession => {
            delete(connection, account, &DEVICE).await?;
            return delete(connection, account, &SESSION).await;
        }
        // Put deferred, or given to its domain.
        Change::PutSignal(..) | Change::PutPerson(_) | any_domain!() => return Ok(()),
    };
    connection.execute(statement).await.map(drop)
}

async fn delete(
    connection: &mut Connection<'_>,
    account: &AccountId,
    statements: &'static [&'static str],
) -> Result<()> {
    for text in statements {
        connection.execute(of(text, account)).await?;
    }
    Ok(())
}
