//! Receipts of clients: acknowledged, and passed on to their recipients.
use super::{
    accounts::DeviceAddress,
    event::SimEvent,
    network::{ConnectionId, Network},
    people::MAX_RETRIES,
};
use crate::{
    binary::{Node, NodeRef},
    jid::{Jid, Server},
    time::Timestamp,
};

impl Network {
    /// A client sends a receipt.
    pub(super) fn on_receipt(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        device: DeviceAddress,
        node: NodeRef<'_>,
    ) {
        let (Some(id), Some(to)) = (node.attr_text("id"), node.attr_jid("to")) else {
            return self.record_unknown("<receipt> without id or recipient");
        };
        let kind = node.attr_text("type");
        let refusal = self.refusal_of_receipt();
        let ack = Node::new("ack")
            .attr("class", "receipt")
            .attr("id", id)
            .attr("from", &to)
            .attr_opt("type", kind)
            .attr_opt("participant", node.attr("participant").cloned())
            .attr_opt("error", refusal);
        self.send_over_faults(now, connection, ack);
        if !matches!(kind, Some("read" | "read-self" | "played" | "played-self"))
            && let Some(companion) = self.accounts.companion(device)
        {
            for id in ids(node) {
                companion.mailbox.answered("message", &id, Some(&to));
            }
        }
        if refusal.is_some() {
            return;
        }
        // In a group the participant is the writer.
        let writer = if to.is_group() { node.attr_jid("participant") } else { Some(to.clone()) };
        let Some(writer) = writer else { return };
        let Some(other) = self.accounts.find(&writer) else { return };
        match kind {
            // These are only for the server.
            Some("sender" | "peer_msg" | "hist_sync" | "server-error") => {}
            Some("read-self" | "played-self") => self.tell_own(now, device, &to, node),
            Some("retry") => {
                let sender = DeviceAddress { person: other, device: writer.device };
                self.forward_retry(now, device, sender, &to, node);
            }
            _ => {
                let forwarded = self.forwarded(now, device, &to, node);
                for target in self.accounts.devices(other) {
                    self.post_receipt(now, target, forwarded.clone());
                }
                if matches!(kind, Some("read" | "played")) {
                    self.tell_own(now, device, &to, node);
                }
            }
        }
    }

    /// The person's other devices learn which messages were read.
    fn tell_own(&mut self, now: Timestamp, device: DeviceAddress, chat: &Jid, node: NodeRef<'_>) {
        let forwarded = self.forwarded(now, device, chat, node).attr("recipient", chat.to_non_device());
        for target in self.accounts.devices(device.person).into_iter().filter(|target| *target != device) {
            if target.device != 0 {
                self.post(now, target, forwarded.clone());
            }
        }
    }

    /// Sends a receipt to a device, or to the person behind a phone.
    pub(super) fn post_receipt(&mut self, now: Timestamp, device: DeviceAddress, node: Node) {
        if device.device != 0 {
            return self.post(now, device, node);
        }
        let text = |key: &str| node.get(key).map(ToString::to_string);
        let kind = text("type").unwrap_or_else(|| "delivery".to_owned());
        let stanza = crate::binary::Stanza::from(&node);
        let ids = ids(stanza.root());
        let from = stanza.root().attr_jid("participant").or(stanza.root().attr_jid("from"));
        let Some(from) = from.and_then(|jid| self.accounts.find(&jid)) else { return };
        let from = self.accounts.people[from].jid(Server::User, 0).to_string();
        let record = &mut self.accounts.people[device.person];
        for id in &ids {
            record.phone.note_receipt(id, &kind);
        }
        let phone = record.pn.to_string();
        self.emit(SimEvent::Receipt { phone, from, kind, ids });
    }

    /// A receipt of a device about that chat.
    pub(super) fn receipt_from(&self, chat: &Jid, device: DeviceAddress) -> Node {
        let device = self.accounts.jid(device, self.namespace(chat));
        match chat.is_group() {
            true => Node::new("receipt").attr("from", chat).attr("participant", device),
            false => Node::new("receipt").attr("from", device),
        }
    }

    /// The receipt as others get it: from the device, in the namespace that it was addressed in, contents intact.
    fn forwarded(&self, now: Timestamp, device: DeviceAddress, to: &Jid, node: NodeRef<'_>) -> Node {
        let children = node.children().map(Node::from);
        let mut forwarded = self
            .receipt_from(to, device)
            .attr_opt("id", node.attr("id").cloned())
            .attr("t", now.as_secs())
            .attr_opt("type", node.attr("type").cloned())
            .attr_opt("recipient", node.attr("recipient").cloned());
        if node.children().len() > 0 {
            forwarded = forwarded.children(children);
        }
        forwarded
    }

    /// A device asks the sending device for a message again.
    fn forward_retry(
        &mut self,
        now: Timestamp,
        from: DeviceAddress,
        sender: DeviceAddress,
        to: &Jid,
        node: NodeRef<'_>,
    ) {
        if sender.device != 0 {
            let forwarded = self.forwarded(now, from, to, node);
            return self.post(now, sender, forwarded);
        }
        let retry = node.child("retry");
        let count = retry.and_then(|retry| retry.attr_text("count")?.parse().ok()).unwrap_or(1);
        if let (Some(id), true) = (node.attr_text("id"), count <= MAX_RETRIES) {
            self.resend_from_phone(now, sender.person, from, id, count);
        }
    }
}

/// The ids that a receipt is about.
fn ids(node: NodeRef<'_>) -> Vec<String> {
    let list = node.child("list").into_iter().flat_map(|list| list.children_named("item"));
    let listed = list.filter_map(|item| item.attr("id").map(ToString::to_string));
    node.attr("id").map(ToString::to_string).into_iter().chain(listed).collect()
}
