use crate::{ClaimedDelivery, DeliveryRecord, DeliveryState, EndpointRecord, Result, WorkspaceId};

/// Which deliveries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// The endpoint that they go to.
    pub endpoint: String,
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those behind this cursor, which came with the page before.
    pub before: Option<String>,
    /// As in [`MessageQuery`](crate::MessageQuery).
    pub limit: u32,
}

/// One page of deliveries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<DeliveryRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// How much of an endpoint's is not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointBacklog {
    /// The endpoint's id.
    pub endpoint: String,
    /// Deliveries that wait or are under way.
    pub pending: u64,
    /// Deliveries that were given up.
    pub dead: u64,
}

/// Deliveries of one endpoint that are under way at the same time, at most. While the endpoint is failing it is one.
pub const UNDER_WAY: u32 = 16;

store_trait! {
    forward_webhook;
    /// Webhook endpoints, and the deliveries of events to them.
    pub trait WebhookStore {
        /// One endpoint.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn endpoint(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<EndpointRecord>>;

        /// A workspace's endpoints, oldest first (by time made, then by id).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn endpoints(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointRecord>>;

        /// One delivery.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn delivery(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<DeliveryRecord>>;

        /// A page of an endpoint's deliveries, by insertion, the newest first. Those that come in between two pages neither
        /// repeat nor hide others.
        ///
        /// # Errors
        /// When they cannot be read. A cursor that is none of this store's is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn deliveries(&self, workspace: &WorkspaceId, query: &DeliveryQuery) -> Result<DeliveryPage>;

        /// What is not delivered, for each endpoint of a workspace, by id in byte order. It is counted, so ask for it seldom
        /// rather than with every event.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn webhook_backlog(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointBacklog>>;

        /// Gives deliveries of all workspaces that are due to a worker of the host, at most `limit`. Nobody else gets them
        /// before `until`, when those that were not finished ([`WebhookChange::Attempted`](crate::WebhookChange::Attempted))
        /// are due again: choose it so that the attempt and its commit are surely over by then. `now` and `until` are
        /// milliseconds since the Unix epoch.
        ///
        /// Each endpoint's come oldest first, by the time they were due. Between endpoints there are two rules, so that one
        /// that is dead or slow with a million deliveries waiting is no burden for the others:
        ///
        /// - They take turns: the endpoint whose last turn is the longest ago comes first, whatever waits elsewhere.
        /// - At most [`UNDER_WAY`] deliveries of one endpoint are under way at a time, so that it cannot hold all workers; and
        ///   one alone while it is failing ([`EndpointRecord::failing_since`]), to see whether it is back.
        ///
        /// What goes to an endpoint that is not enabled is not given out. When several workers ask at once, one may get less
        /// than there is, or nothing, because another is just being served.
        ///
        /// # Errors
        /// When they cannot be read or written.
        async fn claim_deliveries(&self, now: i64, until: i64, limit: u32) -> Result<Vec<ClaimedDelivery>>;
    }
}
