//! Messages that their senders edited or deleted. An edit of a message that is not there waits for it.
use super::{columns, record, words_of};
use crate::{
    AccountId, Content, Error, ErrorKind, MessageEdit, MessageKey, MessageRecord, Result,
    sql::{Connection, Row, Rows, Statement, chat::fewer_unread, damaged, of},
};

/// The account and a message, as `$1` to `$5`.
fn of_message<'a>(text: &'static str, account: &'a AccountId, key: &'a MessageKey) -> Statement<'a> {
    of(text, account).text(&*key.chat).text(&*key.sender).text(&*key.id)
}

/// Edits the message, or lets the edit wait for it.
pub(in crate::sql) async fn edit(
    connection: &mut Connection<'_>,
    account: &AccountId,
    edit: &MessageEdit,
) -> Result<()> {
    let text = connection.dialect().text(FIND.0, FIND.1);
    let found = connection.fetch(of_message(text, account, &edit.key)).await?;
    let vault = connection.vault;
    match found.one(|row| Ok((row.int(0)?, record(vault, account, row, 1)?)))? {
        Some((number, message)) => replace(connection, account, number, &message, edit).await,
        None => wait(connection, account, edit).await,
    }
}

async fn replace(
    connection: &mut Connection<'_>,
    account: &AccountId,
    number: i64,
    earlier: &MessageRecord,
    edit: &MessageEdit,
) -> Result<()> {
    let mut message = earlier.clone();
    if !message.edit(edit) {
        return Ok(());
    }
    let text = connection.dialect().text(
        if edit.is_deletion() { DELETE.0 } else { EDIT.0 },
        if edit.is_deletion() { DELETE.1 } else { EDIT.1 },
    );
    let words = words_of(&message.content);
    let update = of(text, account).int(number).text(stored(&message.content)?);
    let update = update.opt_int(message.edited_at).int(message.status.code());
    if connection.dialect().keeps_words_in_the_row() {
        connection.execute(update.texts(words)).await?;
    } else {
        connection.execute(update).await?;
        connection.execute(crate::sql::sql("DELETE FROM message_words WHERE rowid = $1").int(number)).await?;
        super::index(connection, number, &words).await?;
    }
    if !earlier.from_me && earlier.status.is_unread() && !message.status.is_unread() {
        connection.execute(fewer_unread(account, &message.key.chat, 1)).await?;
    }
    Ok(())
}

async fn wait(connection: &mut Connection<'_>, account: &AccountId, edit: &MessageEdit) -> Result<()> {
    let text = connection.dialect().text(WAITING.0, WAITING.1);
    let waiting = connection.fetch(of_message(text, account, &edit.key)).await?;
    if waiting.one(waiting_edit)?.is_some_and(|earlier| !edit.replaces(&earlier)) {
        return Ok(());
    }
    // Few ever wait, so those that waited in vain go when another comes.
    expire(connection, account, edit.at.saturating_sub(MessageEdit::KEPT)).await?;
    let put = of_message(WAIT, account, &edit.key).text(stored(&edit.content)?).int(edit.at);
    connection.execute(put).await.map(drop)
}

/// Applies the edit that waited for a message which is there now.
pub(super) async fn catch_up(
    connection: &mut Connection<'_>,
    account: &AccountId,
    key: &MessageKey,
) -> Result<()> {
    let taken = connection.fetch(of_message(TAKE, account, key)).await?;
    match taken.one(waiting_edit)? {
        Some(waiting) => edit(connection, account, &waiting).await,
        None => Ok(()),
    }
}

/// Forgets edits from before that time whose messages never came.
pub(in crate::sql) async fn expire(
    connection: &mut Connection<'_>,
    account: &AccountId,
    before: i64,
) -> Result<()> {
    connection.execute(of(EXPIRE, account).int(before)).await.map(drop)
}

