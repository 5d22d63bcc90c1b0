//! From mailboxes to connections: first delivery, and repeated delivery of unanswered stanzas.
use std::time::Duration;

use super::{
    accounts::DeviceAddress,
    faults::{DeliveryOutcome, Side},
    network::{ConnectionId, Network, Scheduled},
};
use crate::{
    binary::{Node, NodeRef},
    time::Timestamp,
};

/// The time after which an unanswered stanza is delivered again.
const REDELIVER: Duration = Duration::from_secs(15);

impl Network {
    /// Puts a stanza into a device's mailbox and delivers it if the device is connected.
    pub(super) fn post(&mut self, now: Timestamp, device: DeviceAddress, node: Node) {
        let Some(companion) = self.accounts.companion(device) else { return };
        companion.mailbox.push(node);
        self.deliver(now, device);
    }

    pub(super) fn deliver(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let fresh = companion.mailbox.fresh(now);
        if !fresh.is_empty() {
            self.transmit(now, connection, fresh);
            self.plan_redelivery(now, device);
        }
    }

    pub(super) fn transmit(&mut self, now: Timestamp, connection: ConnectionId, nodes: Vec<Node>) {
        for node in nodes {
            self.send_over_faults(now, connection, node);
        }
    }

    /// Sends a stanza to a client; faults decide when, whether, how often and how intact it arrives.
    pub(super) fn send_over_faults(&mut self, now: Timestamp, connection: ConnectionId, node: Node) {
        let node = self.maybe_corrupt(connection, node);
        match self.outcome(Side::ToClient, &node.tag) {
            DeliveryOutcome::Dropped => {}
            DeliveryOutcome::Delivered(Duration::ZERO) => self.send(connection, &node),
            DeliveryOutcome::Delivered(delay) => {
                self.schedule(now + delay, Scheduled::Deliver(connection, Box::new(node)));
            }
            DeliveryOutcome::Duplicated(delay) => {
                self.schedule(now + delay, Scheduled::Deliver(connection, Box::new(node.clone())));
                self.send(connection, &node);
            }
        }
    }

    pub(super) fn plan_redelivery(&mut self, now: Timestamp, device: DeviceAddress) {
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
