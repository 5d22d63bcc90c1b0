//! The offline queue: waiting stanzas are announced, and delivered as the device asks for them.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    accounts::DeviceAddress,
    mailbox::Batch,
    network::{ConnectionId, Network, Scheduled},
};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
    time::Timestamp,
};

/// How the server delivers the offline queue of a device. By default nothing comes before the device asks, and
/// each request gets as much as it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct OfflineQueue {
    /// Stanzas that come without a request, right after the announcement.
    pub primer: usize,
    /// The largest batch of one request; `None` for no limit.
    pub largest_batch: Option<usize>,
    /// Requests that are ignored before every batch but the first: a client must ask again.
    pub ignored_requests: u32,
    /// After this many milliseconds without a delivery, a device gets the rest without a request; if absent, it waits for ever.
    pub patience_ms: Option<u64>,
}

impl Network {
    /// Sets how devices get their offline queue.
    pub fn set_offline_queue(&mut self, queue: OfflineQueue) {
        self.config.offline_queue = queue;
    }

    /// The device is ready for stanzas: first it learns how many wait, then it may ask for them.
    pub(super) fn activate(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let preview = companion.mailbox.open();
        let preview = Node::new("offline_preview")
            .attr("count", preview.count)
            .attr("message", preview.message)
            .attr("notification", preview.notification)
            .attr("receipt", preview.receipt)
            .attr("appdata", "0");
        self.inform(now, connection, preview);
        let primer = self.config.offline_queue.primer;
        self.deliver_batch(now, device, primer);
        self.plan_rest(now, device, connection);
        self.bootstrap(now, device);
    }

    /// Sends a client information about its connection.
    fn inform(&mut self, now: Timestamp, connection: ConnectionId, what: Node) {
        self.send_over_faults(now, connection, Node::new("ib").attr("from", Jid::SERVICE).child(what));
    }

    fn deliver_batch(&mut self, now: Timestamp, device: DeviceAddress, limit: usize) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let Some(Batch { nodes, done }) = companion.mailbox.next_batch(now, limit) else { return };
        if !nodes.is_empty() {
            self.transmit(now, connection, nodes);
            self.plan_redelivery(now, device);
        }
        if let Some(count) = done {
            self.inform(now, connection, Node::new("offline").attr("count", count));
            self.deliver(now, device);
            self.bootstrap(now, device);
        }
    }

    /// Information of a client about itself: only the request for more of the offline queue needs an answer.
    pub(super) fn on_ib(&mut self, now: Timestamp, device: DeviceAddress, node: NodeRef<'_>) {
        let Some(batch) = node.child("offline_batch") else { return };
        let count: usize = batch.attr_text("count").and_then(|count| count.parse().ok()).unwrap_or(0);
        let ignored = self.config.offline_queue.ignored_requests;
        let Some(companion) = self.accounts.companion(device) else { return };
        if companion.mailbox.ignores_request(ignored) {
            return;
        }
        let limit = self.config.offline_queue.largest_batch.unwrap_or(usize::MAX);
        self.deliver_batch(now, device, count.min(limit));
    }

    fn plan_rest(&mut self, now: Timestamp, device: DeviceAddress, connection: ConnectionId) {
        let given = self.accounts.companion(device).and_then(|companion| companion.mailbox.drained());
        if let (Some(patience), Some(given)) = (self.config.offline_queue.patience_ms, given) {
            self.schedule(
                now + Duration::from_millis(patience),
                Scheduled::DeliverRest { device, connection, given },
            );
        }
    }

    /// Delivers the rest of the queue if the device has not asked since it had `given` stanzas.
    pub(super) fn deliver_rest(
        &mut self,
        now: Timestamp,
        device: DeviceAddress,
        connection: ConnectionId,
        given: usize,
    ) {
        let Some(companion) = self.accounts.companion(device) else { return };
        if companion.connection != Some(connection) {
            return;
        }
        if companion.mailbox.drained() == Some(given) {
            self.deliver_batch(now, device, usize::MAX);
        } else {
            self.plan_rest(now, device, connection);
        }
    }
}
