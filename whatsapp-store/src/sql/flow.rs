use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, Statement, account_at, damaged, keyset, of, sql, transact};
use crate::{
    AccountId, ConversationPage, ConversationRecord, ConversationStatus, Error, ErrorKind, FlowChange,
    FlowPage, FlowRecord, FlowStore, FlowVersion, FlowVersionHead, FlowVersionPage, NodeCount, Result, Scope,
    WorkspaceId, page_limit,
};

/// The workspace and the flow, as `$1` and `$2`.
fn within<'a>(text: &'static str, workspace: &'a WorkspaceId, flow: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(flow)
}

fn conflict(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, "writing a conversation").because(why)
}

pub(super) async fn apply(connection: &mut Connection<'_>, scope: &Scope, change: &FlowChange) -> Result<()> {
    let workspace = scope.workspace();
    match change {
        FlowChange::PutDraft { flow, name, draft, at } => {
            let put = within(PUT_DRAFT, workspace, flow).text(&**name).opt_text(draft.as_deref()).int(*at);
            connection.execute(put).await?;
        }
        FlowChange::Publish { flow, definition, at, by } => {
            let version = FlowVersion {
                flow: flow.clone(),
                version: 0,
                definition: definition.clone(),
                published_at: *at,
                published_by: by.clone(),
            };
            publish(connection, workspace, version).await?;
        }
        FlowChange::SetEnabled { flow, enabled, at } => {
            let text = "UPDATE flow SET enabled = $3, updated_at = $4 WHERE workspace = $1 AND id = $2";
            connection.execute(within(text, workspace, flow).int(*enabled).int(*at)).await?;
        }
        FlowChange::Delete { flow, at } => {
            connection.execute(within(END_ALL, workspace, flow).int(*at)).await?;
            for text in DELETE {
                connection.execute(within(text, workspace, flow)).await?;
            }
        }
        FlowChange::PutConversation { record, expected } => {
            put_conversation(connection, record, *expected).await?;
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
        FlowChange::CountNode { flow, version, count } => {
            connection.execute(count_node(workspace, flow, *version, count)).await?;
        }
    }
    Ok(())
}

const PUT_DRAFT: &str = "INSERT INTO flow (workspace, id, name, draft, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (workspace, id) DO UPDATE SET name = excluded.name, \
    draft = excluded.draft, updated_at = excluded.updated_at";
const DELETE: [&str; 3] = [
    "DELETE FROM flow WHERE workspace = $1 AND id = $2",
    "DELETE FROM flow_version WHERE workspace = $1 AND flow = $2",
    "DELETE FROM node_count WHERE workspace = $1 AND flow = $2",
];
const END_ALL: &str = "UPDATE conversation SET status = 4, wake_at = NULL, due_at = NULL, \
    revision = revision + 1, updated_at = $3 WHERE workspace = $1 AND flow = $2 AND status < 4";
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

/// Raising the number first keeps others that publish the same flow waiting, so that each gets its own.
async fn publish(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    version: FlowVersion,
) -> Result<()> {
    let raise = "UPDATE flow SET published = COALESCE(published, 0) + 1, updated_at = $3 \
        WHERE workspace = $1 AND id = $2 RETURNING published";
    let raise = within(raise, workspace, &version.flow).int(version.published_at);
    let Some(number) = connection.fetch(raise).await?.one(|row| row.int(0))? else {
        return Err(Error::new(ErrorKind::Invalid, "publishing a flow").because("there is no such flow"));
    };
    let insert = "INSERT INTO flow_version (workspace, flow, version, definition, published_at, published_by) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let insert = within(insert, workspace, &version.flow)
        .int(number)
        .text(&*version.definition)
        .int(version.published_at)
        .text(&*version.published_by);
    connection.execute(insert).await.map(drop)
}

async fn put_conversation(
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

fn count_node<'a>(
    workspace: &'a WorkspaceId,
    flow: &'a str,
    version: i64,
    count: &'a NodeCount,
) -> Statement<'a> {
    let add = "INSERT INTO node_count (workspace, flow, version, node, entered, passed, dropped, millis) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace, flow, version, node) DO UPDATE SET \
        entered = node_count.entered + excluded.entered, passed = node_count.passed + excluded.passed, \
        dropped = node_count.dropped + excluded.dropped, millis = node_count.millis + excluded.millis";
    let mut add = within(add, workspace, flow).int(version).text(&*count.node);
    for number in [count.entered, count.left, count.dropped, count.millis] {
        add = add.int(number.cast_signed());
    }
    add
}

macro_rules! flows {
    ($where:literal) => {
        concat!(
            "SELECT id, name, draft, published, enabled, created_at, updated_at FROM flow WHERE workspace = $1 AND ",
            $where
        )
    };
}

/// The columns that [`conversation`] reads.
macro_rules! conversation_columns {
    () => {
        "workspace, account, chat, flow, version, state, status, wake_at, revision, updated_at"
    };
}

macro_rules! conversations {
    ($where:literal) => {
        concat!("SELECT ", conversation_columns!(), " FROM conversation WHERE workspace = $1 AND ", $where)
    };
}

const FLOW: &str = flows!("id = $2");
const FLOWS: (&str, &str) = (
    flows!("TRUE ORDER BY created_at, id LIMIT $2"),
    flows!("(created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"),
);
const VERSION: &str = "SELECT version, published_at, published_by, definition FROM flow_version \
    WHERE workspace = $1 AND flow = $2 AND version = $3";
