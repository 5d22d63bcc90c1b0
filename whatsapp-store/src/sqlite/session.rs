use async_trait::async_trait;

use super::{
    SqliteStore,
    commit::Statement,
    error::{damaged, reading},
};
use crate::{AccountId, Result, SessionRecord, SessionStore, WantedState};

pub(super) fn put<'a>(account: &'a str, session: &'a SessionRecord) -> Statement<'a> {
    sqlx::query(
        "INSERT INTO session (account, name, wanted, created_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (account) DO UPDATE SET name = excluded.name, wanted = excluded.wanted, \
         created_at = excluded.created_at",
    )
    .bind(account)
    .bind(&*session.name)
    .bind(session.wanted.code())
    .bind(session.created_at)
}

type Row = (String, String, i64, i64);

fn record((account, name, wanted, created_at): Row) -> Result<SessionRecord> {
    let id = AccountId::try_from(account).map_err(|_| damaged("the id of a session"))?;
    let wanted = u8::try_from(wanted).ok().and_then(WantedState::from_code);
    let wanted = wanted.ok_or_else(|| damaged("the wanted state of a session"))?;
    Ok(SessionRecord { id, name, wanted, created_at })
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT account, name, wanted, created_at FROM session WHERE account = ?1")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(reading)?;
        row.map(record).transpose()
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT account, name, wanted, created_at FROM session ORDER BY created_at, account",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(reading)?;
        rows.into_iter().map(record).collect()
    }
}
