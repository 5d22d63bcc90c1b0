use async_trait::async_trait;

use crate::{
    AccountId, ConversationRecord, ConversationStatus, FlowRecord, FlowVersion, FlowVersionHead, NodeCount,
    Result, WorkspaceId,
};

/// One page of flows, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowPage {
    /// The flows.
    pub flows: Vec<FlowRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// One page of a flow's versions, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowVersionPage {
    /// The versions, without their definitions.
    pub versions: Vec<FlowVersionHead>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// One page of conversations, the one written last first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationPage {
    /// The conversations.
    pub conversations: Vec<ConversationRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// Chatbot flows, their versions, and conversations. A `limit` is that of [`MessageQuery`](crate::MessageQuery); a cursor
/// that is none of this store's reads as an empty page.
#[async_trait]
pub trait FlowStore {
    /// One flow.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowRecord>>;

    /// A page of flows, by the time they were made, then by id in byte order. `after` is the cursor that came with the
    /// page before.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn flows(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<FlowPage>;

    /// One version of a flow.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn flow_version(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> Result<Option<FlowVersion>>;

    /// A page of the versions of a flow, the newest first. `before` is the cursor that came with the page before.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn flow_versions(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<FlowVersionPage>;

    /// The conversation of a chat: the live one, or the last that ended. Whoever writes the next one needs the revision
    /// of either.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>>;

    /// A page of the workspace's conversations with that status, the one written last first, then by account and chat
    /// backwards. `before` is the cursor that came with the page before. One that is written between two pages moves to
    /// the front and is not seen again.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage>;

    /// Takes conversations whose time to go on has come, the earliest first, at most `limit`. Until `until` (milliseconds
    /// since the Unix epoch, above `now`) nobody else gets them; then, unless they were written meanwhile, the next who
    /// asks does. The records are as they were written: also who took one writes it under its revision.
    ///
    /// # Errors
    /// When it cannot be read or written.
    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>>;

    /// Workspaces that have something for [`FlowStore::claim_due_conversations`], once each, taken from the `limit`
    /// conversations that are due longest. It looks into all workspaces, since which is what it is asked for.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>>;

    /// Was this input noted, and is it still?
    ///
    /// # Errors
    /// When it cannot be read.
    async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> Result<bool>;

    /// When the workspace's oldest input was noted, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>>;

    /// The counts of a version's nodes, by id in byte order.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>>;
}
