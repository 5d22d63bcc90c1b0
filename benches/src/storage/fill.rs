//! Tables of millions of messages, made by other statements than the store's: the same rows, some thousand at a time, and
//! on PostgreSQL with indexes made afterwards. Commits would take an hour.
use std::collections::BTreeMap;

use sqlx::{PgConnection, QueryBuilder, SqliteConnection};
use whatsapp_store::{AccountId, MessageRecord};

use super::{
    Result,
    place::{Place, Raw},
    sample::{Sample, account, content, sample},
};

/// Rows of a statement; SQLite has no more than 32,766 arguments.
const ROWS: u64 = 3_000;
/// Rows of a transaction.
const COMMIT: u64 = 60_000;

/// What a chat's row says.
#[derive(Debug)]
struct Summary {
    last: MessageRecord,
    unread: i64,
}

/// Adds the messages from one number to another, brings the chats up to date, and lets the database clean up.
pub(super) async fn grow(place: &Place, from: u64, to: u64) -> Result<()> {
    let Some(mut raw) = Raw::connect(place).await? else { return Ok(()) };
    let account = account()?;
    let dropped = prepare(&mut raw).await?;
    let mut chats = BTreeMap::new();
    let mut next = from;
    while next < to {
        let until = to.min(next + COMMIT);
        raw.execute("BEGIN").await?;
        while next < until {
            let end = until.min(next + ROWS);
            let samples: Vec<Sample> = (next..end).map(sample).collect();
            match &mut raw {
                Raw::Sqlite(connection) => insert(connection, &account, next, &samples).await?,
                Raw::Postgres(connection) => copy(connection, &account, &samples).await?,
            }
            samples.into_iter().for_each(|sample| follow(&mut chats, sample.message));
            next = end;
        }
        raw.execute("COMMIT").await?;
    }
    for index in dropped {
        raw.execute(index).await?;
    }
    summarize(&mut raw, &account, &chats).await?;
    for statement in match raw {
        Raw::Sqlite(_) => &["PRAGMA wal_checkpoint(TRUNCATE)"][..],
        Raw::Postgres(_) => &["VACUUM (ANALYZE) message", "VACUUM (ANALYZE) chat", "CHECKPOINT"][..],
    } {
        raw.execute(*statement).await?;
    }
    raw.close().await
}

/// Puts durability and indexes off. Answers with the statements that make the indexes again.
async fn prepare(raw: &mut Raw) -> Result<Vec<String>> {
    if let Raw::Sqlite(_) = raw {
        raw.execute(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -524288; PRAGMA wal_autocheckpoint = 50000",
        )
        .await?;
        return Ok(Vec::new());
    }
    raw.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'").await?;
    let mut again = raw
        .texts(
            "SELECT format('ALTER TABLE message ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) \
             FROM pg_constraint WHERE conrelid = 'message'::regclass AND contype = 'u'",
        )
        .await?;
    again.extend(
        raw.texts(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'message' \
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname \
             AND conrelid = 'message'::regclass)",
        )
        .await?,
    );
    let drops = raw
        .texts(
            "SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %I', indexname) \
             ELSE format('ALTER TABLE message DROP CONSTRAINT %I', conname) END \
             FROM pg_indexes LEFT JOIN pg_constraint ON conname = indexname AND conrelid = 'message'::regclass \
             WHERE schemaname = current_schema() AND tablename = 'message' AND contype IS DISTINCT FROM 'p'",
        )
        .await?;
    for drop in drops {
        raw.execute(drop).await?;
    }
    Ok(again)
}

async fn insert(
    connection: &mut SqliteConnection,
    account: &AccountId,
    first: u64,
    samples: &[Sample],
) -> Result<()> {
    let numbered = || (first.cast_signed() + 1..).zip(samples);
    let mut messages = QueryBuilder::new(
        "INSERT INTO message (number, workspace, account, chat, sender, id, from_me, timestamp, content, status, \
         source, push_name) ",
    );
    messages.push_values(numbered(), |mut row, (number, Sample { message, .. })| {
        row.push_bind(number)
            .push(format_args!("'{}', '{}'", account.workspace(), account.name()))
            .push_bind(message.key.chat.clone())
            .push_bind(message.key.sender.clone())
            .push_bind(message.key.id.clone())
            .push(i64::from(message.from_me))
            .push_bind(message.timestamp)
            .push_bind(content(message))
            .push(message.status.code())
            .push(message.source.code())
            .push_bind(message.push_name.clone());
    });
    messages.build().persistent(false).execute(&mut *connection).await?;
    let mut words = QueryBuilder::new("INSERT INTO message_words (rowid, words) ");
    words.push_values(numbered(), |mut row, (number, sample)| {
        row.push_bind(number).push_bind(sample.words.clone());
    });
    words.build().execute(connection).await?;
    Ok(())
}

async fn copy(connection: &mut PgConnection, account: &AccountId, samples: &[Sample]) -> Result<()> {
    let mut text = String::new();
    for Sample { message, words } in samples {
        let columns = [
            account.workspace().as_str(),
            account.name(),
            &message.key.chat,
            &message.key.sender,
            &message.key.id,
            if message.from_me { "1" } else { "0" },
            &message.timestamp.to_string(),
            &content(message),
            &message.status.code().to_string(),
            &message.source.code().to_string(),
            message.push_name.as_deref().unwrap_or("\\N"),
            words,
        ];
        text.push_str(&columns.join("\t"));
        text.push('\n');
    }
    let mut rows = connection
        .copy_in_raw(
            "COPY message (workspace, account, chat, sender, id, from_me, timestamp, content, status, source, \
             push_name, words) FROM STDIN",
        )
        .await?;
    rows.send(text.into_bytes()).await?;
    rows.finish().await?;
    Ok(())
}

fn follow(chats: &mut BTreeMap<String, Summary>, message: MessageRecord) {
    let unread = i64::from(!message.from_me && message.status.is_unread());
    match chats.get_mut(&message.key.chat) {
        None => {
            chats.insert(message.key.chat.clone(), Summary { last: message, unread });
        }
        Some(chat) => {
            chat.unread += unread;
            chat.last = message;
        }
    }
}

async fn summarize(raw: &mut Raw, account: &AccountId, chats: &BTreeMap<String, Summary>) -> Result<()> {
    let (workspace, name) = (account.workspace(), account.name());
    let rows = chats.iter().map(|(chat, Summary { last, unread })| {
        let (at, sender, id) = (last.timestamp, &last.key.sender, &last.key.id);
        format!("('{workspace}', '{name}', '{chat}', {at}, '{sender}', '{id}', {unread})")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    raw.execute(format!(
        "INSERT INTO chat (workspace, account, chat, last_at, last_sender, last_id, unread) VALUES {rows} \
         ON CONFLICT (workspace, account, chat) DO UPDATE SET unread = chat.unread + excluded.unread, \
         last_at = excluded.last_at, last_sender = excluded.last_sender, last_id = excluded.last_id"
    ))
    .await
}
