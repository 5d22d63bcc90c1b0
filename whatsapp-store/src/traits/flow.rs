use crate::{FlowHead, FlowRecord, FlowVersion, FlowVersionHead, NodeCount, Result, WorkspaceId};

/// One page of flows, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowPage {
    /// The flows.
    pub flows: Vec<FlowRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// One page of flows without their drafts, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowHeadPage {
    /// The flows.
    pub flows: Vec<FlowHead>,
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

store_trait! {
    forward_flow;
    /// Chatbot flows, their versions and counts. A `limit` is that of [`MessageQuery`](crate::MessageQuery); an invalid
    /// cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
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

        /// One flow without its draft.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn flow_head(&self, workspace: &WorkspaceId, flow: &str) -> Result<Option<FlowHead>>;

        /// A page as that of [`FlowStore::flows`], without the drafts: cheap, however large those are.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn flow_heads(
            &self,
            workspace: &WorkspaceId,
            after: Option<&str>,
            limit: u32,
        ) -> Result<FlowHeadPage>;

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

        /// The counts of a version's nodes, by id in byte order.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn node_counts(&self, workspace: &WorkspaceId, flow: &str, version: i64) -> Result<Vec<NodeCount>>;
    }
}
