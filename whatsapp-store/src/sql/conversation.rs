use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, Statement, account_at, damaged, keyset, of, sql, transact};
use crate::{
    AccountId, ConversationPage, ConversationRecord, ConversationStatus, ConversationStore, Error, ErrorKind,
    FlowChange, Result, WorkspaceId, cursor, merge, page_limit,
};

fn conflict(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a conversation").because(why)
}

/// The changes of conversations.
pub(super) async fn apply(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    change: &FlowChange,
) -> Result<()> {
    match change {
        FlowChange::PutConversation { record, expected } => {
            put(connection, record, *expected).await?;
        }
        FlowChange::EndConversation { account, chat, at } => {
            connection.execute(of(END, account).text(&**chat).int(*at)).await?;
        }
        FlowChange::ForgetConversation { account, chat } => {
            for text in FORGET {
                connection.execute(of(text, account).text(&**chat)).await?;
            }
        }
        FlowChange::SeenInput { account, chat, message_id, at } => {
            let note = of(NOTE_INPUT, account).text(&**chat).text(&**message_id).int(*at);
            if connection.execute(note).await? == 0 {
                return Err(conflict("the input was seen before"));
            }
        }
        FlowChange::ForgetInputs { before, limit } => {
            let forget = sql(FORGET_INPUTS).text(workspace.as_str()).int(*before).int(*limit);
            connection.execute(forget).await?;
        }
        FlowChange::ForgetEnded { before, limit } => {
            let forget = sql(FORGET_ENDED).text(workspace.as_str()).int(*before).int(*limit);
            connection.execute(forget).await?;
        }
        // Changes of flows.
        FlowChange::Expect { .. }
        | FlowChange::PutDraft { .. }
        | FlowChange::Publish { .. }
        | FlowChange::SetEnabled { .. }
        | FlowChange::Delete { .. }
        | FlowChange::CountNode { .. } => {}
    }
    Ok(())
}

/// Ends the conversations of a flow.
pub(super) fn end_all<'a>(workspace: &'a WorkspaceId, flow: &'a str, at: i64) -> Statement<'a> {
    sql("UPDATE conversation SET status = 4, wake_at = NULL, due_at = NULL, revision = revision + 1, \
         updated_at = $3 WHERE workspace = $1 AND flow = $2 AND status < 4")
    .text(workspace.as_str())
    .text(flow)
    .int(at)
}

const END: &str = "UPDATE conversation SET status = 4, wake_at = NULL, due_at = NULL, \
    revision = revision + 1, updated_at = $4 \
    WHERE workspace = $1 AND account = $2 AND chat = $3 AND status < 4";
const FORGET: [&str; 2] = [
    "DELETE FROM conversation WHERE workspace = $1 AND account = $2 AND chat = $3",
    "DELETE FROM flow_input WHERE workspace = $1 AND account = $2 AND chat = $3",
];
const NOTE_INPUT: &str = "INSERT INTO flow_input (workspace, account, chat, message_id, at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace, account, chat, message_id) DO NOTHING";
const FORGET_INPUTS: &str = "DELETE FROM flow_input WHERE workspace = $1 AND (account, chat, message_id) IN \
    (SELECT account, chat, message_id FROM flow_input WHERE workspace = $1 AND at < $2 \
    ORDER BY at, account, chat, message_id LIMIT $3)";
const FORGET_ENDED: &str = "DELETE FROM conversation WHERE number IN \
    (SELECT number FROM conversation WHERE workspace = $1 AND status = 4 AND updated_at < $2 \
    ORDER BY updated_at, account, chat LIMIT $3)";

