//! A commit's changes, one after the other, within the transaction begun.
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Connection, Sql, appstate, audit, campaign, chat, contact, counter, device, event, flow, lease, message,
    notice, of, outgoing, person, reach, session, setting, signal, team, vault, webhook,
};
use crate::{
    AccountId, Change, Changes, Error, ErrorKind, EventChange, FlowChange, NewEvent, NoticeRecord,
    PersonRecord, Result, Scope, SignalKey, Store,
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
    let mut aside = Aside::default();
    for change in list {
        if !aside.take(change) {
            std::mem::take(&mut aside).write(connection, scope).await?;
            apply_one(connection, scope, change).await?;
        }
    }
    aside.write(connection, scope).await?;
    counter::apply_all(connection, scope.workspace(), list).await
}

/// Changes in a row of which many go into one statement.
#[derive(Default)]
struct Aside<'a> {
    /// Of the same key, the last counts.
    signals: BTreeMap<&'a SignalKey, &'a Bytes>,
    people: Vec<&'a PersonRecord>,
    notices: Vec<&'a NoticeRecord>,
    events: Vec<&'a NewEvent>,
    counts: BTreeMap<flow::Counted<'a>, flow::Sums>,
}

impl<'a> Aside<'a> {
    /// Puts it aside, if it is such a change.
    fn take(&mut self, change: &'a Change) -> bool {
        match change {
            Change::PutSignal(key, value) => drop(self.signals.insert(key, value)),
            Change::PutPerson(person) => self.people.push(person),
            Change::PutNotice(notice) => self.notices.push(notice),
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
        all(connection, event::put(scope, &self.events)).await?;
        // Last: commits that count the same wait for each other until they end.
        let counts: Vec<_> = self.counts.into_iter().collect();
        all(connection, flow::count(scope.workspace(), &counts)).await
    }
}

fn account_of(scope: &Scope) -> Result<&AccountId> {
    scope.account().ok_or_else(|| Error::new(ErrorKind::Invalid, "writing to an account"))
}

async fn apply_one(connection: &mut Connection<'_>, scope: &Scope, change: &Change) -> Result<()> {
    match change {
        Change::Event(change) => return event::apply(connection, scope, change).await,
        Change::Contact(change) => return contact::apply(connection, scope, change).await,
        Change::Campaign(change) => return campaign::apply(connection, scope, change).await,
        Change::Flow(change) => return flow::apply(connection, scope, change).await,
        Change::Team(change) => return team::apply(connection, scope, change).await,
        Change::Webhook(change) => return webhook::apply(connection, scope, change).await,
        // All at once, at the end.
        Change::Counter(_) => return Ok(()),
        Change::Audit(change) => return audit::apply(connection, scope, change).await,
        Change::Setting(change) => return setting::apply(connection, scope, change).await,
        Change::Reach(change) => return reach::apply(connection, scope, change).await,
        _ => {}
    }
    let account = account_of(scope)?;
    let statement = match change {
        Change::PutDevice(device) => device::put(account, device),
        Change::DeleteDevice => return delete(connection, account, &DEVICE).await,
        Change::DeleteSignal(key) => signal::delete(account, key),
        Change::DeletePerson(address) => person::delete(account, address),
        Change::DeleteNotice { kind, id } => notice::delete(account, kind, id),
        Change::PutOutgoing(message) => outgoing::put(account, message),
        Change::SetOutgoingState(id, state) => outgoing::set_state(account, id, *state),
        Change::ExpireOutgoing(before) => outgoing::expire(account, *before),
        Change::PutMessage(message) => return message::put(connection, account, message).await,
        Change::RaiseStatus(key, status) => return message::raise(connection, account, key, *status).await,
        Change::PutSession(session) => session::put(account, session),
        Change::SetSeen(seen) => session::set_seen(account, seen),
        Change::DeleteSession => {
            delete(connection, account, &DEVICE).await?;
            return delete(connection, account, &SESSION).await;
        }
        Change::AppState(change) => return all(connection, appstate::put(account, change)).await,
        Change::Chat(change) => return chat::apply(connection, account, change).await,
        // Done above, or put aside.
        Change::PutSignal(..)
        | Change::PutPerson(_)
        | Change::PutNotice(_)
        | Change::Event(_)
        | Change::Contact(_)
        | Change::Campaign(_)
        | Change::Flow(_)
        | Change::Team(_)
        | Change::Webhook(_)
        | Change::Counter(_)
        | Change::Audit(_)
        | Change::Setting(_)
        | Change::Reach(_) => return Ok(()),
    };
    connection.execute(statement).await.map(drop)
}

async fn all<'a>(
    connection: &mut Connection<'_>,
    statements: impl IntoIterator<Item = super::Statement<'a>, IntoIter: Send>,
) -> Result<()> {
    for statement in statements {
        connection.execute(statement).await?;
    }
    Ok(())
}

/// What hangs on a device.
const DEVICE: [&str; 8] = [
    "DELETE FROM device WHERE workspace = $1 AND account = $2",
    "DELETE FROM signal WHERE workspace = $1 AND account = $2",
    "DELETE FROM person WHERE workspace = $1 AND account = $2",
    "DELETE FROM notice WHERE workspace = $1 AND account = $2",
    "DELETE FROM outgoing WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_key WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_mac WHERE workspace = $1 AND account = $2",
];
/// What hangs on a session besides its device. Chats before messages: a message that comes in at the same time and has its
/// chat is then seen, or makes the chat anew.
const SESSION: [&str; 5] = [
    "DELETE FROM conversation WHERE workspace = $1 AND account = $2",
    "DELETE FROM flow_input WHERE workspace = $1 AND account = $2",
    "DELETE FROM chat WHERE workspace = $1 AND account = $2",
    "DELETE FROM message WHERE workspace = $1 AND account = $2",
    "DELETE FROM session WHERE workspace = $1 AND account = $2",
];

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
