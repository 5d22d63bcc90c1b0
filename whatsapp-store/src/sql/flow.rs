use async_trait::async_trait;

use super::{
    Connection, Row, Rows, Sql, Statement, conversation, keyset,
    revision::{self, Revised},
    sql,
};
use crate::{
    Error, ErrorKind, FlowChange, FlowHead, FlowHeadPage, FlowPage, FlowRecord, FlowStore, FlowVersion,
    FlowVersionHead, FlowVersionPage, NodeCount, Result, Scope, WorkspaceId, cursor, page_limit,
};

/// The workspace and the flow, as `$1` and `$2`.
fn within<'a>(text: &'static str, workspace: &'a WorkspaceId, flow: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(flow)
}

pub(super) async fn apply(connection: &mut Connection<'_>, scope: &Scope, change: &FlowChange) -> Result<()> {
    let workspace = scope.workspace();
    match change {
        FlowChange::Expect { flow, updated_at } => {
            revision::expect(connection, Revised::Flow, workspace, flow, *updated_at).await?;
        }
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
            let text = "UPDATE flow SET enabled = $3, updated_at = CASE WHEN updated_at < $4 THEN $4 WHEN updated_at < \
         9223372036854775807 THEN updated_at + 1 ELSE updated_at END WHERE workspace = $1 AND id = $2";
            connection.execute(within(text, workspace, flow).int(*enabled).int(*at)).await?;
        }
        FlowChange::Delete { flow, at } => {
            connection.execute(conversation::end_all(workspace, flow, *at)).await?;
            for text in DELETE {
                connection.execute(within(text, workspace, flow)).await?;
            }
        }
        FlowChange::PutConversation { .. }
        | FlowChange::EndConversation { .. }
        | FlowChange::ForgetConversation { .. }
        | FlowChange::SeenInput { .. }
        | FlowChange::ForgetInputs { .. }
        | FlowChange::ForgetEnded { .. } => conversation::apply(connection, workspace, change).await?,
        // Deferred before.
        FlowChange::CountNode { .. } => {}
    }
    Ok(())
}

const PUT_DRAFT: &str = "INSERT INTO flow (workspace, id, name, draft, created_at, updated_at) VALUES ($1, $2, $3, $4, \
         $5, $5) ON CONFLICT (workspace, id) DO UPDATE SET name = excluded.name, draft = excluded.draft, \
         updated_at = CASE WHEN flow.updated_at < excluded.updated_at THEN excluded.updated_at WHEN \
         flow.updated_at < 9223372036854775807 THEN flow.updated_at + 1 ELSE flow.updated_at END";
const DELETE: [&str; 3] = [
    "DELETE FROM flow WHERE workspace = $1 AND id = $2",
    "DELETE FROM flow_version WHERE workspace = $1 AND flow = $2",
    "DELETE FROM node_count WHERE workspace = $1 AND flow = $2",
];
/// Raises the number first. Others that publish the same flow wait, so each gets its own number.
async fn publish(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    version: FlowVersion,
) -> Result<()> {
    let raise = "UPDATE flow SET published = COALESCE(published, 0) + 1, updated_at = CASE WHEN updated_at < $3 \
         THEN $3 WHEN updated_at < 9223372036854775807 THEN updated_at + 1 ELSE updated_at END WHERE \
         workspace = $1 AND id = $2 RETURNING published";
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

/// A node of a version of a flow.
pub(super) type Counted<'a> = (&'a str, i64, &'a str);
/// The counts to add: entered, left, dropped, milliseconds.
pub(super) type Sums = [i64; 4];

macro_rules! count {
    ($rows:literal) => {
        concat!(
            "INSERT INTO node_count (workspace, flow, version, node, entered, passed, dropped, millis) VALUES ",
            $rows,
            " ON CONFLICT (workspace, flow, version, node) DO UPDATE SET \
             entered = node_count.entered + excluded.entered, passed = node_count.passed + excluded.passed, \
             dropped = node_count.dropped + excluded.dropped, millis = node_count.millis + excluded.millis"
        )
    };
}

/// By the number of nodes, less one.
const COUNT: [&str; 4] = [
    count!("($1, $2, $3, $4, $5, $6, $7, $8)"),
    count!("($1, $2, $3, $4, $5, $6, $7, $8), ($1, $9, $10, $11, $12, $13, $14, $15)"),
    count!(
        "($1, $2, $3, $4, $5, $6, $7, $8), ($1, $9, $10, $11, $12, $13, $14, $15), \
         ($1, $16, $17, $18, $19, $20, $21, $22)"
    ),
    count!(
        "($1, $2, $3, $4, $5, $6, $7, $8), ($1, $9, $10, $11, $12, $13, $14, $15), \
         ($1, $16, $17, $18, $19, $20, $21, $22), ($1, $23, $24, $25, $26, $27, $28, $29)"
    ),
];

/// Adds to the counts of nodes, each of which occurs once, a few in each statement. The order of the nodes keeps two
/// transactions from a deadlock.
pub(super) fn count<'a>(
    workspace: &'a WorkspaceId,
    counts: &'a [(Counted<'a>, Sums)],
) -> impl Iterator<Item = Statement<'a>> + Send {
    counts.chunks(COUNT.len()).map(|some| {
        let add = sql(COUNT[some.len() - 1]).text(workspace.as_str());
        some.iter().fold(add, |add, ((flow, version, node), sums)| {
            let add = add.text(*flow).int(*version).text(*node);
            sums.iter().fold(add, |add, sum| add.int(*sum))
        })
    })
}

