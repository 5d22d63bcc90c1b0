//! Two chats become one: see [`ChatChange::Merge`](crate::ChatChange::Merge).
use super::{Connection, Row, Rows, contact, conversation, message, of};
use crate::{AccountId, Result, contacts::BothAddresses, merge::ChatSettings};

/// `$3` is the chat that ends, `$4` the one that stays. Each statement finds its rows by an index, so that a chat of which
/// there is nothing costs little.
pub(super) async fn apply(
    connection: &mut Connection<'_>,
    account: &AccountId,
    from: &str,
    into: &str,
) -> Result<()> {
    if from == into {
        return Ok(());
    }
    messages(connection, account, from, into).await?;
    message::merge(connection, account, from, into).await?;
    connection.execute(of(OUTGOING, account).text(from).text(into)).await?;
    conversation::merge(connection, account, from, into).await?;
    match BothAddresses::of_chats(from, into) {
        Some(both) => contact::merge(connection, account.workspace(), both).await,
        None => Ok(()),
    }
}

async fn messages(
    connection: &mut Connection<'_>,
    account: &AccountId,
    from: &str,
    into: &str,
) -> Result<()> {
    let with = |text| of(text, account).text(from).text(into);
    let chats = connection.dialect().text(CHATS.0, CHATS.1);
    let found = connection.fetch(with(chats)).await?.all(|row| Ok((row.text(0)?, settings(row)?)))?;
    let mut renamed = 0;
    for (chat, _) in &found {
        let senders = |text| with(text).text(&**chat);
        connection.execute(senders(RAISE_SENDER)).await?;
        renamed += connection.execute(senders(DROP_SENDER)).await?;
        renamed += connection.execute(senders(RENAME_SENDER)).await?;
    }
    let settings_of =
        |chat: &str| found.iter().find(|(of, _)| of == chat).map(|(_, settings)| settings.clone());
    let (ends, stays) = (settings_of(from), settings_of(into));
    if let Some(ends) = ends {
        // Takes the row, there or not, before it looks for messages, as deleting a chat does.
        connection.execute(of(TAKE, account).text(into).text(from)).await?;
        for text in [RAISE, DROP, RENAME] {
            connection.execute(with(text)).await?;
        }
        let ChatSettings { name, archived, pinned, muted_until } = match stays {
            Some(stays) => stays.completed_by(ends),
            None => ends,
        };
        let set = of(SET, account).text(into).opt_text(name.as_deref());
        connection.execute(set.int(archived).int(pinned).opt_int(muted_until)).await?;
        connection.execute(of(DELETE, account).text(from)).await?;
    } else if renamed == 0 {
        return Ok(());
    }
    connection.execute(of(SUMMARIZE, account).text(into)).await.map(drop)
}

fn settings(row: &Row) -> Result<ChatSettings> {
    Ok(ChatSettings {
        name: row.opt_text(1)?,
        archived: row.flag(2)?,
        pinned: row.flag(3)?,
        muted_until: row.opt_int(4)?,
    })
}

const CHATS: (&str, &str) = (
    "SELECT chat, name, archived, pinned, muted_until FROM chat \
     WHERE workspace = $1 AND account = $2 AND chat IN ($3, $4)",
    "SELECT chat, name, archived, pinned, muted_until FROM chat \
     WHERE workspace = $1 AND account = $2 AND chat IN ($3, $4) ORDER BY chat FOR UPDATE",
);
const TAKE: &str = "INSERT INTO chat (workspace, account, chat, last_at) \
    SELECT workspace, account, $3, last_at FROM chat WHERE workspace = $1 AND account = $2 AND chat = $4 \
    ON CONFLICT (workspace, account, chat) DO UPDATE SET last_at = CASE WHEN excluded.last_at > chat.last_at \
    THEN excluded.last_at ELSE chat.last_at END";
const SET: &str = "UPDATE chat SET name = $4, archived = $5, pinned = $6, muted_until = $7 \
    WHERE workspace = $1 AND account = $2 AND chat = $3";
const DELETE: &str = "DELETE FROM chat WHERE workspace = $1 AND account = $2 AND chat = $3";

/// Of messages that would have the same key, the one that stays takes the other's status: the rule of
/// [`MessageStatus::rises_to`](crate::MessageStatus::rises_to).
macro_rules! raise {
    ($stays:literal, $ends:literal) => {
        concat!(
            "UPDATE message SET status = other.status FROM message other \
             WHERE message.workspace = $1 AND message.account = $2 AND ",
            $stays,
            " AND other.workspace = $1 AND other.account = $2 AND ",
            $ends,
            " AND other.id = message.id AND CASE WHEN other.status = 9 THEN message.status = 1 \
             ELSE message.status < other.status OR message.status = 9 END"
        )
    };
}

// `$5` is the chat in which the sender `$3` becomes `$4`.
const RAISE_SENDER: &str =
    raise!("message.chat = $5 AND message.sender = $4", "other.chat = $5 AND other.sender = $3");
const DROP_SENDER: &str = "DELETE FROM message WHERE workspace = $1 AND account = $2 AND chat = $5 AND sender = $3 \
    AND EXISTS (SELECT 1 FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $5 \
    AND m.sender = $4 AND m.id = message.id)";
const RENAME_SENDER: &str =
    "UPDATE message SET sender = $4 WHERE workspace = $1 AND account = $2 AND chat = $5 AND sender = $3";

const RAISE: &str = raise!("message.chat = $4", "other.chat = $3 AND other.sender = message.sender");
const DROP: &str = "DELETE FROM message WHERE workspace = $1 AND account = $2 AND chat = $3 \
    AND EXISTS (SELECT 1 FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $4 \
    AND m.sender = message.sender AND m.id = message.id)";
const RENAME: &str = "UPDATE message SET chat = $4 WHERE workspace = $1 AND account = $2 AND chat = $3";

/// The last message is the one that pages show first. Without any, the time stays that of the last there was.
macro_rules! last {
    ($column:literal) => {
        concat!(
            "(SELECT m.",
            $column,
            " FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 \
             ORDER BY m.timestamp DESC, m.number DESC LIMIT 1)"
        )
    };
}
const SUMMARIZE: &str = concat!(
    "UPDATE chat SET unread = (SELECT count(*) FROM message m WHERE m.workspace = $1 AND m.account = $2 \
     AND m.chat = $3 AND m.from_me = 0 AND m.status < 4), last_sender = ",
    last!("sender"),
    ", last_id = ",
    last!("id"),
    ", last_at = coalesce(",
    last!("timestamp"),
    ", last_at), last_number = coalesce(",
    last!("number"),
    ", 0) WHERE workspace = $1 AND account = $2 AND chat = $3"
);

const OUTGOING: &str =
    "UPDATE outgoing SET chat = $4 WHERE workspace = $1 AND account = $2 AND state = 1 AND chat = $3";

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 9] =
    [RAISE_SENDER, DROP_SENDER, RENAME_SENDER, RAISE, DROP, RENAME, SUMMARIZE, OUTGOING, CHATS.0];
