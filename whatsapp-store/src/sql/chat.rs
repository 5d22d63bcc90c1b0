use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, Statement, Vault, account_of, message, message::columns, of};
use crate::{
    AccountId, ChatChange, ChatPage, ChatRecord, ChatStore, MessageRecord, Result, Scope, page_limit,
};

/// Is the new message later than the last one? Within a millisecond the number decides, as in pages: of messages that
/// come in at the same time, the one inserted first may get here last.
macro_rules! if_later {
    ($column:literal) => {
        concat!(
            $column,
            " = CASE WHEN (excluded.last_at, excluded.last_number) > (chat.last_at, chat.last_number) \
             OR chat.last_id IS NULL THEN excluded.",
            $column,
            " ELSE chat.",
            $column,
            " END"
        )
    };
}

/// Applies a new message, inserted under that number, to its chat.
pub(super) fn follow<'a>(account: &'a AccountId, message: &'a MessageRecord, number: i64) -> Statement<'a> {
    of(
        concat!(
            "INSERT INTO chat (workspace, account, chat, last_at, last_sender, last_id, unread, last_number) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace, account, chat) DO UPDATE SET \
             unread = chat.unread + excluded.unread, ",
            if_later!("last_sender"),
            ", ",
            if_later!("last_id"),
            ", ",
            if_later!("last_at"),
            ", ",
            if_later!("last_number")
        ),
        account,
    )
    .text(&*message.key.chat)
    .int(message.timestamp)
    .text(&*message.key.sender)
    .text(&*message.key.id)
    .int(!message.from_me && message.status.is_unread())
    .int(number)
}

pub(super) fn fewer_unread<'a>(account: &'a AccountId, chat: &'a str, count: i64) -> Statement<'a> {
    of("UPDATE chat SET unread = unread - $4 WHERE workspace = $1 AND account = $2 AND chat = $3", account)
        .text(chat)
        .int(count)
}

pub(super) async fn apply(connection: &mut Connection<'_>, scope: &Scope, change: &ChatChange) -> Result<()> {
    let account = account_of(scope)?;
    match change {
        ChatChange::SetName { chat, name } => {
            let put = of(
                "INSERT INTO chat (workspace, account, chat, name) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (workspace, account, chat) DO UPDATE SET name = excluded.name",
                account,
            );
            connection.execute(put.text(&**chat).opt_text(name.as_deref())).await?;
        }
        ChatChange::SetFlags { chat, archived, pinned, muted_until } => {
            let put = of(
                "INSERT INTO chat (workspace, account, chat, archived, pinned, muted_until) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace, account, chat) DO UPDATE SET \
                 archived = excluded.archived, pinned = excluded.pinned, muted_until = excluded.muted_until",
                account,
            );
            let put = put.text(&**chat).int(*archived).int(*pinned).opt_int(*muted_until);
            connection.execute(put).await?;
        }
        ChatChange::MarkRead { chat, until } => {
            let raise = of(
                "UPDATE message SET status = 4 WHERE workspace = $1 AND account = $2 AND chat = $3 \
                 AND from_me = 0 AND status < 4 AND timestamp <= $4",
                account,
            );
            let raised = connection.execute(raise.text(&**chat).int(*until)).await?;
            if raised > 0 {
                connection.execute(fewer_unread(account, chat, raised.cast_signed())).await?;
            }
        }
        ChatChange::Delete { chat } => {
            for text in [
                // Locks the chat's row, there or not, before it looks for messages: a message that comes in at the same time is
                // either seen, or makes the chat again.
                "INSERT INTO chat (workspace, account, chat) VALUES ($1, $2, $3) \
                 ON CONFLICT (workspace, account, chat) DO UPDATE SET unread = 0",
                "DELETE FROM message WHERE workspace = $1 AND account = $2 AND chat = $3",
                "DELETE FROM message_edit WHERE workspace = $1 AND account = $2 AND chat = $3",
                "DELETE FROM chat WHERE workspace = $1 AND account = $2 AND chat = $3",
            ] {
                connection.execute(of(text, account).text(&**chat)).await?;
            }
        }
        ChatChange::Merge { from, into } => super::merge::apply(connection, account, from, into).await?,
        ChatChange::Expire { before, limit } => expire(connection, account, *before, *limit).await?,
    }
    Ok(())
}