async fn put(
    connection: &mut Connection<'_>,
    record: &ConversationRecord,
    expected: Option<i64>,
) -> Result<()> {
    let text = match expected {
        None => {
            "INSERT INTO conversation (workspace, account, chat, flow, version, state, status, wake_at, due_at, \
             revision, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (workspace, account, chat) DO NOTHING"
        }
        Some(_) => {
            "UPDATE conversation SET flow = $4, version = $5, state = $6, status = $7, wake_at = $8, due_at = $9, \
             revision = $10, updated_at = $11 \
             WHERE workspace = $1 AND account = $2 AND chat = $3 AND revision = $12"
        }
    };
    let mut put = of(text, &record.account)
        .text(&*record.chat)
        .text(&*record.flow)
        .int(record.version)
        .bytes(&record.state[..])
        .int(record.status.code())
        .opt_int(record.wake_at)
        .opt_int(record.wake_at.filter(|_| record.status.is_live()))
        .int(record.revision)
        .int(record.updated_at);
    if let Some(expected) = expected {
        put = put.int(expected);
    }
    if connection.execute(put).await? == 0 {
        return Err(conflict("the conversation was written by somebody else"));
    }
    Ok(())
}

/// The conversation of one chat becomes that of another; see [`ChatChange::Merge`](crate::ChatChange::Merge).
pub(super) async fn merge(
    connection: &mut Connection<'_>,
    account: &AccountId,
    from: &str,
    into: &str,
) -> Result<()> {
    let text = connection.dialect().text(MERGED.0, MERGED.1);
    let rows = connection.fetch(of(text, account).text(from).text(into)).await?;
    let found = rows.all(|row| {
        Ok((row.text(0)?, merge::Conversation::new(row.int(1)? != 4, row.int(2)?, row.int(3)?)))
    })?;
    let find = |chat: &str| found.iter().find(|(of, _)| of == chat).map(|(_, conversation)| *conversation);
    let (leaving, staying) = (find(from), find(into));
    if let Some(revision) = leaving.and_then(|leaving| leaving.takes_over(staying)) {
        let delete =
            of("DELETE FROM conversation WHERE workspace = $1 AND account = $2 AND chat = $3", account);
        connection.execute(delete.text(into)).await?;
        let rename = of(RENAME, account).text(from).text(into).int(revision);
        connection.execute(rename).await?;
    } else if leaving.is_some() {
        connection.execute(of(FORGET[0], account).text(from)).await?;
    }
    connection.execute(of(COPY_INPUTS, account).text(from).text(into)).await?;
    connection.execute(of(FORGET[1], account).text(from)).await.map(drop)
}

const MERGED: (&str, &str) = (
    "SELECT chat, status, revision, updated_at FROM conversation \
     WHERE workspace = $1 AND account = $2 AND chat IN ($3, $4)",
    "SELECT chat, status, revision, updated_at FROM conversation \
     WHERE workspace = $1 AND account = $2 AND chat IN ($3, $4) ORDER BY chat FOR UPDATE",
);
const RENAME: &str = "UPDATE conversation SET chat = $4, revision = $5 \
    WHERE workspace = $1 AND account = $2 AND chat = $3";
const COPY_INPUTS: &str = "INSERT INTO flow_input (workspace, account, chat, message_id, at) \
     SELECT workspace, account, $4, message_id, at FROM flow_input \
     WHERE workspace = $1 AND account = $2 AND chat = $3 \
     ON CONFLICT (workspace, account, chat, message_id) DO NOTHING";

/// The columns that [`record`] reads.
macro_rules! columns {
    () => {
        "workspace, account, chat, flow, version, state, status, wake_at, revision, updated_at"
    };
}

macro_rules! conversations {
    ($where:literal) => {
        concat!("SELECT ", columns!(), " FROM conversation WHERE workspace = $1 AND ", $where)
    };
}

const CONVERSATION: &str = conversations!("account = $2 AND chat = $3");
const CONVERSATIONS: &str = conversations!(
    "status = $2 AND (updated_at, account, chat) < ($4, $5, $6) \
     ORDER BY updated_at DESC, account DESC, chat DESC LIMIT $3"
);
const FIRST_CONVERSATIONS: &str =
    conversations!("status = $2 ORDER BY updated_at DESC, account DESC, chat DESC LIMIT $3");
