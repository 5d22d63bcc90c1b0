use crate::{ClaimedDelivery, DeliveryRecord, DeliveryState, EndpointRecord, Result, WorkspaceId};

/// Selects deliveries.
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

/// The largest number of deliveries of one endpoint that are under way at the same time. While the endpoint is failing it is one.
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

        /// A page of an endpoint's deliveries, by insertion, the newest first. New ones between two pages neither
        /// repeat nor hide others.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn deliveries(&self, workspace: &WorkspaceId, query: &DeliveryQuery) -> Result<DeliveryPage>;

        /// The undelivered events of each endpoint of a workspace, by id in byte order. This counts rows, so do not call it
        /// with every event.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn webhook_backlog(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointBacklog>>;

        /// Claims due deliveries of all workspaces for a worker of the host, at most `limit`. No other worker gets them
        /// before `until`, when unfinished ones ([`WebhookChange::Attempted`](crate::WebhookChange::Attempted))
        /// are due again: choose it so that the attempt and its commit are surely over by then. `now` and `until` are
        /// milliseconds since the Unix epoch.
        ///
        /// Deliveries of each endpoint come oldest first, by the time they were due. Two rules keep a dead or slow endpoint with
        /// a million waiting deliveries from delaying the others:
        ///
        /// - Endpoints take turns: the one whose last turn is the longest ago comes first, whatever waits elsewhere.
        /// - At most [`UNDER_WAY`] deliveries of one endpoint are under way at a time, so that it cannot hold all workers. While it
        ///   is failing ([`EndpointRecord::failing_since`]), it is one delivery alone, to see whether it is back.
        ///
        /// Deliveries to a disabled endpoint are not given out. When several workers ask at once, one may get fewer
        /// than are due, or none, because another is being served.
        ///
        /// # Errors
        /// When they cannot be read or written.
        async fn claim_deliveries(&self, now: i64, until: i64, limit: u32) -> Result<Vec<ClaimedDelivery>>;
    }
}
