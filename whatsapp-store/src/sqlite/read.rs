//! The reads.
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    SqliteStore,
    error::{damaged, reading},
};
use crate::{
    AccountId, Content, DeviceRecord, DeviceStore, LidMapping, LidStore, MessageKey, MessagePage,
    MessageQuery, MessageRecord, MessageStatus, MessageStore, OutgoingMessage, OutgoingState, OutgoingStore,
    Result, SessionRecord, SessionStore, SignalKey, SignalKind, SignalStore, Source, WantedState,
};

/// Keys in one statement; SQLite allows 32,766 parameters.
const KEYS_PER_QUERY: usize = 400;

#[async_trait]
impl DeviceStore for SqliteStore {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        let row: Option<(Option<String>, Option<String>, Vec<u8>)> =
            sqlx::query_as("SELECT jid, lid, state FROM devices WHERE account = ?")
                .bind(account.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(reading)?;
        Ok(row.map(|(jid, lid, state)| DeviceRecord { jid, lid, state: state.into() }))
    }
}

#[async_trait]
impl SignalStore for SqliteStore {
    async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>> {
        let mut found = std::collections::HashMap::with_capacity(keys.len());
        for batch in keys.chunks(KEYS_PER_QUERY) {
            let places = vec!["(?, ?)"; batch.len()].join(", ");
            // Nothing of the keys themselves is in the text.
            let sql = AssertSqlSafe(format!(
                "SELECT kind, id, value FROM signal_records WHERE account = ? AND (kind, id) IN (VALUES {places})"
            ));
            let mut query = sqlx::query_as::<_, (i64, String, Vec<u8>)>(sql).bind(account.as_str());
            for key in batch {
                query = query.bind(i64::from(key.kind.code())).bind(&key.id);
            }
            let rows = query.fetch_all(&self.readers).await.map_err(reading)?;
            found.extend(rows.into_iter().map(|(kind, id, value)| ((kind, id), Bytes::from(value))));
        }
        let value = |key: &SignalKey| found.get(&(i64::from(key.kind.code()), key.id.clone())).cloned();
        Ok(keys.iter().map(value).collect())
    }

    async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT id FROM signal_records WHERE account = ? AND kind = ? ORDER BY id")
                .bind(account.as_str())
                .bind(i64::from(kind.code()))
                .fetch_all(&self.readers)
                .await
                .map_err(reading)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

#[async_trait]
impl LidStore for SqliteStore {
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>> {
        let row: Option<(String,)> = sqlx::query_as("SELECT pn FROM lids WHERE account = ? AND lid = ?")
            .bind(account.as_str())
            .bind(lid)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        Ok(row.map(|(pn,)| LidMapping { lid: lid.to_owned(), pn }))
    }

    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>> {
        let row: Option<(String,)> = sqlx::query_as("SELECT lid FROM lids WHERE account = ? AND pn = ?")
            .bind(account.as_str())
            .bind(pn)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        Ok(row.map(|(lid,)| LidMapping { lid, pn: pn.to_owned() }))
    }
}

#[derive(FromRow)]
struct OutgoingRow {
    id: String,
    chat: String,
    payload: Vec<u8>,
    state: i64,
    created_at: i64,
}

impl OutgoingRow {
    fn record(self) -> Result<OutgoingMessage> {
        let Self { id, chat, payload, state, created_at } = self;
        let state = match state {
            1 => OutgoingState::Queued,
            2 => OutgoingState::Sent,
            _ => return Err(damaged("the state of an outgoing message")),
        };
        Ok(OutgoingMessage { id, chat, payload: payload.into(), state, created_at })
    }
}

#[async_trait]
impl OutgoingStore for SqliteStore {
    async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>> {
        let row: Option<OutgoingRow> = sqlx::query_as(
            "SELECT id, chat, payload, state, created_at FROM outgoing WHERE account = ? AND id = ?",
        )
        .bind(account.as_str())
        .bind(id)
        .fetch_optional(&self.readers)
        .await
        .map_err(reading)?;
        row.map(OutgoingRow::record).transpose()
    }