/// Materialized: a plan that ran the inner part twice would claim more than it returns.
const CLAIM: (&str, &str) = (
    concat!(
        "WITH due (number) AS MATERIALIZED (SELECT number FROM conversation \
         WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3) \
         UPDATE conversation SET due_at = $4 WHERE number IN (SELECT number FROM due) RETURNING ",
        columns!()
    ),
    concat!(
        "WITH due (number) AS MATERIALIZED (SELECT number FROM conversation \
         WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         UPDATE conversation SET due_at = $4 WHERE number IN (SELECT number FROM due) RETURNING ",
        columns!()
    ),
);
const DUE_WORKSPACES: &str =
    "SELECT workspace FROM conversation WHERE due_at <= $1 ORDER BY due_at, workspace LIMIT $2";
const INPUT: &str = "SELECT 1 FROM flow_input \
    WHERE workspace = $1 AND account = $2 AND chat = $3 AND message_id = $4";
const OLDEST_INPUT: &str = "SELECT min(at) FROM flow_input WHERE workspace = $1";
const OLDEST_ENDED: &str = "SELECT min(updated_at) FROM conversation WHERE workspace = $1 AND status = 4";

fn record(row: &Row) -> Result<ConversationRecord> {
    let status = ConversationStatus::from_code(row.small(6)?);
    Ok(ConversationRecord {
        account: account_at(row, 0)?,
        chat: row.text(2)?,
        flow: row.text(3)?,
        version: row.int(4)?,
        state: row.bytes(5)?,
        status: status.ok_or_else(|| damaged("the status of a conversation"))?,
        wake_at: row.opt_int(7)?,
        revision: row.int(8)?,
        updated_at: row.int(9)?,
    })
}

#[async_trait]
impl<S: Sql> ConversationStore for S {
    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>> {
        self.fetch(of(CONVERSATION, account).text(chat)).await?.one(record)
    }

    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage> {
        let limit = page_limit(limit);
        let text = if before.is_some() { CONVERSATIONS } else { FIRST_CONVERSATIONS };
        let mut select = sql(text).text(workspace.as_str()).int(status.code()).int(limit + 1);
        if let Some(cursor) = before {
            let (at, rest) = cursor::place(cursor)?;
            let (account, chat) = rest.split_once('.').ok_or_else(Error::bad_cursor)?;
            select = select.int(at).text(account).text(chat);
        }
        let cursor =
            |last: &ConversationRecord| format!("{}.{}.{}", last.updated_at, last.account.name(), last.chat);
        let (conversations, next) = keyset::page(self.fetch(select).await?, limit, record, cursor)?;
        Ok(ConversationPage { conversations, next })
    }

    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>> {
        let text = self.dialect().text(CLAIM.0, CLAIM.1);
        let workspace = workspace.clone();
        let mut claimed = transact(self, move |connection| {
            Box::pin(async move {
                let claim = sql(text).text(workspace.as_str()).int(now).int(page_limit(limit)).int(until);
                connection.fetch(claim).await?.all(record)
            })
        })
        .await?;
        claimed.sort_by(|a, b| (a.wake_at, &a.account, &a.chat).cmp(&(b.wake_at, &b.account, &b.chat)));
        Ok(claimed)
    }

    async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>> {
        let rows = self.fetch(sql(DUE_WORKSPACES).int(now).int(page_limit(limit))).await?;
        let mut found = Vec::new();
        for row in rows {
            let workspace = row.text(0)?.parse().map_err(|_| damaged("a workspace"))?;
            if !found.contains(&workspace) {
                found.push(workspace);
            }
        }
        Ok(found)
    }

    async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> Result<bool> {
        let select = of(INPUT, account).text(chat).text(message_id);
        Ok(!self.fetch(select).await?.is_empty())
    }

    async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        let rows = self.fetch(sql(OLDEST_INPUT).text(workspace.as_str())).await?;
        Ok(rows.one(|row| row.opt_int(0))?.flatten())
    }

    async fn oldest_ended(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        let rows = self.fetch(sql(OLDEST_ENDED).text(workspace.as_str())).await?;
        Ok(rows.one(|row| row.opt_int(0))?.flatten())
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 7] =
    [CONVERSATION, CONVERSATIONS, FIRST_CONVERSATIONS, DUE_WORKSPACES, INPUT, OLDEST_INPUT, OLDEST_ENDED];