const VERSIONS: &str = "SELECT version, published_at, published_by FROM flow_version \
    WHERE workspace = $1 AND flow = $2 AND version < $3 ORDER BY version DESC LIMIT $4";
const CONVERSATION: &str = conversations!("account = $2 AND chat = $3");
const CONVERSATIONS: &str = conversations!(
    "status = $2 AND (updated_at, account, chat) < ($4, $5, $6) \
     ORDER BY updated_at DESC, account DESC, chat DESC LIMIT $3"
);
const FIRST_CONVERSATIONS: &str =
    conversations!("status = $2 ORDER BY updated_at DESC, account DESC, chat DESC LIMIT $3");
/// Materialized: a plan that ran the inner part twice would take more than it gives.
const CLAIM: (&str, &str) = (
    concat!(
        "WITH due (number) AS MATERIALIZED (SELECT number FROM conversation \
         WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3) \
         UPDATE conversation SET due_at = $4 WHERE number IN (SELECT number FROM due) RETURNING ",
        conversation_columns!()
    ),
    concat!(
        "WITH due (number) AS MATERIALIZED (SELECT number FROM conversation \
         WHERE workspace = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         UPDATE conversation SET due_at = $4 WHERE number IN (SELECT number FROM due) RETURNING ",
        conversation_columns!()
    ),
);
const DUE_WORKSPACES: &str =
    "SELECT workspace FROM conversation WHERE due_at <= $1 ORDER BY due_at, workspace LIMIT $2";
const INPUT: &str = "SELECT 1 FROM flow_input \
    WHERE workspace = $1 AND account = $2 AND chat = $3 AND message_id = $4";
const OLDEST_INPUT: &str = "SELECT min(at) FROM flow_input WHERE workspace = $1";
const COUNTS: &str = "SELECT node, entered, passed, dropped, millis FROM node_count \
    WHERE workspace = $1 AND flow = $2 AND version = $3 ORDER BY node";

fn flow(row: &Row) -> Result<FlowRecord> {
    Ok(FlowRecord {
        id: row.text(0)?,
        name: row.text(1)?,
        draft: row.opt_text(2)?,
        published: row.opt_int(3)?,
        enabled: row.flag(4)?,
        created_at: row.int(5)?,
        updated_at: row.int(6)?,
    })
}

fn head(row: &Row) -> Result<FlowVersionHead> {
    Ok(FlowVersionHead { version: row.int(0)?, published_at: row.int(1)?, published_by: row.text(2)? })
}

fn conversation(row: &Row) -> Result<ConversationRecord> {
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

fn node_count(row: &Row) -> Result<NodeCount> {
    Ok(NodeCount {
        node: row.text(0)?,
        entered: row.small(1)?,
        left: row.small(2)?,
        dropped: row.small(3)?,
        millis: row.small(4)?,
    })
}

#[async_trait]
impl<S: Sql> FlowStore for S {
    async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowRecord>> {
        self.fetch(within(FLOW, workspace, flow)).await?.one(self::flow)
    }

    async fn flows(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<FlowPage> {
        let limit = page_limit(limit);
        let Some(select) = keyset::select(FLOWS, workspace, after, limit) else {
            return Ok(FlowPage::default());
        };
        let cursor = |flow: &FlowRecord| format!("{}.{}", flow.created_at, flow.id);
        let (flows, next) = keyset::page(self.fetch(select).await?, limit, flow, cursor)?;
        Ok(FlowPage { flows, next })
    }

    async fn flow_version(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> Result<Option<FlowVersion>> {
        self.fetch(within(VERSION, workspace, flow).int(version)).await?.one(|row| {
            let FlowVersionHead { version, published_at, published_by } = head(row)?;
            let definition = row.text(3)?;
            Ok(FlowVersion { flow: flow.to_owned(), version, definition, published_at, published_by })
        })
    }

    async fn flow_versions(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<FlowVersionPage> {
        let Ok(before) = before.map_or(Ok(i64::MAX), str::parse) else {
            return Ok(FlowVersionPage::default());
        };
        let limit = page_limit(limit);
        let select = within(VERSIONS, workspace, flow).int(before).int(limit + 1);
        let cursor = |head: &FlowVersionHead| head.version.to_string();
        let (versions, next) = keyset::page(self.fetch(select).await?, limit, head, cursor)?;
        Ok(FlowVersionPage { versions, next })
    }

    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>> {
        self.fetch(of(CONVERSATION, account).text(chat)).await?.one(conversation)
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
            let place = keyset::place(cursor).and_then(|(at, rest)| Some((at, rest.split_once('.')?)));
            let Some((at, (account, chat))) = place else { return Ok(ConversationPage::default()) };
            select = select.int(at).text(account).text(chat);
        }
        let cursor =
            |last: &ConversationRecord| format!("{}.{}.{}", last.updated_at, last.account.name(), last.chat);
        let (conversations, next) = keyset::page(self.fetch(select).await?, limit, conversation, cursor)?;
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
                connection.fetch(claim).await?.all(conversation)
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

    async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>> {
        self.fetch(within(COUNTS, workspace, flow).int(version)).await?.all(node_count)
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 12] = [
    FLOW,
    FLOWS.0,
    FLOWS.1,
    VERSION,
    VERSIONS,
    CONVERSATION,
    CONVERSATIONS,
    FIRST_CONVERSATIONS,
    DUE_WORKSPACES,
    INPUT,
    OLDEST_INPUT,
    COUNTS,
];