/// Two chats became one: what waited in either is looked for under the new key.
pub(in crate::sql) async fn merge(
    connection: &mut Connection<'_>,
    account: &AccountId,
    from: &str,
    into: &str,
) -> Result<()> {
    let taken = connection.fetch(of(TAKE_CHATS, account).text(from).text(into)).await?;
    let mut taken = taken.all(waiting_edit)?;
    taken.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    for mut waiting in taken {
        into.clone_into(&mut waiting.key.chat);
        if waiting.key.sender == from {
            into.clone_into(&mut waiting.key.sender);
        }
        edit(connection, account, &waiting).await?;
    }
    Ok(())
}

fn stored(content: &Content) -> Result<String> {
    let unwritable = |error| Error::new(ErrorKind::Invalid, "editing a message").because(error);
    content.to_stored().map_err(unwritable)
}

fn waiting_edit(row: &Row) -> Result<MessageEdit> {
    let content = Content::from_stored(&row.text(3)?);
    Ok(MessageEdit {
        key: MessageKey { chat: row.text(0)?, sender: row.text(1)?, id: row.text(2)? },
        content: content.ok_or_else(|| damaged("the edit of a message"))?,
        at: row.int(4)?,
    })
}

const FIND: (&str, &str) = (
    concat!(
        "SELECT m.number, ",
        columns!("m"),
        " FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 AND m.sender = $4 AND m.id = $5"
    ),
    concat!(
        "SELECT m.number, ",
        columns!("m"),
        " FROM message m WHERE m.workspace = $1 AND m.account = $2 AND m.chat = $3 AND m.sender = $4 AND m.id = $5 \
         FOR UPDATE"
    ),
);
const EDIT: (&str, &str) = (
    "UPDATE message SET content = $4, edited_at = $5, status = $6 \
     WHERE workspace = $1 AND account = $2 AND number = $3",
    "UPDATE message SET content = $4, edited_at = $5, status = $6, words = array_to_tsvector($7) \
     WHERE workspace = $1 AND account = $2 AND number = $3",
);
const DELETE: (&str, &str) = (
    "UPDATE message SET content = $4, edited_at = $5, status = $6, quoted = NULL, media = NULL, media_secret = NULL \
     WHERE workspace = $1 AND account = $2 AND number = $3",
    "UPDATE message SET content = $4, edited_at = $5, status = $6, quoted = NULL, media = NULL, media_secret = NULL, \
     words = array_to_tsvector($7) WHERE workspace = $1 AND account = $2 AND number = $3",
);
const WAITING: (&str, &str) = (
    "SELECT chat, sender, id, content, at FROM message_edit \
     WHERE workspace = $1 AND account = $2 AND chat = $3 AND sender = $4 AND id = $5",
    "SELECT chat, sender, id, content, at FROM message_edit \
     WHERE workspace = $1 AND account = $2 AND chat = $3 AND sender = $4 AND id = $5 FOR UPDATE",
);
const WAIT: &str = "INSERT INTO message_edit (workspace, account, chat, sender, id, content, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (workspace, account, chat, sender, id) DO UPDATE SET content = excluded.content, at = excluded.at";
const TAKE: &str = "DELETE FROM message_edit WHERE workspace = $1 AND account = $2 AND chat = $3 AND sender = $4 \
    AND id = $5 RETURNING chat, sender, id, content, at";
const TAKE_CHATS: &str = "DELETE FROM message_edit WHERE workspace = $1 AND account = $2 AND chat IN ($3, $4) \
    RETURNING chat, sender, id, content, at";
const EXPIRE: &str = "DELETE FROM message_edit WHERE workspace = $1 AND account = $2 AND at < $3";

#[cfg(all(test, feature = "sqlite"))]
pub(in crate::sql) const STATEMENTS: [&str; 7] =
    [FIND.0, EDIT.0, DELETE.0, WAITING.0, TAKE, TAKE_CHATS, EXPIRE];
