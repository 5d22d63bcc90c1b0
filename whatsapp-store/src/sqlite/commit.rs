use async_trait::async_trait;
use bytes::Bytes;
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{SqliteStore, device, error::writing, lid, message, outgoing, session, signal};
use crate::{AccountId, Change, Changes, Result, SignalKey, Store};

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.commit(changes).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

/// Writes all changes of one commit within the transaction begun.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    Changes { account, list }: &Changes,
) -> Result<()> {
    // Signal records in a row are put aside and written together.
    let mut records = Vec::new();
    for change in list {
        change.check(account)?;
        if let Change::PutSignal(key, value) = change {
            records.push((key, value));
        } else {
            put_signal(connection, account, &records).await?;
            records.clear();
            apply_one(connection, account, change).await?;
        }
    }
    put_signal(connection, account, &records).await
}

async fn put_signal(
    connection: &mut SqliteConnection,
    account: &AccountId,
    mut records: &[(&SignalKey, &Bytes)],
) -> Result<()> {
    while let Some(statement) = signal::put(account.as_str(), &mut records) {
        run(connection, statement).await?;
    }
    Ok(())
}

async fn apply_one(connection: &mut SqliteConnection, account: &AccountId, change: &Change) -> Result<()> {
    let name = account.as_str();
    match change {
        Change::PutSignal(key, value) => put_signal(connection, account, &[(key, value)]).await,
        Change::PutDevice(device) => run(connection, device::put(name, device)).await,
        Change::DeleteDevice => delete(connection, name, &DEVICE).await,
        Change::DeleteSignal(key) => run(connection, signal::delete(name, key)).await,
        Change::PutLid(mapping) => run(connection, lid::put(name, mapping)).await,
        Change::PutOutgoing(message) => run(connection, outgoing::put(name, message)).await,
        Change::SetOutgoingState(id, state) => run(connection, outgoing::set_state(name, id, *state)).await,
        Change::ExpireOutgoing(before) => run(connection, outgoing::expire(name, *before)).await,
        Change::PutMessage(message) => run(connection, message::put(name, message)?).await,
        Change::RaiseStatus(key, status) => run(connection, message::raise(name, key, *status)).await,
        Change::PutSession(session) => run(connection, session::put(name, session)).await,
        Change::DeleteSession => {
            delete(connection, name, &DEVICE).await?;
            delete(connection, name, &SESSION).await
        }
    }
}

/// What hangs on a device.
const DEVICE: [&str; 4] = [
    "DELETE FROM device WHERE account = ?1",
    "DELETE FROM signal WHERE account = ?1",
    "DELETE FROM lid WHERE account = ?1",
    "DELETE FROM outgoing WHERE account = ?1",
];
/// What hangs on a session besides its device.
const SESSION: [&str; 2] =
    ["DELETE FROM message WHERE account = ?1", "DELETE FROM session WHERE account = ?1"];

/// A write, with its arguments.
pub(super) type Statement<'a> = Query<'a, Sqlite, SqliteArguments>;

async fn run(connection: &mut SqliteConnection, statement: Statement<'_>) -> Result<()> {
    statement.execute(connection).await.map(drop).map_err(writing)
}

async fn delete(
    connection: &mut SqliteConnection,
    account: &str,
    statements: &'static [&'static str],
) -> Result<()> {
    for statement in statements {
        run(connection, sqlx::query(*statement).bind(account)).await?;
    }
    Ok(())
}
