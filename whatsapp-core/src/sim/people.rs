//! What simulated people and their phones do: receive, answer, write, and ask again for what did not decrypt.
use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::Content;

use super::{
    accounts::{Behaviour, DeviceAddress},
    event::SimEvent,
    network::{Later, Network, SimError},
    phone::{Opened, Sent, Shown},
    prekeys::bundle_nodes,
    routing::Envelope,
};
use crate::{
    binary::{Content as Body, Node},
    jid::{Jid, Server},
    message::{content, device_sent, id},
    proto::message::Message,
    signal::{Address, CiphertextKind, SignalError},
    time::Timestamp,
};

/// So often a message is asked for again, and sent again.
pub(super) const MAX_RETRIES: u8 = 5;

impl Network {
    /// A phone gets a message.
    pub(super) fn reach_phone(&mut self, now: Timestamp, envelope: &Envelope, person: usize, mut enc: Node) {
        self.maybe_corrupt_for_phone(person, &mut enc);
        let (Some(kind), Body::Bytes(bytes)) =
            (enc.get("type").and_then(|kind| kind.as_text()), &enc.content)
        else {
            return self.note_unknown("<enc> without type or bytes");
        };
        let sender = Address::from(&self.accounts.jid(envelope.sender, Server::Lid));
        let opened =
            self.accounts.people[person].phone.open(&sender, kind, bytes, &envelope.id, &mut self.rng);
        let from_me = envelope.sender.person == person;
        match opened {
            Opened::Message(message) => {
                let (destination, message) = device_sent::unwrap(*message);
                if destination.is_some() && !from_me {
                    return self.note_unknown("a device-sent message from another account");
                }
                self.shown(now, envelope, person, from_me, &message);
            }
            Opened::Again if !from_me => self.phone_receipt(now, envelope, person),
            Opened::Again => {}
            Opened::Failed(error) => self.ask_again(now, envelope, person, &enc, &error),
        }
    }

    fn shown(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        person: usize,
        from_me: bool,
        message: &Message,
    ) {
        let other = if from_me { self.accounts.find(&envelope.to) } else { Some(envelope.sender.person) };
        let Some(other) = other else { return };
        let chat = self.accounts.people[other].jid(Server::User, 0);
        let shown = self.show(person, &envelope.id, &chat, from_me, message);
        if from_me {
            return;
        }
        self.phone_receipt(now, envelope, person);
        let Some(content) = shown else { return };
        self.react(now, envelope, person, &content);
    }

    /// The phone shows a message if it is one for people.
    fn show(
        &mut self,
        person: usize,
        id: &str,
        chat: &Jid,
        from_me: bool,
        message: &Message,
    ) -> Option<Content> {
        let content = content::from_proto(message)?;
        let shown = Shown { id: id.to_owned(), chat: chat.to_string(), from_me, content: content.clone() };
        let record = &mut self.accounts.people[person];
        record.phone.inbox.messages.push(shown.clone());
        let phone = record.pn.to_string();
        self.tell(SimEvent::Message { phone, message: shown });
        Some(content)
    }

    fn react(&mut self, now: Timestamp, envelope: &Envelope, person: usize, content: &Content) {
        let record = &mut self.accounts.people[person];
        let text = content.as_text().unwrap_or("your message");
        let answer = match &record.behaviour {
            Behaviour::Silent | Behaviour::Receive => return,
            Behaviour::Echo => format!("echo: {text}"),
            Behaviour::Reply { texts } if texts.is_empty() => return,
            Behaviour::Reply { texts } => {
                let answer = texts[record.phone.replies % texts.len()].clone();
                record.phone.replies += 1;
                answer
            }
        };
        // Answered in the namespace that it was addressed in.
        let to = self.accounts.people[envelope.sender.person].jid(envelope.server(), 0);
        let thinking = self.config.thinking;
        let read = Later::Read { person, to: to.clone(), id: envelope.id.clone() };
        self.schedule(now + thinking / 2, read);
        self.schedule(now + thinking, Later::Say { person, to, text: answer });
    }

    /// A phone tells the sender's devices that a message arrived.
    fn phone_receipt(&mut self, now: Timestamp, envelope: &Envelope, person: usize) {
        if self.accounts.people[person].behaviour == Behaviour::Silent {
            return;
        }
        let from = self.accounts.people[person].jid(envelope.server(), 0);
        let node = receipt(now, &from, &envelope.id);
        for device in self.accounts.devices(envelope.sender.person) {
            self.post_receipt(now, device, node.clone());
        }
    }

    /// A person's phone tells that a message was read.
    pub(super) fn read_by_phone(&mut self, now: Timestamp, person: usize, to: &Jid, id: &str) {
        let Some(other) = self.accounts.find(to) else { return };
        let from = self.accounts.people[person].jid(to.server, 0);
        let node = receipt(now, &from, id).attr("type", "read");
        for device in self.accounts.devices(other) {
            self.post_receipt(now, device, node.clone());
        }
    }

