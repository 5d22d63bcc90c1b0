//! The common part of SQLite and PostgreSQL: each domain's statements and records, written once.
//!
//! Both databases accept the same text for nearly everything, down to `$1` for arguments. A domain's file has its
//! writes ([`Statement`]s, sent by [`commit`]) and the reading of its rows; it knows no driver. Where the two need
//! different text, [`Dialect::text`] picks it.
mod appstate;
mod audience;
mod audit;
mod campaign;
mod chat;
mod commit;
mod connection;
mod contact;
mod contacted;
mod conversation;
mod counter;
mod device;
mod event;
#[cfg(all(test, feature = "sqlite", feature = "postgres"))]
mod failpoint;
mod flow;
mod keyset;
mod lease;
mod merge;
mod message;
mod notice;
mod outgoing;
mod person;
mod revision;
mod row;
mod session;
mod setting;
mod signal;
mod statement;
mod team;
pub(crate) mod vault;
mod webhook;

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use tokio::sync::Notify;

#[cfg(feature = "postgres")]
pub(crate) use self::connection::postgres;
#[cfg(feature = "sqlite")]
pub(crate) use self::connection::sqlite;
pub(crate) use self::{
    commit::apply,
    connection::{Connection, Handle},
    row::{Row, Rows},
    statement::{Statement, sql},
    vault::Vault,
};
use crate::{AccountId, Changes, Error, ErrorKind, Result, Scope};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

impl Dialect {
    /// The one for this database, of two ways to say the same.
    pub(crate) const fn text(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => {
                let _ = postgres;
                sqlite
            }
            #[cfg(feature = "postgres")]
            Self::Postgres => {
                let _ = sqlite;
                postgres
            }
        }
    }
}

/// Work within one transaction.
pub(crate) type Work = Box<
    dyn for<'w, 'c> FnOnce(&'w mut Connection<'c>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>>
        + Send,
>;

/// A database: the part of a backend that the domains' files use. Every `Database` is a [`Store`](crate::Store).
#[async_trait]
pub(crate) trait Sql: fmt::Debug + Send + Sync {
    fn dialect(&self) -> Dialect;

    /// Seals and opens secrets.
    fn vault(&self) -> &Vault;

    /// Reads, outside of a transaction.
    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<Row>>;

    /// [`apply`] in one transaction.
    async fn write(&self, changes: Changes) -> Result<()>;

    /// The work in one transaction, which is committed if it succeeds.
    async fn call(&self, work: Work) -> Result<()>;

    /// Notified when this process or another may have committed events. A hint, which may come late or for nothing.
    fn hints(&self) -> &Notify;

    async fn shut(&self);
}

/// A write that has an answer. The work gets the answer's place to fill.
pub(crate) async fn transact<S, T, F>(store: &S, work: F) -> Result<T>
where
    S: Sql + ?Sized,
    T: Send + 'static,
    F: for<'w, 'c> FnOnce(&'w mut Connection<'c>) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'w>>
        + Send
        + 'static,
{
    let (answer, mut answered) = tokio::sync::oneshot::channel();
    let work: Work = Box::new(move |connection| {
        Box::pin(async move {
            // The caller no longer waits for the answer: the work is done anyway.
            let _ = answer.send(work(connection).await?);
            Ok(())
        })
    });
    store.call(work).await?;
    answered.try_recv().map_err(|_| Error::new(ErrorKind::Other, "reading a transaction's answer"))
}

/// A row that no version of this library has written.
pub(crate) fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, "reading from the database").because(what)
}

/// The workspace and the name, which every query about an account starts with as `$1` and `$2`.
pub(crate) fn of<'a>(text: &'static str, account: &'a AccountId) -> Statement<'a> {
    sql(text).text(account.workspace().as_str()).text(account.name())
}

/// As [`of`], by reference.
fn owned(text: &'static str, account: &AccountId) -> Statement<'static> {
    sql(text).text(account.workspace().as_str().to_owned()).text(account.name().to_owned())
}

/// An account from two columns.
fn account_at(row: &Row, place: usize) -> Result<AccountId> {
    let workspace = row.text(place)?.parse().map_err(|_| damaged("a workspace"))?;
    AccountId::new(workspace, &row.text(place + 1)?).map_err(|_| damaged("an account"))
}

fn account_of(scope: &Scope) -> Result<&AccountId> {
    scope.account().ok_or_else(|| Error::new(ErrorKind::Invalid, "writing to an account"))
}

/// One after the other.
async fn all<'a>(
    connection: &mut Connection<'_>,
    statements: impl IntoIterator<Item = Statement<'a>, IntoIter: Send>,
) -> Result<()> {
    for statement in statements {
        connection.execute(statement).await?;
    }
    Ok(())
}

