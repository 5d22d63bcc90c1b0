use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::{SqliteStore, device, error::writing, lid, message, outgoing, session, signal};
use crate::{AccountId, Change, Changes, Result, Store};

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

/// Writes one change within the transaction begun.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    account: &AccountId,
    change: &Change,
) -> Result<()> {
    change.check(account)?;
    let account = account.as_str();
    match change {
        Change::PutDevice(device) => run(connection, device::put(account, device)).await,
        Change::DeleteDevice => delete(connection, account, &DEVICE).await,
        Change::PutSignal(key, value) => run(connection, signal::put(account, key, value)).await,
        Change::DeleteSignal(key) => run(connection, signal::delete(account, key)).await,
        Change::PutLid(mapping) => run(connection, lid::put(account, mapping)).await,
        Change::PutOutgoing(message) => run(connection, outgoing::put(account, message)).await,
        Change::SetOutgoingState(id, state) => {
            run(connection, outgoing::set_state(account, id, *state)).await
        }
        Change::ExpireOutgoing(before) => run(connection, outgoing::expire(account, *before)).await,
        Change::PutMessage(message) => run(connection, message::put(account, message)?).await,
        Change::RaiseStatus(key, status) => run(connection, message::raise(account, key, *status)).await,
        Change::PutSession(session) => run(connection, session::put(account, session)).await,
        Change::DeleteSession => {
            delete(connection, account, &DEVICE).await?;
            delete(connection, account, &SESSION).await
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
