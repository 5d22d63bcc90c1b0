//! The one write.
use async_trait::async_trait;
use sqlx::{Sqlite, Transaction};

use super::{SqliteStore, error::writing};
use crate::{
    AccountId, Change, Changes, DeviceRecord, Error, ErrorKind, LidMapping, MessageKey, MessageRecord,
    MessageStatus, OutgoingMessage, Result, SessionRecord, Store,
};

type Writing<'a> = Transaction<'a, Sqlite>;

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
        for change in changes.list {
            apply(&mut transaction, &changes.account, change).await?;
        }
        transaction.commit().await.map_err(writing)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn apply(writing: &mut Writing<'_>, account: &AccountId, change: Change) -> Result<()> {
    let account = account.as_str();
    match change {
        Change::PutDevice(device) => put_device(writing, account, device).await,
        Change::DeleteDevice => delete(writing, account, &DEVICE_TABLES).await,
        Change::PutSignal(key, value) => {
            run(
                writing,
                sqlx::query(
                    "INSERT OR REPLACE INTO signal_records (account, kind, id, value) VALUES (?, ?, ?, ?)",
                )
                .bind(account)
                .bind(i64::from(key.kind.code()))
                .bind(key.id)
                .bind(value.to_vec()),
            )
            .await
        }
        Change::DeleteSignal(key) => {
            run(
                writing,
                sqlx::query("DELETE FROM signal_records WHERE account = ? AND kind = ? AND id = ?")
                    .bind(account)
                    .bind(i64::from(key.kind.code()))
                    .bind(key.id),
            )
            .await
        }
        Change::PutLid(mapping) => put_lid(writing, account, mapping).await,
        Change::PutOutgoing(message) => put_outgoing(writing, account, message).await,
        Change::SetOutgoingState(id, state) => {
            run(
                writing,
                sqlx::query("UPDATE outgoing SET state = ? WHERE account = ? AND id = ?")
                    .bind(state as i64)
                    .bind(account)
                    .bind(id),
            )
            .await
        }
        Change::ExpireOutgoing(before) => {
            run(
                writing,
                sqlx::query("DELETE FROM outgoing WHERE account = ? AND state = 2 AND created_at < ?")
                    .bind(account)
                    .bind(before),
            )
            .await
        }
        Change::PutMessage(message) => put_message(writing, account, message).await,
        Change::RaiseStatus(key, status) => raise(writing, account, key, status).await,
        Change::PutSession(session) => put_session(writing, session).await,
        Change::DeleteSession => {
            delete(writing, account, &DEVICE_TABLES).await?;
            delete(writing, account, &SESSION_TABLES).await
        }
    }
}

const DEVICE_TABLES: [&str; 4] = [
    "DELETE FROM devices WHERE account = ?",
    "DELETE FROM signal_records WHERE account = ?",
    "DELETE FROM lids WHERE account = ?",
    "DELETE FROM outgoing WHERE account = ?",
];
const SESSION_TABLES: [&str; 2] =
    ["DELETE FROM messages WHERE account = ?", "DELETE FROM sessions WHERE id = ?"];

type Statement<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

async fn run(transaction: &mut Writing<'_>, statement: Statement<'_>) -> Result<()> {
    statement.execute(&mut **transaction).await.map(drop).map_err(writing)
}

async fn delete(
    transaction: &mut Writing<'_>,
    account: &str,
    statements: &'static [&'static str],
) -> Result<()> {
    for statement in statements {
        run(transaction, sqlx::query(*statement).bind(account.to_owned())).await?;
    }
    Ok(())
}

async fn put_device(transaction: &mut Writing<'_>, account: &str, device: DeviceRecord) -> Result<()> {
    run(
        transaction,
        sqlx::query("INSERT OR REPLACE INTO devices (account, jid, lid, state) VALUES (?, ?, ?, ?)")
            .bind(account.to_owned())
            .bind(device.jid)
            .bind(device.lid)
            .bind(device.state.to_vec()),
    )
    .await
}

async fn put_lid(transaction: &mut Writing<'_>, account: &str, mapping: LidMapping) -> Result<()> {
    // Replaces whatever has the same LID or the same number: both are unique.
    run(
        transaction,
        sqlx::query("INSERT OR REPLACE INTO lids (account, lid, pn) VALUES (?, ?, ?)")
            .bind(account.to_owned())
            .bind(mapping.lid)
            .bind(mapping.pn),
    )
    .await
}

async fn put_outgoing(transaction: &mut Writing<'_>, account: &str, message: OutgoingMessage) -> Result<()> {
    run(
        transaction,
        sqlx::query(
            "INSERT INTO outgoing (account, id, chat, payload, state, created_at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account, id) DO UPDATE SET chat = excluded.chat, payload = excluded.payload, \
             state = excluded.state, created_at = excluded.created_at",
        )
        .bind(account.to_owned())
        .bind(message.id)
        .bind(message.chat)
        .bind(message.payload.to_vec())
        .bind(message.state as i64)
        .bind(message.created_at),
    )
    .await
}

async fn put_message(transaction: &mut Writing<'_>, account: &str, message: MessageRecord) -> Result<()> {
    let content = serde_json::to_string(&message.content)
        .map_err(|error| Error::new(ErrorKind::Other, "writing the content of a message").because(error))?;
    run(
        transaction,
        sqlx::query(
            "INSERT INTO messages \
             (account, chat, sender, id, from_me, timestamp, content, status, source, push_name) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(account.to_owned())
        .bind(message.key.chat)
        .bind(message.key.sender)
        .bind(message.key.id)
        .bind(message.from_me)
        .bind(message.timestamp)
        .bind(content)
        .bind(i64::from(message.status.code()))
        .bind(message.source as i64)
        .bind(message.push_name),
    )
    .await
}

async fn raise(
    transaction: &mut Writing<'_>,
    account: &str,
    key: MessageKey,
    status: MessageStatus,
) -> Result<()> {
    // Failed replaces Queued alone; every other status only what is lower.
    let rule = match status {
        MessageStatus::Failed => {
            "UPDATE messages SET status = ?1 \
             WHERE account = ?2 AND chat = ?3 AND sender = ?4 AND id = ?5 AND status = 1"
        }
        _ => {
            "UPDATE messages SET status = ?1 \
             WHERE account = ?2 AND chat = ?3 AND sender = ?4 AND id = ?5 AND status < ?1"
        }
    };
    run(
        transaction,
        sqlx::query(rule)
            .bind(i64::from(status.code()))
            .bind(account.to_owned())
            .bind(key.chat)
            .bind(key.sender)
            .bind(key.id),
    )
    .await
}

async fn put_session(transaction: &mut Writing<'_>, session: SessionRecord) -> Result<()> {
    run(
        transaction,
        sqlx::query("INSERT OR REPLACE INTO sessions (id, name, wanted, created_at) VALUES (?, ?, ?, ?)")
            .bind(session.id.as_str().to_owned())
            .bind(session.name)
            .bind(session.wanted as i64)
            .bind(session.created_at),
    )
    .await
}
