//! Is a record that people edit still as it was read? Each write to such a record raises its `updated_at`, by one at least.
use super::{Connection, Rows, sql};
pub(super) use crate::revision::check;
use crate::{Result, WorkspaceId};

/// A column of a table after a write at a time: the rule of [`risen`](crate::revision::risen).
macro_rules! risen {
    ($table:literal, $at:literal) => {
        concat!(
            "CASE WHEN ",
            $table,
            ".updated_at < ",
            $at,
            " THEN ",
            $at,
            " WHEN ",
            $table,
            ".updated_at < 9223372036854775807 THEN ",
            $table,
            ".updated_at + 1 ELSE ",
            $table,
            ".updated_at END"
        )
    };
}
pub(super) use risen;

/// A table of records that people edit; each write raises `updated_at`.
#[derive(Clone, Copy)]
pub(super) enum Revised {
    Campaign,
    Flow,
    Session,
    Contact,
    Endpoint,
    Workspace,
    User,
    ApiKey,
}

/// On a server, the row is held until the transaction ends, so that of two who read the same one comes second.
macro_rules! select {
    ($table:literal, $id:literal) => {
        (
            concat!("SELECT updated_at FROM ", $table, " WHERE workspace = $1 AND ", $id, " = $2"),
            concat!("SELECT updated_at FROM ", $table, " WHERE workspace = $1 AND ", $id, " = $2 FOR UPDATE"),
        )
    };
}

impl Revised {
    const fn select(self) -> (&'static str, &'static str) {
        match self {
            Self::Campaign => select!("campaign", "id"),
            Self::Flow => select!("flow", "id"),
            Self::Session => select!("session", "account"),
            Self::Contact => select!("contact", "id"),
            Self::Endpoint => select!("webhook_endpoint", "id"),
            Self::Workspace => select!("workspace", "workspace"),
            Self::User => select!("member", "id"),
            Self::ApiKey => select!("api_key", "id"),
        }
    }

    const fn doing(self) -> &'static str {
        match self {
            Self::Campaign => "changing a campaign",
            Self::Flow => "changing a flow",
            Self::Session => "changing a session",
            Self::Contact => "changing a contact",
            Self::Endpoint => "changing a webhook endpoint",
            Self::Workspace => "changing a workspace",
            Self::User => "changing a user",
            Self::ApiKey => "changing an API key",
        }
    }
}

/// There is no row to hold yet: those who make one of the same name wait for each other. Others rarely do, by chance.
const NAME: &str =
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))) AS held";

/// Holds a name under which nothing is stored, until the transaction ends.
pub(super) async fn hold(connection: &mut Connection<'_>, workspace: &WorkspaceId, id: &str) -> Result<()> {
    let hold = connection.dialect().text("", NAME);
    if !hold.is_empty() {
        connection.fetch(sql(hold).text(workspace.as_str()).text(id)).await?;
    }
    Ok(())
}

/// # Errors
/// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it is not.
pub(super) async fn expect(
    connection: &mut Connection<'_>,
    what: Revised,
    workspace: &WorkspaceId,
    id: &str,
    updated_at: Option<i64>,
) -> Result<()> {
    if updated_at.is_none() {
        hold(connection, workspace, id).await?;
    }
    let texts = what.select();
    let select = sql(connection.dialect().text(texts.0, texts.1)).text(workspace.as_str()).text(id);
    let stored = connection.fetch(select).await?.one(|row| row.int(0))?;
    check(stored, updated_at, what.doing())
}
