mod edit;

use async_trait::async_trait;

pub(super) use self::edit::{edit, expire, merge};

use super::{
    Connection, Dialect, Row, Rows, Sql, Statement, Vault, account_at, damaged, of, owned, vault::Column,
};
use crate::{
    AccountId, Content, Error, ErrorKind, MediaRef, MessageKey, MessagePage, MessageQuery, MessageRecord,
    MessageStatus, MessageStore, Result, Source, cursor, page_limit,
    tokenizer::{wanted, words},
};

/// Without chat and sender: those change when two chats are merged.
fn place(account: &AccountId, id: &str) -> String {
    format!("message/{}/{}/{id}", account.workspace(), account.name())
}

fn words_of(content: &Content) -> Vec<String> {
    content.as_text().map(words).unwrap_or_default().into_iter().collect()
}

/// Inserts a message unless it is there, makes it searchable, and brings its chat up to date.
pub(super) async fn put(
    connection: &mut Connection<'_>,
    account: &AccountId,
    message: &MessageRecord,
) -> Result<()> {
    let words = words_of(&message.content);
    let dialect = connection.dialect();
    let mut statement = insert(dialect, account, message)?;
    if dialect.keeps_words_in_the_row() {
        statement = statement.texts(words.clone());
    }
    let added = connection.fetch(statement).await?.one(|row| Ok((row.int(0)?, row.opt_int(1)?)))?;
    let Some((number, edited)) = added else { return Ok(()) };
    if !dialect.keeps_words_in_the_row() {
        index(connection, number, &words).await?;
    }
    connection.execute(super::chat::follow(account, message, number)).await?;
    match edited {
        Some(_) => edit::catch_up(connection, account, &message.key).await,
        None => Ok(()),
    }
}

/// Makes a message searchable on SQLite.
async fn index(connection: &mut Connection<'_>, number: i64, words: &[String]) -> Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    let index = super::sql("INSERT INTO message_words (rowid, words) VALUES ($1, $2)");
    connection.execute(index.int(number).text(words.join(" "))).await.map(drop)
}

fn insert<'a>(dialect: Dialect, account: &'a AccountId, message: &'a MessageRecord) -> Result<Statement<'a>> {
    let text = dialect.text(
        "INSERT INTO message (workspace, account, chat, sender, id, from_me, timestamp, content, status, \
         source, push_name, quoted, media, media_secret, edited_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (workspace, account, chat, sender, id) DO NOTHING RETURNING number, \
         (SELECT at FROM message_edit WHERE workspace = $1 AND account = $2 AND chat = $3 AND sender = $4 AND id = $5)",
        "INSERT INTO message (workspace, account, chat, sender, id, from_me, timestamp, content, status, \
         source, push_name, quoted, media, media_secret, edited_at, words) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, array_to_tsvector($16)) \
         ON CONFLICT (workspace, account, chat, sender, id) DO NOTHING RETURNING number, \
         (SELECT at FROM message_edit WHERE workspace = $1 AND account = $2 AND chat = $3 AND sender = $4 AND id = $5)",
    );
    let unwritable = |error| Error::new(ErrorKind::Invalid, "writing a message").because(error);
    let content = message.content.to_stored().map_err(unwritable)?;
    let media = message.media.as_ref().map(serde_json::to_string).transpose().map_err(unwritable)?;
    let secret = message.media.as_ref().map(|media| &media.secret[..]);
    let statement = of(text, account)
        .text(&*message.key.chat)
        .text(&*message.key.sender)
        .text(&*message.key.id)
        .int(message.from_me)
        .int(message.timestamp)
        .text(content)
        .int(message.status.code())
        .int(message.source.code())
        .opt_text(message.push_name.as_deref())
        .opt_text(message.quoted.as_deref())
        .some_text(media);
    let statement = match secret {
        None => statement.opt_bytes(None),
        Some(secret) => statement.sealed(secret, place(account, &message.key.id)),
    };
    Ok(statement.opt_int(message.edited_at))
}

