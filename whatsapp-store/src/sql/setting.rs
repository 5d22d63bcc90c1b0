use async_trait::async_trait;
use bytes::Bytes;

use super::{Connection, Rows, Sql, Statement, damaged, revision, sql, vault::Column};
use crate::{Result, Scope, SettingChange, SettingStore, WorkspaceId};

/// The place that a sealed value is bound to.
fn place(workspace: &str, name: &str) -> String {
    format!("setting/{workspace}/{name}")
}

/// The workspace and the name, as `$1` and `$2`.
fn of<'a>(text: &'static str, workspace: &'a WorkspaceId, name: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(name)
}

const PUT: &str = "INSERT INTO setting (workspace, name, value) VALUES ($1, $2, $3) \
    ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value";
const SEED: &str = "INSERT INTO setting (workspace, name, value) VALUES ($1, $2, $3) \
    ON CONFLICT (workspace, name) DO NOTHING";
const DELETE: &str = "DELETE FROM setting WHERE workspace = $1 AND name = $2";
const ONE: &str = "SELECT value FROM setting WHERE workspace = $1 AND name = $2";
const HELD: &str = "SELECT value FROM setting WHERE workspace = $1 AND name = $2 FOR UPDATE";

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &SettingChange,
) -> Result<()> {
    let workspace = scope.workspace();
    let (text, name, value) = match change {
        SettingChange::Expect { name, value } => {
            return expect(connection, workspace, name, value.as_ref()).await;
        }
        SettingChange::Put { name, value } => (PUT, name, Some(value)),
        SettingChange::Seed { name, value } => (SEED, name, Some(value)),
        SettingChange::Delete { name } => (DELETE, name, None),
    };
    let mut statement = of(text, workspace, name);
    if let Some(value) = value {
        statement = statement.sealed(&value[..], place(workspace.as_str(), name));
    }
    connection.execute(statement).await.map(drop)
}

/// Values are compared opened: the same value is sealed to other bytes each time.
async fn expect(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    name: &str,
    read: Option<&Bytes>,
) -> Result<()> {
    if read.is_none() {
        revision::hold(connection, workspace, &format!("setting/{name}")).await?;
    }
    let select = connection.dialect().text(ONE, HELD);
    let stored = connection.fetch(of(select, workspace, name)).await?.one(|row| row.bytes(0))?;
    let stored = stored.map(|value| connection.vault.open(&value, &place(workspace.as_str(), name)));
    let stored: Option<Bytes> = stored.transpose()?.map(Into::into);
    revision::check(stored.as_ref(), read, "changing a setting")
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT value, workspace, name FROM setting WHERE substr(value, 1, $1) <> $2 LIMIT $3",
        "SELECT value, workspace, name FROM setting WHERE substr(value, 1, CAST($1 AS INTEGER)) <> $2 \
         LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (workspace, name) = (row.text(1)?, row.text(2)?);
        let workspace: WorkspaceId = workspace.parse().map_err(|_| damaged("the workspace of a setting"))?;
        let at = place(workspace.as_str(), &name);
        let update = sql("UPDATE setting SET value = $3 WHERE workspace = $1 AND name = $2");
        Ok((at, update.text(workspace.as_str().to_owned()).text(name)))
    },
};

#[async_trait]
impl<S: Sql> SettingStore for S {
    async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>> {
        let found = self.fetch(of(ONE, workspace, name)).await?;
        found.one(|row| Ok(self.vault().open(&row.bytes(0)?, &place(workspace.as_str(), name))?.into()))
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 1] = [ONE];
