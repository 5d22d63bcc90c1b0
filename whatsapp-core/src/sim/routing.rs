//! Messages of clients: their senders, recipient devices and forms.
use std::collections::BTreeMap;

use super::{
    accounts::DeviceAddress,
    forgery::Encryption,
    network::{ConnectionId, Network},
};
use crate::{
    binary::{Node, NodeRef, Value},
    jid::{Jid, Server},
    time::Timestamp,
};

/// Attributes of a message that are passed on unchanged.
const FORWARDED_ATTRIBUTES: [&str; 4] = ["edit", "category", "addressing_mode", "recipient"];
/// Children of a message that are passed on unchanged.
const FORWARDED_CHILDREN: [&str; 3] = ["device-identity", "meta", "biz"];

/// A message on its way, apart from its ciphertexts.
#[derive(Clone)]
pub(super) struct Envelope {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sender: DeviceAddress,
    /// The chat as the sender addressed it.
    pub(super) to: Jid,
    /// The namespace that people are named in: that of the chat.
    pub(super) server: Server,
    pub(super) shared: Vec<Node>,
    pub(super) forwarded: Vec<(&'static str, Value)>,
    /// Attributes of the stanza as it arrives, instead of the true ones; `None` removes one.
    pub(super) untrue: Vec<(&'static str, Option<Value>)>,
    pub(super) encryption: Encryption,
}

impl Envelope {
    /// A text of a phone.
    pub(super) fn of_phone(person: usize, id: &str, to: &Jid, server: Server) -> Self {
        Self {
            id: id.to_owned(),
            kind: "text".to_owned(),
            sender: DeviceAddress { person, device: 0 },
            to: to.to_non_device(),
            server,
            shared: Vec::new(),
            forwarded: Vec::new(),
            untrue: Vec::new(),
            encryption: Encryption::Sound,
        }
    }

    fn parse(sender: DeviceAddress, id: &str, to: &Jid, server: Server, node: NodeRef<'_>) -> Self {
        let forwarded = FORWARDED_ATTRIBUTES.iter().filter_map(|key| Some((*key, node.attr(key)?.clone())));
        let shared = node.children().filter(|child| FORWARDED_CHILDREN.contains(&child.tag()));
        Self {
            id: id.to_owned(),
            kind: node.attr_text("type").unwrap_or("text").to_owned(),
            sender,
            to: to.clone(),
            server,
            shared: shared.map(Node::from).collect(),
            forwarded: forwarded.collect(),
            untrue: Vec::new(),
            encryption: Encryption::Sound,
        }
    }

    /// Is it between own devices only, such as a key for app state?
    pub(super) fn is_peer(&self) -> bool {
        self.forwarded.iter().any(|(key, value)| *key == "category" && *value == *"peer")
    }
}

impl Network {
    /// A client sends a message.
    pub(super) fn on_message(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        sender: DeviceAddress,
        node: NodeRef<'_>,
    ) {
        let (Some(id), Some(to)) = (node.attr_text("id"), node.attr_jid("to")) else {
            return self.record_unknown("<message> without id or recipient");
        };
        let refusal = self.refusal_of_message(&to);
        let ack = Node::new("ack")
            .attr("class", "message")
            .attr("id", id)
            .attr("from", &to)
            .attr("t", now.as_secs())
            .attr_opt("error", refusal);
        self.send_over_faults(now, connection, ack);
        if refusal.is_some() {
            return;
        }
        let envelope = Envelope::parse(sender, id, &to, self.namespace(&to), node);
        if to.is_group() {
            return self.on_group_message(now, &envelope, node);
        }
        for (target, enc) in copies(node, &to) {
            match self.accounts.device(&target) {
                // A device that writes to itself gets no copy.
                Some(device) if device == sender => self.record_unknown("<message> to the sending device"),
                Some(device) => self.route(now, &envelope, device, vec![enc]),
                None => self.record_unknown("<message> to an unknown device"),
            }
        }
    }

    /// A message to a group: a ciphertext for all with the keys that some still need, or one that is sent again to
    /// one device.
    fn on_group_message(&mut self, now: Timestamp, envelope: &Envelope, node: NodeRef<'_>) {
        let sender = envelope.sender;
        let members = self.members(&envelope.to);
        if !members.contains(&sender.person) {
            return self.record_unknown("<message> to a group of others");
        }
        if let Some(target) = node.attr_jid("participant") {
            let again = copies(node, &target).pop().map(|(_, enc)| enc);
            let device = self.accounts.device(&target).filter(|device| members.contains(&device.person));
            return match (again, device) {
                (Some(enc), Some(device)) => self.route(now, envelope, device, vec![enc]),
                _ => self.record_unknown("<message> to an unknown device"),
            };
        }
        let keys = participants(node).filter_map(|(jid, enc)| Some((self.accounts.device(&jid)?, enc)));
        let mut keys: BTreeMap<DeviceAddress, Node> = keys.collect();
        let Some(for_all) = node.child("enc").map(Node::from) else { return };
        let devices: Vec<_> = members.iter().flat_map(|member| self.accounts.devices(*member)).collect();
        for device in devices.into_iter().filter(|device| *device != sender) {
            let copies = keys.remove(&device).into_iter().chain([for_all.clone()]).collect();
            self.route(now, envelope, device, copies);
        }
    }

    /// By LID or by number, as in that chat.
    pub(super) fn namespace(&self, chat: &Jid) -> Server {
        match self.group(chat) {
            Some(group) => group.mode,
            None if chat.is_lid() => Server::Lid,
            None => Server::User,
        }
    }

    /// Takes one device's copy to that device.
    pub(super) fn route(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        device: DeviceAddress,
        copies: Vec<Node>,
    ) {
        self.accounts.add_contact(envelope.sender.person, device.person);
        if device.device == 0 {
            for enc in copies {
                self.reach_phone(now, envelope, device.person, enc);
            }
            return;
        }
        let node = self.header(now, envelope, device);
        self.post(now, device, node.children(copies).children(envelope.shared.iter().cloned()));
    }

    /// The message as the device gets it, without contents. Everyone is named in the namespace of the chat, with the
    /// other name beside it.
    fn header(&self, now: Timestamp, envelope: &Envelope, device: DeviceAddress) -> Node {
        let server = envelope.server;
        let other = if server == Server::Lid { Server::User } else { Server::Lid };
        let sender = self.accounts.jid(envelope.sender, server);
        let mut node = Node::new("message")
            .attr("from", if envelope.to.is_group() { &envelope.to } else { &sender })
            .attr("id", envelope.id.as_str())
            .attr("type", envelope.kind.as_str())
            .attr("t", now.as_secs())
            .attr("notify", self.accounts.people[envelope.sender.person].name.as_str());
        for (key, value) in &envelope.forwarded {
            node.set(key, value.clone());
        }
        if let Some(group) = self.group(&envelope.to) {
            let (other, key) = group.other();
            node.set("participant", sender);
            node.set(key, self.accounts.jid(envelope.sender, other).to_non_device());
            node.set("addressing_mode", group.mode_text());
        } else if device.person != envelope.sender.person {
            let alternate = self.accounts.jid(envelope.sender, other).to_non_device();
            node.set(if other == Server::User { "sender_pn" } else { "sender_lid" }, alternate);
        } else if !envelope.is_peer() {
            // Own message from another device: it names the chat instead of the sender's other address.
            node.set("recipient", envelope.to.to_non_device());
            if let Some(person) = self.accounts.find(&envelope.to) {
                let alternate = self.accounts.people[person].jid(other, 0);
                node.set(
                    if other == Server::User { "peer_recipient_pn" } else { "peer_recipient_lid" },
                    alternate,
                );
            }
        }
        for (key, value) in &envelope.untrue {
            match value {
                Some(value) => node.set(key, value.clone()),
                None => node.attrs.retain(|attr| attr.key != *key),
            }
        }
        node
    }
}

/// The ciphertexts of a message and their devices: one per participant, and a bare one for the recipient itself.
/// If both are for the same device, as in resends of Baileys, the bare one counts.
fn copies(node: NodeRef<'_>, to: &Jid) -> Vec<(Jid, Node)> {
    // A bare ciphertext is for one device. Baileys repeats a resend under <participants>, which is not for
    // delivery then.
    if let Some(enc) = node.child("enc") {
        return vec![(to.clone(), Node::from(enc))];
    }
    participants(node).collect()
}

fn participants(node: NodeRef<'_>) -> impl Iterator<Item = (Jid, Node)> {
    let list = node.child("participants").into_iter().flat_map(|list| list.children_named("to"));
    list.filter_map(|entry| Some((entry.attr_jid("jid")?, Node::from(entry.child("enc")?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::Stanza;

    #[test]
    fn a_bare_ciphertext_replaces_the_participants() {
        let enc = |kind| Node::new("enc").attr("type", kind);
        let to = Jid::pn("1").with_device(2);
        let entry = |jid: &Jid| Node::new("to").attr("jid", jid).child(enc("msg"));
        let other = Jid::pn("1");
        let participants = Node::new("participants").children([entry(&other), entry(&to)]);
        let message = Node::new("message").child(participants);
        let all = |message: &Node| {
            copies(Stanza::from(message).root(), &to)
                .into_iter()
                .map(|(jid, enc)| (jid, enc.get("type").unwrap().to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(all(&message), [(other, "msg".to_owned()), (to.clone(), "msg".to_owned())]);
        let message = message.child(enc("pkmsg"));
        assert_eq!(all(&message), [(to.clone(), "pkmsg".to_owned())]);
    }
}