/// Rows that belong to a device.
const DEVICE: [&str; 9] = [
    "UPDATE message SET status = 9 WHERE workspace = $1 AND account = $2 AND from_me = 1 AND status = 1 \
     AND id IN (SELECT id FROM outgoing WHERE workspace = $1 AND account = $2 AND state = 1)",
    "DELETE FROM device WHERE workspace = $1 AND account = $2",
    "DELETE FROM signal WHERE workspace = $1 AND account = $2",
    "DELETE FROM person WHERE workspace = $1 AND account = $2",
    "DELETE FROM notice WHERE workspace = $1 AND account = $2",
    "DELETE FROM outgoing WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_key WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_mac WHERE workspace = $1 AND account = $2",
];
/// As [`DEVICE`], with the queued messages left for the next device of the account.
const REPLACED: [&str; 8] = [
    "DELETE FROM device WHERE workspace = $1 AND account = $2",
    "DELETE FROM signal WHERE workspace = $1 AND account = $2",
    "DELETE FROM person WHERE workspace = $1 AND account = $2",
    "DELETE FROM notice WHERE workspace = $1 AND account = $2",
    "DELETE FROM outgoing WHERE workspace = $1 AND account = $2 AND state = 2",
    "DELETE FROM app_state WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_key WHERE workspace = $1 AND account = $2",
    "DELETE FROM app_state_mac WHERE workspace = $1 AND account = $2",
];
/// Rows that belong to a session besides its device. Chats before messages: a message that comes in at the same time
/// with its chat is then seen, or makes the chat again.
const SESSION: [&str; 6] = [
    "DELETE FROM conversation WHERE workspace = $1 AND account = $2",
    "DELETE FROM flow_input WHERE workspace = $1 AND account = $2",
    "DELETE FROM chat WHERE workspace = $1 AND account = $2",
    "DELETE FROM message WHERE workspace = $1 AND account = $2",
    "DELETE FROM message_edit WHERE workspace = $1 AND account = $2",
    "DELETE FROM session WHERE workspace = $1 AND account = $2",
];

macro_rules! tables {
    ($($table:literal),+ $(,)?) => {
        [$(concat!("DELETE FROM ", $table, " WHERE workspace = $1")),+]
    };
}

/// All tables with a column `workspace`; a test compares them.
const DELETE_WORKSPACE: &[&str] = &tables![
    "device",
    "signal",
    "person",
    "notice",
    "app_state",
    "app_state_key",
    "app_state_mac",
    "outgoing",
    "message",
    "message_edit",
    "chat",
    "session",
    "lease",
    "event",
    "contact",
    "contact_tag",
    "suppression",
    "counter",
    "audit",
    "setting",
    "contacted",
    "campaign",
    "campaign_number",
    "webhook_endpoint",
    "webhook_delivery",
    "flow",
    "flow_version",
    "flow_input",
    "conversation",
    "node_count",
    "workspace",
    "member",
    "api_key",
    "reset_token",
];

/// All columns with sealed values.
const SEALED: [vault::Column; 9] = [
    appstate::SEALED,
    device::SEALED,
    message::SEALED,
    notice::SEALED,
    outgoing::SEALED,
    person::SEALED,
    setting::SEALED,
    signal::SEALED,
    webhook::SEALED,
];

/// Statements that have to go by an index, as SQLite reads them.
#[cfg(all(test, feature = "sqlite"))]
pub(crate) fn reads() -> Vec<&'static str> {
    let mut all = Vec::from(message::STATEMENTS);
    all.extend(message::EDITS);
    all.extend(merge::STATEMENTS);
    all.extend(appstate::STATEMENTS);
    all.extend(chat::STATEMENTS);
    all.extend(notice::STATEMENTS);
    all.extend(outgoing::STATEMENTS);
    all.extend(person::statements());
    all.extend(signal::statements());
    all.extend(webhook::STATEMENTS);
    all.extend(flow::STATEMENTS);
    all.extend(conversation::STATEMENTS);
    all.extend(team::STATEMENTS);
    all.extend(contact::STATEMENTS);
    all.extend(audience::STATEMENTS);
    all.extend(counter::STATEMENTS);
    all.extend(audit::STATEMENTS);
    all.extend(session::STATEMENTS);
    all.extend(setting::STATEMENTS);
    all.extend(contacted::STATEMENTS);
    all.extend(event::STATEMENTS.map(|(sqlite, _)| sqlite));
    all.extend(campaign::STATEMENTS);
    all
}
