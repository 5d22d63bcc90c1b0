use std::sync::LazyLock;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Rows, Sql, Statement, account_at, damaged, of, owned, vault::Column};
use crate::{AccountId, Result, SignalKey, SignalKind, SignalStore};

fn place(account: &AccountId, kind: i64, id: &str) -> String {
    format!("signal/{}/{}/{kind}/{id}", account.workspace(), account.name())
}

/// Rows in one statement. A fan-out writes hundreds of ratchets, and every statement costs a way to the database and
/// back.
const ROWS: [usize; 3] = [64, 8, 1];

static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| ROWS.map(insert));

fn insert(rows: usize) -> String {
    let row = |row: usize| format!("($1, $2, ${}, ${}, ${})", 3 + 3 * row, 4 + 3 * row, 5 + 3 * row);
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO signal (workspace, account, kind, id, value) VALUES {rows} \
         ON CONFLICT (workspace, account, kind, id) DO UPDATE SET value = excluded.value"
    )
}

/// Writes the first of these records, as many as fit in one statement, and leaves the rest. No two may have the
/// same key.
pub(super) fn put<'a>(
    account: &'a AccountId,
    records: &mut &[(&'a SignalKey, &'a Bytes)],
) -> Option<Statement<'a>> {
    let size = ROWS.iter().position(|rows| *rows <= records.len())?;
    let (first, others) = records.split_at(ROWS[size]);
    *records = others;
    let inserts: &'static [String; ROWS.len()] = &INSERTS;
    let mut statement = of(inserts[size].as_str(), account);
    for (key, value) in first {
        let kind = i64::from(key.kind.code());
        statement = statement.int(kind).text(&*key.id).sealed(&value[..], place(account, kind, &key.id));
    }
    Some(statement)
}

pub(super) fn delete<'a>(account: &'a AccountId, key: &'a SignalKey) -> Statement<'a> {
    of("DELETE FROM signal WHERE workspace = $1 AND account = $2 AND kind = $3 AND id = $4", account)
        .int(key.kind.code())
        .text(&*key.id)
}

/// A statement has room for a fixed number of keys; unused places ask for a kind that does not exist. There are few sizes,
/// so that each statement stays prepared.
const ROOMS: [usize; 5] = [1, 4, 16, 64, 256];
const NO_KIND: i64 = -1;

static SELECTS: LazyLock<[String; ROOMS.len()]> = LazyLock::new(|| ROOMS.map(select));

/// Finds each key by its index entry, in the order asked.
fn select(room: usize) -> String {
    let key = |place: usize| {
        format!("({place}, CAST(${} AS BIGINT), CAST(${} AS TEXT))", 3 + 2 * place, 4 + 2 * place)
    };
    let keys = (0..room).map(key).collect::<Vec<_>>().join(", ");
    format!(
        "WITH wanted (place, kind, id) AS (VALUES {keys}) SELECT wanted.place, signal.value \
         FROM wanted CROSS JOIN signal WHERE signal.workspace = $1 AND signal.account = $2 \
         AND signal.kind = wanted.kind AND signal.id = wanted.id"
    )
}

#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static str> {
    SELECTS.iter().map(String::as_str)
}

/// Writes what is found under at most 256 keys to the same places of `values`.
async fn batch<S: Sql>(
    store: &S,
    account: &AccountId,
    keys: &[SignalKey],
    values: &mut [Option<Bytes>],
) -> Result<()> {
    let size = ROOMS.iter().position(|room| *room >= keys.len()).unwrap_or(ROOMS.len() - 1);
    let selects: &'static [String; ROOMS.len()] = &SELECTS;
    let mut select = of(selects[size].as_str(), account);
    for key in keys {
        select = select.int(key.kind.code()).text(&*key.id);
    }
    for _ in keys.len()..ROOMS[size] {
        select = select.int(NO_KIND).text("");
    }
    for row in store.fetch(select).await? {
        let place: usize = row.small(0)?;
        let (key, value) = keys.get(place).zip(values.get_mut(place)).ok_or_else(|| damaged("a batch"))?;
        let at = self::place(account, i64::from(key.kind.code()), &key.id);
        *value = Some(store.vault().open(&row.bytes(1)?, &at)?.into());
    }
    Ok(())
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT value, workspace, account, kind, id FROM signal WHERE substr(value, 1, $1) <> $2 LIMIT $3",
        "SELECT value, workspace, account, kind, id FROM signal \
         WHERE substr(value, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (account, kind, id) = (account_at(row, 1)?, row.int(3)?, row.text(4)?);
        let text = "UPDATE signal SET value = $5 \
            WHERE workspace = $1 AND account = $2 AND kind = $3 AND id = $4";
        Ok((place(&account, kind, &id), owned(text, &account).int(kind).text(id)))
    },
};

#[async_trait]
impl<S: Sql> SignalStore for S {
    async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>> {
        let mut values = vec![None; keys.len()];
        let most = ROOMS[ROOMS.len() - 1];
        for (keys, values) in keys.chunks(most).zip(values.chunks_mut(most)) {
            batch(self, account, keys, values).await?;
        }
        Ok(values)
    }

    async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>> {
        let select = of(
            "SELECT id FROM signal WHERE workspace = $1 AND account = $2 AND kind = $3 ORDER BY id",
            account,
        );
        self.fetch(select.int(kind.code())).await?.all(|row| row.text(0))
    }
}
