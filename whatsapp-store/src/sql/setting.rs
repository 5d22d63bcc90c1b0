use async_trait::async_trait;
use bytes::Bytes;

use super::{Connection, Rows, Sql, sql, vault::Column};
use crate::{Result, Scope, SettingChange, SettingStore, WorkspaceId};

/// What a value is bound to.
fn place(workspace: &str, name: &str) -> String {
    format!("setting/{workspace}/{name}")
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &SettingChange,
) -> Result<()> {
    let workspace = scope.workspace().as_str();
    let statement = match change {
        SettingChange::Put { name, value } => {
            sql("INSERT INTO setting (workspace, name, value) VALUES ($1, $2, $3) \
             ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value")
            .text(workspace)
            .text(&**name)
            .sealed(&value[..], place(workspace, name))
        }
        SettingChange::Seed { name, value } => {
            sql("INSERT INTO setting (workspace, name, value) VALUES ($1, $2, $3) \
             ON CONFLICT (workspace, name) DO NOTHING")
            .text(workspace)
            .text(&**name)
            .sealed(&value[..], place(workspace, name))
        }
        SettingChange::Delete { name } => {
            sql("DELETE FROM setting WHERE workspace = $1 AND name = $2").text(workspace).text(&**name)
        }
    };
    connection.execute(statement).await.map(drop)
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT value, workspace, name FROM setting WHERE substr(value, 1, $1) <> $2 LIMIT $3",
        "SELECT value, workspace, name FROM setting WHERE substr(value, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 \
         FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (workspace, name) = (row.text(1)?, row.text(2)?);
        let place = place(&workspace, &name);
        let update = sql("UPDATE setting SET value = $3 WHERE workspace = $1 AND name = $2");
        Ok((place, update.text(workspace).text(name)))
    },
};

const ONE: &str = "SELECT value FROM setting WHERE workspace = $1 AND name = $2";

#[async_trait]
impl<S: Sql> SettingStore for S {
    async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>> {
        let place = place(workspace.as_str(), name);
        let rows = self.fetch(sql(ONE).text(workspace.as_str()).text(name)).await?;
        rows.one(|row| Ok(self.vault().open(&row.bytes(0)?, &place)?.into()))
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 1] = [ONE];