    /// A phone could not decrypt: it asks the sending device for the message again, with fresh keys from the second
    /// time on.
    fn ask_again(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        person: usize,
        enc: &Node,
        error: &SignalError,
    ) {
        let asked: u8 = enc.get("count").and_then(|count| count.as_text()?.parse().ok()).unwrap_or(0);
        if asked >= MAX_RETRIES {
            return;
        }
        let retry = Node::new("retry")
            .attr("v", "1")
            .attr("count", asked + 1)
            .attr("id", envelope.id.as_str())
            .attr("t", now.as_secs())
            .attr("error", error.retry_reason());
        let from = self.accounts.people[person].jid(envelope.server(), 0);
        let bundle = self.accounts.people[person].phone.bundle(&mut self.rng);
        let mut node = receipt(now, &from, &envelope.id)
            .attr("type", "retry")
            .child(retry)
            .child(Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec()));
        if asked > 0 {
            node = node.child(Node::new("keys").children(bundle_nodes(&bundle)));
        }
        self.post(now, envelope.sender, node);
    }

    /// Writes as somebody, from their phone, to a number or LID; gives the message's id.
    ///
    /// # Errors
    /// When one of the two has no account.
    pub fn send_as(&mut self, now: Timestamp, phone: &str, to: &Jid, text: &str) -> Result<String, SimError> {
        let person = self.person(phone)?;
        self.say(now, person, to, text)
    }

    /// Somebody reads a message; the sender is told.
    ///
    /// # Errors
    /// When one of the two has no account.
    pub fn read_as(&mut self, now: Timestamp, phone: &str, chat: &Jid, id: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        self.accounts.find(chat).ok_or_else(|| SimError::UnknownPerson(chat.user.to_string()))?;
        self.read_by_phone(now, person, &chat.to_non_device(), id);
        Ok(())
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
        self.show(person, &id, &chat, true, &message);
        let copy = Bytes::from(device_sent::wrap(to, message).encode_to_vec());
        let sender = DeviceAddress { person, device: 0 };
        let mut targets = self.accounts.devices(other);
        targets.extend(self.accounts.devices(person));
        targets.sort();
        targets.dedup();
        let envelope = Envelope::of_phone(person, &id, to);
        let sent = Sent { envelope: envelope.clone(), payload: payload.clone() };
        self.accounts.people[person].phone.sent.insert(id.clone(), sent);
        for target in targets.into_iter().filter(|target| *target != sender) {
            let plaintext = if target.person == person { &copy } else { &payload };
            self.send_from_phone(now, &envelope, target, plaintext, None);
        }
        Ok(id)
    }

    /// A phone is asked for a message of its own again: it sends it again, in a new session when it is asked for the
    /// second time.
    pub(super) fn say_again(
        &mut self,
        now: Timestamp,
        person: usize,
        target: DeviceAddress,
        id: &str,
        count: u8,
    ) {
        let Some(Sent { envelope, payload }) = self.accounts.people[person].phone.sent.get(id).cloned()
        else {
            return;
        };
        if count >= 2 && !self.phone_session(now, person, target) {
            return;
        }
        let plaintext = if target.person == person && !envelope.is_peer() {
            let message = Message::decode(payload).unwrap_or_default();
            Bytes::from(device_sent::wrap(&envelope.to, message).encode_to_vec())
        } else {
            payload
        };
        self.send_from_phone(now, &envelope, target, &plaintext, Some(count));
    }

    /// Encrypts for one device and routes it. A device that has not uploaded its prekeys yet gets nothing.
    pub(super) fn send_from_phone(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        target: DeviceAddress,
        plaintext: &[u8],
        count: Option<u8>,
    ) {
        let person = envelope.sender.person;
        let address = Address::from(&self.accounts.jid(target, Server::Lid));
        let has_session = self.accounts.people[person].phone.has_session(&address);
        if !has_session && !self.phone_session(now, person, target) {
            return;
        }
        let phone = &mut self.accounts.people[person].phone;
        let Some(sealed) = phone.seal(&address, plaintext, &mut self.rng) else { return };
        let kind = if sealed.kind == CiphertextKind::PreKey { "pkmsg" } else { "msg" };
        let enc = Node::new("enc").attr("v", "2").attr("type", kind).attr_opt("count", count);
        self.route(now, envelope, target, enc.bytes(sealed.bytes));
    }

    /// A session of a phone with a device, from the device's bundle.
    fn phone_session(&mut self, now: Timestamp, person: usize, target: DeviceAddress) -> bool {
        let bundle = match target.device {
            0 => Some(self.accounts.people[target.person].phone.bundle(&mut self.rng)),
            _ => self.take_bundle(now, target),
        };
        let Some(bundle) = bundle else { return false };
        let address = Address::from(&self.accounts.jid(target, Server::Lid));
        self.accounts.people[person].phone.start_session(address, &bundle, &mut self.rng).is_ok()
    }
}

fn receipt(now: Timestamp, from: &Jid, id: &str) -> Node {
    Node::new("receipt").attr("from", from).attr("id", id).attr("t", now.as_secs())
}