/// The rule of [`MessageStatus::rises_to`].
pub(super) async fn raise(
    connection: &mut Connection<'_>,
    account: &AccountId,
    key: &MessageKey,
    status: MessageStatus,
) -> Result<()> {
    let text = match status {
        MessageStatus::Failed => {
            "UPDATE message SET status = $6 WHERE workspace = $1 AND account = $2 \
             AND chat = $3 AND sender = $4 AND id = $5 AND status = 1 RETURNING from_me"
        }
        _ => {
            "UPDATE message SET status = $6 WHERE workspace = $1 AND account = $2 \
             AND chat = $3 AND sender = $4 AND id = $5 AND (status < $6 OR status = 9) RETURNING from_me"
        }
    };
    let update = of(text, account).text(&*key.chat).text(&*key.sender).text(&*key.id).int(status.code());
    let from_me = connection.fetch(update).await?.one(|row| row.flag(0))?;
    if from_me == Some(false) && !status.is_unread() {
        connection.execute(super::chat::fewer_unread(account, &key.chat, 1)).await?;
    }
    Ok(())
}

/// Columns of a message from `first` on, in the order of [`COLUMNS`](self::columns).
pub(super) fn record(vault: &Vault, account: &AccountId, row: &Row, first: usize) -> Result<MessageRecord> {
    let key = MessageKey { chat: row.text(first)?, sender: row.text(first + 1)?, id: row.text(first + 2)? };
    let content = Content::from_stored(&row.text(first + 5)?);
    let status = MessageStatus::from_code(row.small(first + 6)?);
    let source = Source::from_code(row.small(first + 7)?);
    let media = row.opt_text(first + 10)?.map(|media| media_of(vault, account, &key, row, first, &media));
    Ok(MessageRecord {
        from_me: row.flag(first + 3)?,
        timestamp: row.int(first + 4)?,
        content: content.ok_or_else(|| damaged("the content of a message"))?,
        status: status.ok_or_else(|| damaged("the status of a message"))?,
        source: source.ok_or_else(|| damaged("the source of a message"))?,
        push_name: row.opt_text(first + 8)?,
        quoted: row.opt_text(first + 9)?,
        media: media.transpose()?,
        edited_at: row.opt_int(first + 12)?,
        key,
    })
}

fn media_of(
    vault: &Vault,
    account: &AccountId,
    key: &MessageKey,
    row: &Row,
    first: usize,
    json: &str,
) -> Result<MediaRef> {
    let media: MediaRef = serde_json::from_str(json).map_err(|_| damaged("the media of a message"))?;
    let secret = vault.open(&row.bytes(first + 11)?, &place(account, &key.id))?.into();
    Ok(MediaRef { secret, ..media })
}

/// The columns that [`record`] reads, of a table or its alias.
macro_rules! columns {
    ($of:literal) => {
        concat!(
            $of,
            ".chat, ",
            $of,
            ".sender, ",
            $of,
            ".id, ",
            $of,
            ".from_me, ",
            $of,
            ".timestamp, ",
            $of,
            ".content, ",
            $of,
            ".status, ",
            $of,
            ".source, ",
            $of,
            ".push_name, ",
            $of,
            ".quoted, ",
            $of,
            ".media, ",
            $of,
            ".media_secret, ",
            $of,
            ".edited_at"
        )
    };
}
pub(super) use columns;

macro_rules! page {
    ($from:literal, $where:literal) => {
        concat!(
            "SELECT m.number, ",
            columns!("m"),
            " FROM ",
            $from,
            " WHERE m.workspace = $1 AND m.account = $2 AND (m.timestamp, m.number) < ($3, $4)",
            $where,
            " ORDER BY m.timestamp DESC, m.number DESC LIMIT $5"
        )
    };
}

