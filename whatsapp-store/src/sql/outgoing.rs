use async_trait::async_trait;

use super::{Row, Rows, Sql, Statement, Vault, account_at, damaged, of, owned, vault::Column};
use crate::{AccountId, OutgoingMessage, OutgoingState, OutgoingStore, Result};

fn place(account: &AccountId, id: &str) -> String {
    format!("outgoing/{}/{}/{id}", account.workspace(), account.name())
}

pub(super) fn put<'a>(account: &'a AccountId, message: &'a OutgoingMessage) -> Statement<'a> {
    of(
        "INSERT INTO outgoing (workspace, account, id, chat, payload, state, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace, account, id) DO UPDATE SET \
         chat = excluded.chat, payload = excluded.payload, state = excluded.state, \
         created_at = excluded.created_at",
        account,
    )
    .text(&*message.id)
    .text(&*message.chat)
    .sealed(&message.payload[..], place(account, &message.id))
    .int(message.state.code())
    .int(message.created_at)
}

pub(super) fn set_state<'a>(account: &'a AccountId, id: &'a str, state: OutgoingState) -> Statement<'a> {
    of("UPDATE outgoing SET state = $4 WHERE workspace = $1 AND account = $2 AND id = $3", account)
        .text(id)
        .int(state.code())
}

pub(super) fn expire(account: &AccountId, before: i64) -> Statement<'_> {
    of(EXPIRE, account).int(before)
}

const ONE: &str = "SELECT id, chat, payload, state, created_at FROM outgoing \
    WHERE workspace = $1 AND account = $2 AND id = $3";
const QUEUED: &str = "SELECT id, chat, payload, state, created_at FROM outgoing \
    WHERE workspace = $1 AND account = $2 AND state = 1 ORDER BY created_at, number LIMIT $3";
const EXPIRE: &str =
    "DELETE FROM outgoing WHERE workspace = $1 AND account = $2 AND state = 2 AND created_at < $3";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [ONE, QUEUED, EXPIRE];

fn record(vault: &Vault, account: &AccountId, row: &Row) -> Result<OutgoingMessage> {
    let id = row.text(0)?;
    let payload = vault.open(&row.bytes(2)?, &place(account, &id))?.into();
    let state = OutgoingState::from_code(row.small(3)?);
    let state = state.ok_or_else(|| damaged("the state of an outgoing message"))?;
    Ok(OutgoingMessage { id, chat: row.text(1)?, payload, state, created_at: row.int(4)? })
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT payload, workspace, account, id FROM outgoing WHERE substr(payload, 1, $1) <> $2 LIMIT $3",
        "SELECT payload, workspace, account, id FROM outgoing \
         WHERE substr(payload, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (account, id) = (account_at(row, 1)?, row.text(3)?);
        let text = "UPDATE outgoing SET payload = $4 WHERE workspace = $1 AND account = $2 AND id = $3";
        Ok((place(&account, &id), owned(text, &account).text(id)))
    },
};

#[async_trait]
impl<S: Sql> OutgoingStore for S {
    async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>> {
        self.fetch(of(ONE, account).text(id)).await?.one(|row| record(self.vault(), account, row))
    }

    async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>> {
        self.fetch(of(QUEUED, account).int(limit)).await?.all(|row| record(self.vault(), account, row))
    }
}
