//! From mailboxes to connections: handing over, the offline queue, and handing over again.
use std::time::Duration;

use super::{
    accounts::DeviceAddress,
    faults::{DeliveryOutcome, Side},
    mailbox::Batch,
    network::{ConnectionId, Network, Scheduled},
};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
    time::Timestamp,
};

/// What was handed over and not answered for so long is handed over again.
const REDELIVER: Duration = Duration::from_secs(15);

impl Network {
    /// Puts a stanza into a device's mailbox and hands it over if the device is there.
    pub(super) fn post(&mut self, now: Timestamp, device: DeviceAddress, node: Node) {
        let Some(companion) = self.accounts.companion(device) else { return };
        companion.mailbox.push(node);
        self.deliver(now, device);
    }

    fn deliver(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let fresh = companion.mailbox.fresh(now);
        if !fresh.is_empty() {
            self.transmit(now, connection, fresh);
            self.plan_redelivery(now, device);
        }
    }

    fn transmit(&mut self, now: Timestamp, connection: ConnectionId, nodes: Vec<Node>) {
        for node in nodes {
            let node = self.maybe_corrupt(connection, node);
            match self.outcome(Side::ToClient) {
                DeliveryOutcome::Dropped => {}
                DeliveryOutcome::Delivered(Duration::ZERO) => self.send(connection, &node),
                DeliveryOutcome::Delivered(delay) => {
                    self.schedule(now + delay, Scheduled::Deliver(connection, Box::new(node)))
                }
                DeliveryOutcome::Duplicated(delay) => {
                    self.schedule(now + delay, Scheduled::Deliver(connection, Box::new(node.clone())));
                    self.send(connection, &node);
                }
            }
        }
    }

    /// The device is ready for stanzas: first it learns how many wait, then it gets them.
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
        self.send(connection, &Node::new("ib").attr("from", Jid::SERVICE).child(preview));
        let limit = self.config.offline_primer.unwrap_or(usize::MAX);
        self.deliver_batch(now, device, limit);
        self.bootstrap(now, device);
    }

    fn deliver_batch(&mut self, now: Timestamp, device: DeviceAddress, limit: usize) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let Some(Batch { nodes, done }) = companion.mailbox.next_batch(now, limit) else { return };
        self.transmit(now, connection, nodes);
        self.plan_redelivery(now, device);
        if let Some(count) = done {
            let done = Node::new("offline").attr("count", count);
            self.send(connection, &Node::new("ib").attr("from", Jid::SERVICE).child(done));
            self.deliver(now, device);
        }
    }

    /// Information of a client about itself: only the request for more of the offline queue needs an answer.
    pub(super) fn on_ib(&mut self, now: Timestamp, device: DeviceAddress, node: NodeRef<'_>) {
        let Some(batch) = node.child("offline_batch") else { return };
        let count = batch.attr_text("count").and_then(|count| count.parse().ok()).unwrap_or(0);
        self.deliver_batch(now, device, count);
    }

    fn plan_redelivery(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        if !companion.redelivery_planned {
            companion.redelivery_planned = true;
            self.schedule(now + REDELIVER, Scheduled::Redeliver(device));
        }
    }

    pub(super) fn redeliver(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        companion.redelivery_planned = false;
        let Some(connection) = companion.connection else { return };
        let stale = companion.mailbox.stale(now - REDELIVER, now);
        let next = companion.mailbox.oldest_delivery();
        self.transmit(now, connection, stale);
        if let (Some(oldest), Some(companion)) = (next, self.accounts.companion(device)) {
            companion.redelivery_planned = true;
            self.schedule(
                (oldest + REDELIVER).max(now + Duration::from_millis(1)),
                Scheduled::Redeliver(device),
            );
        }
    }

    /// A client acknowledges a stanza.
    pub(super) fn on_ack(&mut self, device: DeviceAddress, node: NodeRef<'_>) {
        let class = node.attr_text("class").unwrap_or_default();
        let id = node.attr_text("id").unwrap_or_default();
        let to = node.attr_jid("to");
        if let Some(companion) = self.accounts.companion(device) {
            companion.mailbox.answered(class, id, to.as_ref());
        }
    }
}
