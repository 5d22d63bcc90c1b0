//! Messages and receipts: from whom, to which devices, in which form.
use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::Content;

use super::{
    accounts::{Behaviour, DeviceAddress},
    event::SimEvent,
    network::{ConnectionId, Later, Network, SimError},
    phone::{Opened, Shown},
};
use crate::{
    binary::{Content as Body, Node, NodeRef},
    jid::{Jid, Server},
    message::{content, device_sent, id},
    proto::message::Message,
    signal::{Address, CiphertextKind, SignalError},
    time::Timestamp,
};

/// Attributes of a message that reach the recipient as they were sent.
const PASSED_ON: [&str; 4] = ["edit", "category", "addressing_mode", "recipient"];
/// The `error` of a retry receipt when there is no session.
const MAX_RETRIES: u8 = 5;

/// A message on its way to one device.
struct Envelope<'a> {
    id: &'a str,
    kind: &'a str,
    sender: DeviceAddress,
    /// The chat as the sender addressed it.
    to: Jid,
    extra: Vec<Node>,
    passed_on: Vec<(&'static str, crate::binary::Value)>,
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
            return self.note_unknown("<message> without id or recipient");
        };
        let ack = Node::new("ack")
            .attr("class", "message")
            .attr("id", id)
            .attr("from", &to)
            .attr("t", now.as_secs());
        self.send(connection, &ack);
        let passed_on = PASSED_ON.iter().filter_map(|key| Some((*key, node.attr(key)?.clone())));
        let extra = node.children().filter(|child| matches!(child.tag(), "device-identity" | "meta"));
        let envelope = Envelope {
            id,
            kind: node.attr_text("type").unwrap_or("text"),
            sender,
            to: to.clone(),
            extra: extra.map(Node::from).collect(),
            passed_on: passed_on.collect(),
        };
        let participants = node.child("participants").into_iter().flat_map(|list| list.children_named("to"));
        let mut copies: Vec<(Jid, Node)> = participants
            .filter_map(|entry| Some((entry.attr_jid("jid")?, Node::from(entry.child("enc")?))))
            .collect();
        if let Some(enc) = node.child("enc") {
            copies.push((to, Node::from(enc)));
        }
        for (target, enc) in copies {
            match self.accounts.device(&target) {
                Some(device) => self.route(now, &envelope, device, enc),
                None => self.note_unknown("<message> to an unknown device"),
            }
        }
    }

    fn route(&mut self, now: Timestamp, envelope: &Envelope<'_>, device: DeviceAddress, enc: Node) {
        if device.device == 0 {
            return self.reach_phone(now, envelope, device.person, &enc);
        }
        let by_lid = envelope.to.is_lid();
        let (server, other) = if by_lid { (Server::Lid, Server::User) } else { (Server::User, Server::Lid) };
        let mut node = Node::new("message")
            .attr("from", self.accounts.jid(envelope.sender, server))
            .attr("id", envelope.id)
            .attr("type", envelope.kind)
            .attr("t", now.as_secs())
            .attr("notify", self.accounts.people[envelope.sender.person].name.as_str());
        let alternate = self.accounts.jid(envelope.sender, other).to_non_device();
        node.set(if by_lid { "sender_pn" } else { "sender_lid" }, alternate);
        for (key, value) in &envelope.passed_on {
            node.set(key, value.clone());
        }
        if device.person == envelope.sender.person && node.get("recipient").is_none() {
            node.set("recipient", envelope.to.to_non_device());
        }
        self.post(now, device, node.child(enc).children(envelope.extra.iter().cloned()));
    }

    /// Damages a ciphertext when that was asked for.
    pub(super) fn maybe_corrupt(&mut self, connection: ConnectionId, mut node: Node) -> Node {
        if node.tag != "message" {
            return node;
        }
        let address = self.links.get(&connection).and_then(super::link::Link::device);
        let asked = address
            .and_then(|address| self.accounts.companion(address))
            .is_some_and(|companion| std::mem::take(&mut companion.corrupt_next));
        let chance = self.faults.get("client").cloned().unwrap_or_default();
        if !asked && !chance.corrupts(&mut self.rng) {
            return node;
        }
        if let Body::Nodes(children) = &mut node.content {
            for enc in children.iter_mut().filter(|child| child.tag == "enc") {
                if let Body::Bytes(bytes) = &mut enc.content {
                    let mut damaged = bytes.to_vec();
                    if let Some(last) = damaged.last_mut() {
                        *last ^= 0x55;
                    }
                    // The inner message of a pkmsg is not at the end: damage the middle too.
                    let middle = damaged.len() / 2;
                    if let Some(byte) = damaged.get_mut(middle) {
                        *byte ^= 0x55;
                    }
                    *bytes = damaged.into();
                }
            }
        }
        node
    }

    /// A phone gets a message.
    fn reach_phone(&mut self, now: Timestamp, envelope: &Envelope<'_>, person: usize, enc: &Node) {
        let (Some(kind), Body::Bytes(bytes)) =
            (enc.get("type").and_then(|kind| kind.as_text()), &enc.content)
        else {
            return self.note_unknown("<enc> without type or bytes");
        };
        let sender_jid = self.accounts.jid(envelope.sender, Server::Lid);
        let sender = Address::from(&sender_jid);
        let opened =
            self.accounts.people[person].phone.open(&sender, kind, bytes, envelope.id, &mut self.rng);
        let from_me = envelope.sender.person == person;
        match opened {
            Opened::Message(message) => {
                let (destination, message) = device_sent::unwrap(*message);
                if destination.is_some() && !from_me {
                    return self.note_unknown("a device-sent message from another account");
                }
                self.shown(now, envelope, person, from_me, &message);
            }
            Opened::Again if !from_me => self.phone_receipt(now, envelope, person, None),
            Opened::Again => {}
            Opened::Failed(error) => self.ask_again(now, envelope, person, enc, &error),
        }
    }

    fn shown(
        &mut self,
        now: Timestamp,
        envelope: &Envelope<'_>,
        person: usize,
        from_me: bool,
        message: &Message,
    ) {
        let other = if from_me { self.accounts.find(&envelope.to) } else { Some(envelope.sender.person) };
        let Some(other) = other else { return };
        let chat = self.accounts.people[other].jid(Server::User, 0);
        let shown = self.accounts.people[person].phone.show(envelope.id, &chat, from_me, message);
        if let Some(content) = shown.clone() {
            let phone = self.accounts.people[person].pn.to_string();
            let message = Shown { id: envelope.id.to_owned(), chat: chat.to_string(), from_me, content };
            self.tell(SimEvent::Message { phone, message });
        }
        if from_me {
            return;
        }
        self.phone_receipt(now, envelope, person, None);
        let Some(content) = shown else { return };
        self.react(now, envelope, person, &content);
    }

    fn react(&mut self, now: Timestamp, envelope: &Envelope<'_>, person: usize, content: &Content) {
        let person_record = &mut self.accounts.people[person];
        let text = content.as_text().unwrap_or("your message");
        let answer = match &person_record.behaviour {
            Behaviour::Silent | Behaviour::Receive => return,
            Behaviour::Echo => format!("echo: {text}"),
            Behaviour::Reply { texts } if texts.is_empty() => return,
            Behaviour::Reply { texts } => {
                let answer = texts[person_record.phone.replies % texts.len()].clone();
                person_record.phone.replies += 1;
                answer
            }
        };
        // Answered in the namespace that it was addressed in.
        let server = if envelope.to.is_lid() { Server::Lid } else { Server::User };
        let to = self.accounts.jid(DeviceAddress { device: 0, ..envelope.sender }, server);
        let thinking = self.config.thinking;
        let read = Later::Read { person, to: to.clone(), id: envelope.id.to_owned() };
        self.schedule(now + thinking / 2, read);
        self.schedule(now + thinking, Later::Say { person, to, text: answer });
    }

    /// A receipt of a phone to the sender's devices.
    fn phone_receipt(
        &mut self,
        now: Timestamp,
        envelope: &Envelope<'_>,
        person: usize,
        kind: Option<&'static str>,
    ) {
        if self.accounts.people[person].behaviour == Behaviour::Silent {
            return;
        }
        let server = if envelope.to.is_lid() { Server::Lid } else { Server::User };
        let node = Node::new("receipt")
            .attr("from", self.accounts.people[person].jid(server, 0))
            .attr("id", envelope.id)
            .attr("t", now.as_secs())
            .attr_opt("type", kind);
        for device in self.accounts.devices(envelope.sender.person) {
            self.post(now, device, node.clone());
        }
    }

    /// A person's phone tells that a message was read.
    pub(super) fn read_by_phone(&mut self, now: Timestamp, person: usize, to: &Jid, id: &str) {
        let node = Node::new("receipt")
            .attr("from", self.accounts.people[person].jid(to.server, 0))
            .attr("id", id)
            .attr("t", now.as_secs())
            .attr("type", "read");
        let Some(other) = self.accounts.find(to) else { return };
        for device in self.accounts.devices(other) {
            self.post(now, device, node.clone());
        }
    }

    /// A phone could not decrypt: it asks the sending device for the message again, with fresh keys from the second
    /// time on.
    fn ask_again(
        &mut self,
        now: Timestamp,
        envelope: &Envelope<'_>,
        person: usize,
        enc: &Node,
        error: &SignalError,
    ) {
        let asked: u8 = enc.get("count").and_then(|count| count.as_text()?.parse().ok()).unwrap_or(0);
        if asked >= MAX_RETRIES {
            return;
        }
        let server = if envelope.to.is_lid() { Server::Lid } else { Server::User };
        let retry = Node::new("retry")
            .attr("v", "1")
            .attr("count", asked + 1)
            .attr("id", envelope.id)
            .attr("t", now.as_secs())
            .attr("error", error.retry_reason());
        let bundle = self.accounts.people[person].phone.bundle(&mut self.rng);
        let mut node = Node::new("receipt")
            .attr("from", self.accounts.people[person].jid(server, 0))
            .attr("id", envelope.id)
            .attr("t", now.as_secs())
            .attr("type", "retry")
            .child(retry)
            .child(Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec()));
        if asked > 0 {
            node = node.child(Node::new("keys").children(super::iq::bundle_nodes(&bundle)));
        }
        self.post(now, envelope.sender, node);
    }

    /// Writes as somebody, from their phone, to a number or LID.
    ///
    /// # Errors
    /// When one of the two has no account.
    pub fn send_as(&mut self, now: Timestamp, phone: &str, to: &Jid, text: &str) -> Result<String, SimError> {
        let person = self.person(phone)?;
        self.say(now, person, to, text)
    }

    pub(super) fn say(
        &mut self,
        now: Timestamp,
        person: usize,
        to: &Jid,
        text: &str,
    ) -> Result<String, SimError> {
        let other = self.accounts.find(to).ok_or_else(|| SimError::UnknownPerson(to.user.to_string()))?;
        let own = self.accounts.people[person].jid(Server::User, 0);
        let id = id::generate(now, &own, &mut self.rng).to_string();
        let message = content::to_proto(&Content::text(text), &mut self.rng).unwrap_or_default();
        let payload = Bytes::from(message.encode_to_vec());
        let chat = self.accounts.people[other].jid(Server::User, 0);
        let own_phone = &mut self.accounts.people[person].phone;
        own_phone.sent.insert(id.clone(), (to.clone(), payload.clone()));
        own_phone.show(&id, &chat, true, &message);
        let copy = Bytes::from(device_sent::wrap(to, message).encode_to_vec());
        let sender = DeviceAddress { person, device: 0 };
        let mut targets = self.accounts.devices(other);
        targets.extend(self.accounts.devices(person));
        targets.sort();
        targets.dedup();
        for target in targets.into_iter().filter(|target| *target != sender) {
            let plaintext = if target.person == person { &copy } else { &payload };
            self.send_from_phone(now, person, target, to, &id, plaintext, None);
        }
        Ok(id)
    }

    /// Encrypts for one device and routes it.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the message")]
    fn send_from_phone(
        &mut self,
        now: Timestamp,
        person: usize,
        target: DeviceAddress,
        to: &Jid,
        id: &str,
        plaintext: &[u8],
        count: Option<u8>,
    ) {
        let address = Address::from(&self.accounts.jid(target, Server::Lid));
        let ready =
            self.accounts.people[person].phone.has_session(&address) || self.phone_session(person, target);
        if !ready {
            return self.note_unknown("a device without prekeys");
        }
        let Some(sealed) = self.accounts.people[person].phone.seal(&address, plaintext, &mut self.rng) else {
            return;
        };
        let kind = if sealed.kind == CiphertextKind::PreKey { "pkmsg" } else { "msg" };
        let enc =
            Node::new("enc").attr("v", "2").attr("type", kind).attr_opt("count", count).bytes(sealed.bytes);
        let envelope = Envelope {
            id,
            kind: "text",
            sender: DeviceAddress { person, device: 0 },
            to: to.to_non_device(),
            extra: Vec::new(),
            passed_on: Vec::new(),
        };
        self.route(now, &envelope, target, enc);
    }

    /// A session of a phone with a device, from the device's bundle.
    fn phone_session(&mut self, person: usize, target: DeviceAddress) -> bool {
        let bundle = match target.device {
            0 => Some(self.accounts.people[target.person].phone.bundle(&mut self.rng)),
            _ => self.take_bundle(target),
        };
        let Some(bundle) = bundle else { return false };
        let address = Address::from(&self.accounts.jid(target, Server::Lid));
        self.accounts.people[person].phone.start_session(address, &bundle, &mut self.rng).is_ok()
    }

    /// A client sends a receipt.
    pub(super) fn on_receipt(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        device: DeviceAddress,
        node: NodeRef<'_>,
    ) {
        let (Some(id), Some(to)) = (node.attr_text("id"), node.attr_jid("to")) else {
            return self.note_unknown("<receipt> without id or recipient");
        };
        let kind = node.attr_text("type");
        let ack =
            Node::new("ack").attr("class", "receipt").attr("id", id).attr("from", &to).attr_opt("type", kind);
        self.send(connection, &ack);
        if !matches!(kind, Some("read" | "read-self" | "played")) {
            let answered =
                self.accounts.companion(device).and_then(|c| c.mailbox.answered("message", id, Some(&to)));
            drop(answered);
        }
        let Some(other) = self.accounts.find(&to) else { return };
        match kind {
            Some("sender" | "peer_msg" | "hist_sync" | "read-self" | "server-error") => {}
            Some("retry") => {
                self.forward_retry(now, device, DeviceAddress { person: other, device: to.device }, &to, node)
            }
            _ => {
                let forwarded = self.forwarded(now, device, &to, node);
                for target in self.accounts.devices(other) {
                    self.post(now, target, forwarded.clone());
                }
            }
        }
    }

    fn forwarded(&self, now: Timestamp, device: DeviceAddress, to: &Jid, node: NodeRef<'_>) -> Node {
        let server = if to.is_lid() { Server::Lid } else { Server::User };
        let children = node.children().map(Node::from);
        let mut forwarded = Node::new("receipt")
            .attr("from", self.accounts.jid(device, server))
            .attr_opt("id", node.attr("id").cloned())
            .attr("t", now.as_secs())
            .attr_opt("type", node.attr("type").cloned())
            .attr_opt("recipient", node.attr("recipient").cloned());
        if node.children().len() > 0 {
            forwarded = forwarded.children(children);
        }
        forwarded
    }

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
        // The phone sends it again, with a new session when it is asked for the second time.
        let retry = node.child("retry");
        let count: u8 = retry.and_then(|retry| retry.attr_text("count")?.parse().ok()).unwrap_or(1);
        let Some(id) = node.attr_text("id") else { return };
        let Some((chat, payload)) = self.accounts.people[sender.person].phone.sent.get(id).cloned() else {
            return;
        };
        if count > MAX_RETRIES {
            return;
        }
        if count >= 2 && !self.phone_session(sender.person, from) {
            return self.note_unknown("a device without prekeys");
        }
        let plaintext = if from.person == sender.person {
            let message = Message::decode(payload).unwrap_or_default();
            Bytes::from(device_sent::wrap(&chat, message).encode_to_vec())
        } else {
            payload
        };
        self.send_from_phone(now, sender.person, from, &chat, id, &plaintext, Some(count));
    }
}
