//! The reactions of simulated people and their phones to messages: show, confirm and answer them, and request
//! undecryptable ones again.
use whatsapp_store::Content;

use super::{
    accounts::{Behaviour, DeviceAddress},
    event::SimEvent,
    network::{Network, Scheduled, SimError},
    phone::{Opened, Shown},
    prekeys::bundle_nodes,
    reading,
    routing::Envelope,
};
use crate::{
    binary::{Content as Body, Node},
    jid::{Jid, Server},
    signal::{Address, SignalError},
    time::Timestamp,
};

/// How often a message is requested again, and sent again.
pub(super) const MAX_RETRIES: u8 = 5;

impl Network {
    /// A phone gets a message.
    pub(super) fn reach_phone(&mut self, now: Timestamp, envelope: &Envelope, person: usize, mut enc: Node) {
        self.maybe_corrupt_for_phone(person, &mut enc);
        let (Some(kind), Body::Bytes(bytes)) =
            (enc.get("type").and_then(|kind| kind.as_text()), &enc.content)
        else {
            return self.record_unknown("<enc> without type or bytes");
        };
        let sender = Address::from(&self.accounts.jid(envelope.sender, Server::Lid));
        let phone = &mut self.accounts.people[person].phone;
        let opened = phone.open(&sender, envelope, kind, bytes, &mut self.rng);
        let from_me = envelope.sender.person == person;
        match opened {
            Opened::Message(opened) => {
                if opened.copied_from.is_some() && !from_me {
                    return self.record_unknown("a device-sent message from another account");
                }
                self.shown(now, envelope, person, &opened.message);
            }
            Opened::Again if !from_me => self.phone_receipt(now, envelope, person),
            Opened::Again | Opened::Key => {}
            Opened::Failed(error) => self.ask_again(now, envelope, person, &enc, &error),
        }
    }

    fn shown(&mut self, now: Timestamp, envelope: &Envelope, person: usize, message: &[u8]) {
        let sender = envelope.sender.person;
        let other = if sender == person { self.accounts.find(&envelope.to) } else { Some(sender) };
        let chat = match other {
            _ if envelope.to.is_group() => envelope.to.clone(),
            Some(other) => self.accounts.people[other].jid(Server::User, 0),
            None => return,
        };
        let shown = self.show(now, person, sender, &envelope.id, &chat, message);
        if sender == person {
            return;
        }
        self.phone_receipt(now, envelope, person);
        // In groups people only listen: two echoing people would continue for ever.
        if let (Some(content), false) = (shown, envelope.to.is_group()) {
            self.react(now, envelope, person, &content);
        }
    }

    /// The phone shows a message if it is one for people. An edit shows in place of its message.
    pub(super) fn show(
        &mut self,
        now: Timestamp,
        person: usize,
        sender: usize,
        id: &str,
        chat: &Jid,
        message: &[u8],
    ) -> Option<Content> {
        let written_by = self.accounts.people[sender].jid(Server::User, 0).to_string();
        if self.show_edit(now, person, &written_by, chat, message) {
            return None;
        }
        let content = reading::shown(message)?;
        let shown = Shown {
            id: id.to_owned(),
            chat: chat.to_string(),
            sender: written_by,
            from_me: sender == person,
            content: content.clone(),
        };
        let record = &mut self.accounts.people[person];
        record.phone.inbox.messages.push(shown.clone());
        let phone = record.pn.to_string();
        self.emit(SimEvent::Message { phone, message: shown });
        Some(content)
    }

    fn react(&mut self, now: Timestamp, envelope: &Envelope, person: usize, content: &Content) {
        let record = &mut self.accounts.people[person];
        let text = content.as_text().unwrap_or("your message");
        let answer = match &record.behaviour {
            Behaviour::Silent | Behaviour::Receive => return,
            Behaviour::Read => None,
            Behaviour::Echo => Some(format!("echo: {text}")),
            Behaviour::Reply { texts } if texts.is_empty() => return,
            Behaviour::Reply { texts } => {
                let answer = texts[record.phone.replies % texts.len()].clone();
                record.phone.replies += 1;
                Some(answer)
            }
        };
        // Answered in the namespace that it was addressed in.
        let to = self.accounts.people[envelope.sender.person].jid(envelope.server, 0);
        let reply_delay = self.config.reply_delay;
        let read = Scheduled::Read { person, to: to.clone(), id: envelope.id.clone() };
        self.schedule(now + reply_delay / 2, read);
        if let Some(text) = answer {
            self.schedule(now + reply_delay, Scheduled::Reply { person, to, text });
        }
    }

    /// A phone sends a delivery receipt to the sender's devices.
    fn phone_receipt(&mut self, now: Timestamp, envelope: &Envelope, person: usize) {
        if self.accounts.people[person].behaviour == Behaviour::Silent {
            return;
        }
        let node = self.receipt_of_phone(now, person, &self.chat_of(envelope), &envelope.id);
        for device in self.accounts.devices(envelope.sender.person) {
            self.post_receipt(now, device, node.clone());
        }
    }

    /// A person's phone sends a read receipt to the message's writer.
    pub(super) fn read_by_phone(&mut self, now: Timestamp, person: usize, to: &Jid, id: &str) {
        let writer =
            if to.is_group() { self.writer_in_group(person, to, id) } else { self.accounts.find(to) };
        let Some(writer) = writer else { return };
        let node = self.receipt_of_phone(now, person, to, id).attr("type", "read");
        for device in self.accounts.devices(writer) {
            self.post_receipt(now, device, node.clone());
        }
    }

    /// The writer of a message that a phone shows under an id in a group.
    fn writer_in_group(&self, person: usize, group: &Jid, id: &str) -> Option<usize> {
        let group = group.to_string();
        let mut shown = self.accounts.people[person].phone.inbox.messages.iter().rev();
        let shown = shown.find(|shown| shown.id == id && shown.chat == group)?;
        self.accounts.find(&shown.sender.parse().ok()?)
    }

    /// A person reads a message, from a person or in a group; its sender gets a receipt.
    ///
    /// # Errors
    /// When one of the two has no account, or the phone shows no such message in that group.
    pub fn read_as(&mut self, now: Timestamp, phone: &str, chat: &Jid, id: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        match chat.is_group() {
            true => self
                .writer_in_group(person, chat, id)
                .ok_or_else(|| SimError::UnknownGroup(chat.to_string()))?,
            false => {
                self.accounts.find(chat).ok_or_else(|| SimError::UnknownPerson(chat.user.to_string()))?
            }
        };
        self.read_by_phone(now, person, &chat.to_non_device(), id);
        Ok(())
    }

    /// The chat that a message belongs to in its recipient's eyes: the group, or the sender.
    fn chat_of(&self, envelope: &Envelope) -> Jid {
        if envelope.to.is_group() {
            return envelope.to.clone();
        }
        self.accounts.jid(envelope.sender, envelope.server)
    }

    fn receipt_of_phone(&self, now: Timestamp, person: usize, chat: &Jid, id: &str) -> Node {
        let own = DeviceAddress { person, device: 0 };
        self.receipt_from(chat, own).attr("id", id).attr("t", now.as_secs())
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
        let bundle = self.accounts.people[person].phone.bundle(&mut self.rng);
        let mut node = self
            .receipt_of_phone(now, person, &self.chat_of(envelope), &envelope.id)
            .attr("type", "retry")
            .child(retry)
            .child(Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec()));
        if asked > 0 {
            node = node.child(Node::new("keys").children(bundle_nodes(&bundle)));
        }
        self.post(now, envelope.sender, node);
    }
}