/// When the last message is gone: the one before it, which came in at the same time, or none. The chat's row
/// must be locked, so that another message is either seen, or compares itself with the result.
const NEXT_LAST: &str = "UPDATE chat SET \
    last_sender = (SELECT m.sender FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 \
    ORDER BY m.timestamp DESC, m.number DESC LIMIT 1), \
    last_id = (SELECT m.id FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 \
    ORDER BY m.timestamp DESC, m.number DESC LIMIT 1), \
    last_at = coalesce((SELECT m.timestamp FROM message m WHERE m.workspace = $1 AND m.account = $2 \
    AND m.chat = $3 ORDER BY m.timestamp DESC, m.number DESC LIMIT 1), last_at) \
    WHERE workspace = $1 AND account = $2 AND chat = $3 AND NOT EXISTS (SELECT 1 FROM message m \
    WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 \
    AND m.sender = chat.last_sender AND m.id = chat.last_id)";

async fn expire(connection: &mut Connection<'_>, account: &AccountId, before: i64, limit: u32) -> Result<()> {
    let delete = of(
        "DELETE FROM message WHERE number IN (SELECT number FROM message \
         WHERE workspace = $1 AND account = $2 AND timestamp < $3 ORDER BY timestamp, number LIMIT $4) \
         RETURNING chat, from_me, status",
        account,
    );
    let mut unread = std::collections::BTreeMap::<String, i64>::new();
    for row in connection.fetch(delete.int(before).int(limit)).await? {
        *unread.entry(row.text(0)?).or_default() += i64::from(!row.flag(1)? && row.int(2)? < 4);
    }
    for (chat, count) in unread {
        connection.execute(fewer_unread(account, &chat, count)).await?;
        connection.execute(of(NEXT_LAST, account).text(&*chat)).await?;
    }
    message::expire(connection, account, before).await
}

macro_rules! chats {
    ($where:literal) => {
        concat!(
            "SELECT c.chat, c.name, c.unread, c.archived, c.pinned, c.muted_until, c.last_at, ",
            columns!("m"),
            " FROM chat c LEFT JOIN message m ON m.workspace = c.workspace AND m.account = c.account \
             AND m.chat = c.chat AND m.sender = c.last_sender AND m.id = c.last_id \
             WHERE c.workspace = $1 AND c.account = $2 AND ",
            $where
        )
    };
}

const ONE: &str = chats!("c.chat = $3");
// Time falls and the address rises, which no row comparison says.
const PAGE: &str =
    chats!("c.last_at <= $3 AND (c.last_at < $3 OR c.chat > $4) ORDER BY c.last_at DESC, c.chat LIMIT $5");
const FIRST_PAGE: &str = chats!("c.last_at <= $3 ORDER BY c.last_at DESC, c.chat LIMIT $4");

fn record(vault: &Vault, account: &AccountId, row: &Row) -> Result<ChatRecord> {
    let last = row.opt_text(7)?.map(|_| message::record(vault, account, row, 7));
    Ok(ChatRecord {
        chat: row.text(0)?,
        name: row.opt_text(1)?,
        unread: row.small(2)?,
        archived: row.flag(3)?,
        pinned: row.flag(4)?,
        muted_until: row.opt_int(5)?,
        last_at: row.int(6)?,
        last: last.transpose()?,
    })
}

#[async_trait]
impl<S: Sql> ChatStore for S {
    async fn chat(&self, account: &AccountId, chat: &str) -> Result<Option<ChatRecord>> {
        let select = of(ONE, account).text(chat);
        self.fetch(select).await?.one(|row| record(self.vault(), account, row))
    }

    async fn chats(&self, account: &AccountId, before: Option<&str>, limit: u32) -> Result<ChatPage> {
        let limit = page_limit(limit);
        let select = match before {
            None => of(FIRST_PAGE, account).int(i64::MAX),
            Some(cursor) => {
                let (at, chat) = crate::cursor::place(cursor)?;
                of(PAGE, account).int(at).text(chat)
            }
        };
        let mut rows = self.fetch(select.int(limit + 1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let chats = rows.all(|row| record(self.vault(), account, row))?;
        let next = chats.last().filter(|_| more).map(|chat| format!("{}.{}", chat.last_at, chat.chat));
        Ok(ChatPage { chats, next })
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 4] = [ONE, PAGE, FIRST_PAGE, NEXT_LAST];
