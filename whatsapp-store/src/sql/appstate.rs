use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Connection, Rows, Sql, Statement, account_at, account_of, all, damaged, of, owned,
    vault::{self, Column},
};
use crate::{AccountId, AppStateChange, AppStateStore, AppStateVersion, Result, Scope};

fn place(account: &AccountId, id: &[u8]) -> String {
    format!("app_state_key/{}/{}/{}", account.workspace(), account.name(), vault::shown(id))
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &AppStateChange,
) -> Result<()> {
    all(connection, put(account_of(scope)?, change)).await
}

fn put<'a>(account: &'a AccountId, change: &'a AppStateChange) -> Vec<Statement<'a>> {
    match change {
        AppStateChange::PutVersion(AppStateVersion { collection, version, hash }) => vec![
            of(
                "INSERT INTO app_state (workspace, account, collection, version, hash) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace, account, collection) \
                 DO UPDATE SET version = excluded.version, hash = excluded.hash",
                account,
            )
            .text(&**collection)
            .int(version.cast_signed())
            .bytes(&hash[..]),
        ],
        AppStateChange::PutKey { id, key } => vec![
            of(
                "INSERT INTO app_state_key (workspace, account, id, value) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (workspace, account, id) DO UPDATE SET value = excluded.value",
                account,
            )
            .bytes(&id[..])
            .sealed(&key[..], place(account, id)),
        ],
        AppStateChange::PutMac { collection, index, value } => vec![
            of(
                "INSERT INTO app_state_mac (workspace, account, collection, index_mac, value_mac) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace, account, collection, index_mac) \
                 DO UPDATE SET value_mac = excluded.value_mac",
                account,
            )
            .text(&**collection)
            .bytes(&index[..])
            .bytes(&value[..]),
        ],
        AppStateChange::DeleteMac { collection, index } => vec![
            of(
                "DELETE FROM app_state_mac \
                 WHERE workspace = $1 AND account = $2 AND collection = $3 AND index_mac = $4",
                account,
            )
            .text(&**collection)
            .bytes(&index[..]),
        ],
        AppStateChange::Reset { collection } => vec![
            of("DELETE FROM app_state WHERE workspace = $1 AND account = $2 AND collection = $3", account)
                .text(&**collection),
            of(
                "DELETE FROM app_state_mac WHERE workspace = $1 AND account = $2 AND collection = $3",
                account,
            )
            .text(&**collection),
        ],
    }
}

/// All that are asked for in one statement, so that a commit in between cannot tear them apart; as hexadecimal digits, which
/// both databases can list. From the wanted to the stored, each by its index entry.
const MACS: (&str, &str) = (
    "SELECT wanted.key, m.value_mac FROM json_each($4) AS wanted CROSS JOIN app_state_mac m \
     WHERE m.workspace = $1 AND m.account = $2 AND m.collection = $3 AND m.index_mac = unhex(wanted.value)",
    "SELECT wanted.place - 1, m.value_mac FROM unnest($4) WITH ORDINALITY AS wanted (value, place) \
     CROSS JOIN LATERAL (SELECT value_mac FROM app_state_mac WHERE workspace = $1 AND account = $2 \
     AND collection = $3 AND index_mac = decode(wanted.value, 'hex') LIMIT 1) m",
);

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT value, workspace, account, id FROM app_state_key WHERE substr(value, 1, $1) <> $2 LIMIT $3",
        "SELECT value, workspace, account, id FROM app_state_key \
         WHERE substr(value, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (account, id) = (account_at(row, 1)?, row.bytes(3)?);
        let text = "UPDATE app_state_key SET value = $4 WHERE workspace = $1 AND account = $2 AND id = $3";
        Ok((place(&account, &id), owned(text, &account).bytes(id.to_vec())))
    },
};

#[async_trait]
impl<S: Sql> AppStateStore for S {
    async fn app_state(&self, account: &AccountId, collection: &str) -> Result<Option<AppStateVersion>> {
        let select = of(
            "SELECT version, hash FROM app_state WHERE workspace = $1 AND account = $2 AND collection = $3",
            account,
        );
        self.fetch(select.text(collection)).await?.one(|row| {
            let version = row.int(0)?.cast_unsigned();
            Ok(AppStateVersion { collection: collection.to_owned(), version, hash: row.bytes(1)? })
        })
    }

    async fn app_state_key(&self, account: &AccountId, id: &[u8]) -> Result<Option<Bytes>> {
        let select =
            of("SELECT value FROM app_state_key WHERE workspace = $1 AND account = $2 AND id = $3", account);
        let rows = self.fetch(select.bytes(id)).await?;
        rows.one(|row| Ok(self.vault().open(&row.bytes(0)?, &place(account, id))?.into()))
    }

    async fn app_state_macs(
        &self,
        account: &AccountId,
        collection: &str,
        indexes: &[Bytes],
    ) -> Result<Vec<Option<Bytes>>> {
        let mut values = vec![None; indexes.len()];
        let text = self.dialect().text(MACS.0, MACS.1);
        let wanted = indexes.iter().map(|index| vault::shown(index)).collect();
        for row in self.fetch(of(text, account).text(collection).texts(wanted)).await? {
            let place: usize = row.small(0)?;
            *values.get_mut(place).ok_or_else(|| damaged("a batch"))? = Some(row.bytes(1)?);
        }
        Ok(values)
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 1] = [MACS.0];
