use std::sync::LazyLock;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    SqliteStore,
    commit::Statement,
    error::{damaged, reading},
};
use crate::{AccountId, Result, SignalKey, SignalKind, SignalStore};

/// Rows in one statement. A fan-out writes hundreds of ratchets, and every statement costs a way between two threads.
const ROWS: [usize; 3] = [64, 8, 1];

static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| ROWS.map(insert));

fn insert(rows: usize) -> String {
    let row = |row: usize| format!("(?1, ?{}, ?{}, ?{})", 2 + 3 * row, 3 + 3 * row, 4 + 3 * row);
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO signal (account, kind, id, value) VALUES {rows} \
         ON CONFLICT (account, kind, id) DO UPDATE SET value = excluded.value"
    )
}

/// Writes the first of these records, as many as fit in one statement, and leaves the others.
pub(super) fn put<'a>(
    account: &'a str,
    records: &mut &[(&'a SignalKey, &'a Bytes)],
) -> Option<Statement<'a>> {
    let size = ROWS.iter().position(|rows| *rows <= records.len())?;
    let (first, others) = records.split_at(ROWS[size]);
    *records = others;
    let inserts: &'static [String; ROWS.len()] = &INSERTS;
    let mut statement = sqlx::query(inserts[size].as_str()).bind(account);
    for (key, value) in first {
        statement = statement.bind(key.kind.code()).bind(&*key.id).bind(&value[..]);
    }
    Some(statement)
}

pub(super) fn delete<'a>(account: &'a str, key: &'a SignalKey) -> Statement<'a> {
    sqlx::query("DELETE FROM signal WHERE account = ?1 AND kind = ?2 AND id = ?3")
        .bind(account)
        .bind(key.kind.code())
        .bind(&*key.id)
}

/// A batch is asked for in one statement with room for so many keys; the room left over holds NULL, which is found
/// nowhere. Few sizes, so that each stays prepared.
const ROOMS: [usize; 5] = [1, 4, 16, 64, 256];

static SELECTS: LazyLock<[String; ROOMS.len()]> = LazyLock::new(|| ROOMS.map(select));

/// Finds each key by its index entry, in the order asked.
fn select(room: usize) -> String {
    let key = |place: usize| format!("({place}, ?{}, ?{})", 2 + 2 * place, 3 + 2 * place);
    let keys = (0..room).map(key).collect::<Vec<_>>().join(", ");
    format!(
        "WITH wanted (place, kind, id) AS (VALUES {keys}) SELECT wanted.place, signal.value \
         FROM wanted CROSS JOIN signal \
         ON signal.account = ?1 AND signal.kind = wanted.kind AND signal.id = wanted.id"
    )
}

#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static str> {
    SELECTS.iter().map(String::as_str)
}

impl SqliteStore {
    /// Writes what is found under at most 256 keys to the same places of `values`.
    async fn signal_batch(
        &self,
        account: &AccountId,
        keys: &[SignalKey],
        values: &mut [Option<Bytes>],
    ) -> Result<()> {
        let size = ROOMS.iter().position(|room| *room >= keys.len()).unwrap_or(ROOMS.len() - 1);
        let selects: &'static [String; ROOMS.len()] = &SELECTS;
        let mut select = sqlx::query_as(selects[size].as_str()).bind(account.as_str());
        for key in keys {
            select = select.bind(key.kind.code()).bind(&*key.id);
        }
        for _ in keys.len()..ROOMS[size] {
            select = select.bind(None::<i64>).bind(None::<&str>);
        }
        let rows: Vec<(i64, Vec<u8>)> = select.fetch_all(&self.readers).await.map_err(reading)?;
        for (place, value) in rows {
            let place = usize::try_from(place).ok().and_then(|place| values.get_mut(place));
            *place.ok_or_else(|| damaged("a batch of Signal records"))? = Some(value.into());
        }
        Ok(())
    }
}

#[async_trait]
impl SignalStore for SqliteStore {
    async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>> {
        let mut values = vec![None; keys.len()];
        let most = ROOMS[ROOMS.len() - 1];
        for (keys, values) in keys.chunks(most).zip(values.chunks_mut(most)) {
            self.signal_batch(account, keys, values).await?;
        }
        Ok(values)
    }

    async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>> {
        sqlx::query_scalar("SELECT id FROM signal WHERE account = ?1 AND kind = ?2 ORDER BY id")
            .bind(account.as_str())
            .bind(kind.code())
            .fetch_all(&self.readers)
            .await
            .map_err(reading)
    }
}