    async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>> {
        let rows: Vec<OutgoingRow> = sqlx::query_as(
            "SELECT id, chat, payload, state, created_at FROM outgoing \
             WHERE account = ? AND state = 1 ORDER BY created_at, number LIMIT ?",
        )
        .bind(account.as_str())
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(reading)?;
        rows.into_iter().map(OutgoingRow::record).collect()
    }
}

#[derive(FromRow)]
struct MessageRow {
    number: i64,
    chat: String,
    sender: String,
    id: String,
    from_me: bool,
    timestamp: i64,
    content: String,
    status: i64,
    source: i64,
    push_name: Option<String>,
}

impl MessageRow {
    fn record(self) -> Result<MessageRecord> {
        let status = u8::try_from(self.status).ok().and_then(MessageStatus::from_code);
        let source = match self.source {
            1 => Source::Live,
            2 => Source::Offline,
            _ => return Err(damaged("the source of a message")),
        };
        let content: Content =
            serde_json::from_str(&self.content).map_err(|_| damaged("the content of a message"))?;
        Ok(MessageRecord {
            key: MessageKey { chat: self.chat, sender: self.sender, id: self.id },
            from_me: self.from_me,
            timestamp: self.timestamp,
            content,
            status: status.ok_or_else(|| damaged("the status of a message"))?,
            source,
            push_name: self.push_name,
        })
    }
}

#[async_trait]
impl MessageStore for SqliteStore {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        let row: Option<MessageRow> = sqlx::query_as(
            "SELECT number, chat, sender, id, from_me, timestamp, content, status, source, push_name \
             FROM messages WHERE account = ? AND chat = ? AND sender = ? AND id = ?",
        )
        .bind(account.as_str())
        .bind(&key.chat)
        .bind(&key.sender)
        .bind(&key.id)
        .fetch_optional(&self.readers)
        .await
        .map_err(reading)?;
        row.map(MessageRow::record).transpose()
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let before = match query.before.as_deref().map(str::parse::<i64>) {
            None => i64::MAX,
            Some(Ok(before)) => before,
            Some(Err(_)) => return Ok(MessagePage { messages: Vec::new(), next: None }),
        };
        let limit = query.effective_limit() as usize;
        let select = match &query.chat {
            Some(_) => {
                "SELECT number, chat, sender, id, from_me, timestamp, content, status, source, push_name \
                 FROM messages WHERE account = ? AND chat = ? AND number < ? ORDER BY number DESC LIMIT ?"
            }
            None => {
                "SELECT number, chat, sender, id, from_me, timestamp, content, status, source, push_name \
                 FROM messages WHERE account = ? AND number < ? ORDER BY number DESC LIMIT ?"
            }
        };
        let mut select = sqlx::query_as::<_, MessageRow>(select).bind(account.as_str());
        if let Some(chat) = &query.chat {
            select = select.bind(chat);
        }
        let rows = select.bind(before).bind(limit as i64 + 1).fetch_all(&self.readers).await;
        let mut rows = rows.map_err(reading)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.number.to_string());
        Ok(MessagePage { messages: rows.into_iter().map(MessageRow::record).collect::<Result<_>>()?, next })
    }
}

type SessionRow = (String, String, i64, i64);

fn session(row: SessionRow) -> Result<SessionRecord> {
    let (id, name, wanted, created_at) = row;
    let wanted = match wanted {
        1 => WantedState::Running,
        2 => WantedState::Stopped,
        _ => return Err(damaged("the wanted state of a session")),
    };
    let id = AccountId::try_from(id).map_err(|_| damaged("the id of a session"))?;
    Ok(SessionRecord { id, name, wanted, created_at })
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        let row: Option<SessionRow> =
            sqlx::query_as("SELECT id, name, wanted, created_at FROM sessions WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(reading)?;
        row.map(session).transpose()
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>> {
        let rows: Vec<SessionRow> =
            sqlx::query_as("SELECT id, name, wanted, created_at FROM sessions ORDER BY created_at, id")
                .fetch_all(&self.readers)
                .await
                .map_err(reading)?;
        rows.into_iter().map(session).collect()
    }
}