const ONE: &str = concat!(
    "SELECT ",
    columns!("m"),
    " FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 AND m.sender = $4 AND m.id = $5"
);
const PAGE: &str = page!("message m", "");
const PAGE_OF_CHAT: &str = page!("message m", " AND m.chat = $6");
const OLDEST: &str = "SELECT min(timestamp) FROM message WHERE workspace = $1 AND account = $2";

impl Dialect {
    /// PostgreSQL indexes a column of the row; SQLite has a separate table for it.
    const fn keeps_words_in_the_row(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => false,
            #[cfg(feature = "postgres")]
            Self::Postgres => true,
        }
    }

    /// A page of messages with the words of `$6`; `$7` is the chat. `CROSS JOIN` makes SQLite begin with the words: otherwise
    /// it reads all messages by time, and looks up the words for each.
    const fn page_with_words(self, of_chat: bool) -> &'static str {
        if of_chat {
            self.text(
                page!(
                    "message_words w CROSS JOIN message m ON m.number = w.rowid",
                    " AND w.message_words MATCH $6 AND m.chat = $7"
                ),
                page!("message m", " AND m.words @@ CAST($6 AS tsquery) AND m.chat = $7"),
            )
        } else {
            self.text(
                page!(
                    "message_words w CROSS JOIN message m ON m.number = w.rowid",
                    " AND w.message_words MATCH $6"
                ),
                page!("message m", " AND m.words @@ CAST($6 AS tsquery)"),
            )
        }
    }

    fn query_of(self, wanted: &crate::tokenizer::Wanted) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => wanted.fts5(),
            #[cfg(feature = "postgres")]
            Self::Postgres => wanted.tsquery(),
        }
    }
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT media_secret, workspace, account, id, number FROM message \
         WHERE substr(media_secret, 1, $1) <> $2 LIMIT $3",
        "SELECT media_secret, workspace, account, id, number FROM message \
         WHERE substr(media_secret, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let account = account_at(row, 1)?;
        let text =
            "UPDATE message SET media_secret = $4 WHERE workspace = $1 AND account = $2 AND number = $3";
        Ok((place(&account, &row.text(3)?), owned(text, &account).int(row.int(4)?)))
    },
};

#[async_trait]
impl<S: Sql> MessageStore for S {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        let select = of(ONE, account).text(&*key.chat).text(&*key.sender).text(&*key.id);
        self.fetch(select).await?.one(|row| record(self.vault(), account, row, 0))
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let (timestamp, number) = cursor::position(query.before.as_deref(), (i64::MAX, i64::MAX))?;
        let limit = page_limit(query.limit);
        let chat = query.chat.as_deref();
        let (text, words) = match query.words.as_deref().map(wanted) {
            Some(None) => return Ok(MessagePage::default()),
            Some(Some(words)) => {
                let words = self.dialect().query_of(&words);
                (self.dialect().page_with_words(chat.is_some()), Some(words))
            }
            None if chat.is_some() => (PAGE_OF_CHAT, None),
            None => (PAGE, None),
        };
        // One more than asked for shows whether there is a next page.
        let mut select = of(text, account).int(timestamp).int(number).int(limit + 1);
        for argument in words.as_deref().into_iter().chain(chat) {
            select = select.text(argument);
        }
        let mut rows = self.fetch(select).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| Ok::<_, Error>(format!("{}.{}", row.int(5)?, row.int(0)?))).transpose()?;
        let messages = rows.all(|row| record(self.vault(), account, row, 1))?;
        Ok(MessagePage { messages, next })
    }

    async fn oldest_message(&self, account: &AccountId) -> Result<Option<i64>> {
        let rows = self.fetch(of(OLDEST, account)).await?;
        Ok(rows.one(|row| row.opt_int(0))?.flatten())
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) use self::edit::STATEMENTS as EDITS;

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 4] = [ONE, PAGE, PAGE_OF_CHAT, OLDEST];
