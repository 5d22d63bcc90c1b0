use async_trait::async_trait;

use super::{
    SqliteStore,
    commit::Statement,
    error::{damaged, reading},
};
use crate::{AccountId, OutgoingMessage, OutgoingState, OutgoingStore, Result};

pub(super) fn put<'a>(account: &'a str, message: &'a OutgoingMessage) -> Statement<'a> {
    sqlx::query(
        "INSERT INTO outgoing (account, id, chat, payload, state, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (account, id) DO UPDATE SET chat = excluded.chat, payload = excluded.payload, \
         state = excluded.state, created_at = excluded.created_at",
    )
    .bind(account)
    .bind(&*message.id)
    .bind(&*message.chat)
    .bind(&message.payload[..])
    .bind(message.state.code())
    .bind(message.created_at)
}

pub(super) fn set_state<'a>(account: &'a str, id: &'a str, state: OutgoingState) -> Statement<'a> {
    sqlx::query("UPDATE outgoing SET state = ?3 WHERE account = ?1 AND id = ?2")
        .bind(account)
        .bind(id)
        .bind(state.code())
}

pub(super) fn expire(account: &str, before: i64) -> Statement<'_> {
    sqlx::query(EXPIRE).bind(account).bind(before)
}

type Row = (String, String, Vec<u8>, i64, i64);

fn record((id, chat, payload, state, created_at): Row) -> Result<OutgoingMessage> {
    let state = u8::try_from(state).ok().and_then(OutgoingState::from_code);
    let state = state.ok_or_else(|| damaged("the state of an outgoing message"))?;
    Ok(OutgoingMessage { id, chat, payload: payload.into(), state, created_at })
}

const ONE: &str = "SELECT id, chat, payload, state, created_at FROM outgoing WHERE account = ?1 AND id = ?2";
const QUEUED: &str = "SELECT id, chat, payload, state, created_at FROM outgoing \
    WHERE account = ?1 AND state = 1 ORDER BY created_at, number LIMIT ?2";
const EXPIRE: &str = "DELETE FROM outgoing WHERE account = ?1 AND state = 2 AND created_at < ?2";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [ONE, QUEUED, EXPIRE];

#[async_trait]
impl OutgoingStore for SqliteStore {
    async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>> {
        let row: Option<Row> = sqlx::query_as(ONE)
            .bind(account.as_str())
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        row.map(record).transpose()
    }

    async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>> {
        let rows: Vec<Row> = sqlx::query_as(QUEUED)
            .bind(account.as_str())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(reading)?;
        rows.into_iter().map(record).collect()
    }
}