macro_rules! heads {
    ($more:literal $where:literal) => {
        concat!(
            "SELECT id, name, published, enabled, created_at, updated_at",
            $more,
            " FROM flow WHERE workspace = $1 AND ",
            $where
        )
    };
}

macro_rules! pages {
    ($more:literal) => {
        (
            heads!($more "TRUE ORDER BY created_at, id LIMIT $2"),
            heads!($more "(created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"),
        )
    };
}

const FLOW: &str = heads!(", draft" "id = $2");
const FLOWS: (&str, &str) = pages!(", draft");
const HEAD: &str = heads!("" "id = $2");
const HEADS: (&str, &str) = pages!("");
const VERSION: &str = "SELECT version, published_at, published_by, definition FROM flow_version \
    WHERE workspace = $1 AND flow = $2 AND version = $3";
const VERSIONS: &str = "SELECT version, published_at, published_by FROM flow_version \
    WHERE workspace = $1 AND flow = $2 AND version < $3 ORDER BY version DESC LIMIT $4";
const COUNTS: &str = "SELECT node, entered, passed, dropped, millis FROM node_count \
    WHERE workspace = $1 AND flow = $2 AND version = $3 ORDER BY node";

fn flow_head(row: &Row) -> Result<FlowHead> {
    Ok(FlowHead {
        id: row.text(0)?,
        name: row.text(1)?,
        published: row.opt_int(2)?,
        enabled: row.flag(3)?,
        created_at: row.int(4)?,
        updated_at: row.int(5)?,
    })
}

fn flow(row: &Row) -> Result<FlowRecord> {
    let FlowHead { id, name, published, enabled, created_at, updated_at } = flow_head(row)?;
    Ok(FlowRecord { id, name, draft: row.opt_text(6)?, published, enabled, created_at, updated_at })
}

fn head(row: &Row) -> Result<FlowVersionHead> {
    Ok(FlowVersionHead { version: row.int(0)?, published_at: row.int(1)?, published_by: row.text(2)? })
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
        let select = keyset::select(FLOWS, workspace, after, limit)?;
        let cursor = |flow: &FlowRecord| format!("{}.{}", flow.created_at, flow.id);
        let (flows, next) = keyset::page(self.fetch(select).await?, limit, flow, cursor)?;
        Ok(FlowPage { flows, next })
    }

    async fn flow_head(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowHead>> {
        self.fetch(within(HEAD, workspace, flow)).await?.one(flow_head)
    }

    async fn flow_heads(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<FlowHeadPage> {
        let limit = page_limit(limit);
        let select = keyset::select(HEADS, workspace, after, limit)?;
        let cursor = |flow: &FlowHead| format!("{}.{}", flow.created_at, flow.id);
        let (flows, next) = keyset::page(self.fetch(select).await?, limit, flow_head, cursor)?;
        Ok(FlowHeadPage { flows, next })
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
        let before = cursor::number(before, i64::MAX)?;
        let limit = page_limit(limit);
        let select = within(VERSIONS, workspace, flow).int(before).int(limit + 1);
        let cursor = |head: &FlowVersionHead| head.version.to_string();
        let (versions, next) = keyset::page(self.fetch(select).await?, limit, head, cursor)?;
        Ok(FlowVersionPage { versions, next })
    }

    async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>> {
        self.fetch(within(COUNTS, workspace, flow).int(version)).await?.all(node_count)
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 9] =
    [FLOW, FLOWS.0, FLOWS.1, HEAD, HEADS.0, HEADS.1, VERSION, VERSIONS, COUNTS];
