use async_trait::async_trait;
use sqlx::FromRow;

use super::{
    SqliteStore,
    commit::Statement,
    error::{damaged, reading},
};
use crate::{
    AccountId, Content, Error, ErrorKind, MessageKey, MessagePage, MessageQuery, MessageRecord,
    MessageStatus, MessageStore, Result, Source,
};

pub(super) fn put<'a>(account: &'a str, message: &'a MessageRecord) -> Result<Statement<'a>> {
    let content = message
        .content
        .to_stored()
        .map_err(|error| Error::new(ErrorKind::Invalid, "writing the content of a message").because(error))?;
    let statement = sqlx::query(
        "INSERT INTO message \
         (account, seq, chat, sender, id, from_me, timestamp, content, status, source, push_name) \
         VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM message WHERE account = ?1), \
         ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (account, chat, sender, id) DO NOTHING",
    );
    Ok(statement
        .bind(account)
        .bind(&*message.key.chat)
        .bind(&*message.key.sender)
        .bind(&*message.key.id)
        .bind(message.from_me)
        .bind(message.timestamp)
        .bind(content)
        .bind(message.status.code())
        .bind(message.source.code())
        .bind(message.push_name.as_deref()))
}

/// The rule of [`MessageStatus::rises_to`].
pub(super) fn raise<'a>(account: &'a str, key: &'a MessageKey, status: MessageStatus) -> Statement<'a> {
    let statement = match status {
        MessageStatus::Failed => {
            "UPDATE message SET status = ?5 \
             WHERE account = ?1 AND chat = ?2 AND sender = ?3 AND id = ?4 AND status = 1"
        }
        _ => {
            "UPDATE message SET status = ?5 \
             WHERE account = ?1 AND chat = ?2 AND sender = ?3 AND id = ?4 AND status < ?5"
        }
    };
    sqlx::query(statement)
        .bind(account)
        .bind(&*key.chat)
        .bind(&*key.sender)
        .bind(&*key.id)
        .bind(status.code())
}

#[derive(FromRow)]
struct Row {
    seq: i64,
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

impl Row {
    fn record(self) -> Result<MessageRecord> {
        let status = u8::try_from(self.status).ok().and_then(MessageStatus::from_code);
        let source = u8::try_from(self.source).ok().and_then(Source::from_code);
        Ok(MessageRecord {
            key: MessageKey { chat: self.chat, sender: self.sender, id: self.id },
            from_me: self.from_me,
            timestamp: self.timestamp,
            content: Content::from_stored(&self.content)
                .ok_or_else(|| damaged("the content of a message"))?,
            status: status.ok_or_else(|| damaged("the status of a message"))?,
            source: source.ok_or_else(|| damaged("the source of a message"))?,
            push_name: self.push_name,
        })
    }
}

const ONE: &str = "SELECT seq, chat, sender, id, from_me, timestamp, content, status, source, push_name \
    FROM message WHERE account = ?1 AND chat = ?2 AND sender = ?3 AND id = ?4";
const PAGE: &str = "SELECT seq, chat, sender, id, from_me, timestamp, content, status, source, push_name \
    FROM message WHERE account = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
const PAGE_OF_CHAT: &str = "SELECT seq, chat, sender, id, from_me, timestamp, content, status, source, push_name \
    FROM message WHERE account = ?1 AND chat = ?4 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [ONE, PAGE, PAGE_OF_CHAT];

#[async_trait]
impl MessageStore for SqliteStore {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        let row: Option<Row> = sqlx::query_as(ONE)
            .bind(account.as_str())
            .bind(&*key.chat)
            .bind(&*key.sender)
            .bind(&*key.id)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        row.map(Row::record).transpose()
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let before = match query.before.as_deref().map(str::parse::<i64>) {
            None => i64::MAX,
            Some(Ok(seq)) => seq,
            Some(Err(_)) => return Ok(MessagePage::default()),
        };
        let limit = query.effective_limit();
        let mut select = sqlx::query_as(if query.chat.is_some() { PAGE_OF_CHAT } else { PAGE })
            .bind(account.as_str())
            .bind(before)
            // One more than asked for tells whether there is a next page.
            .bind(limit + 1);
        if let Some(chat) = &query.chat {
            select = select.bind(&**chat);
        }
        let mut rows: Vec<Row> = select.fetch_all(&self.readers).await.map_err(reading)?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.seq.to_string());
        let messages = rows.into_iter().map(Row::record).collect::<Result<_>>()?;
        Ok(MessagePage { messages, next })
    }
}
