//! The common context of all flows: the time, our own device, the store's records, the connection, and the current step.
//!
//! Flows own their state between stanzas and take this by reference; no flow sees another.
use whatsapp_store::{Change, MessageKey, MessageStatus};

use super::{
    Reply, Request, RequestId, Step,
    link::Link,
    loads::{Lookup, WorkingSet},
    own::Own,
};
use crate::{
    binary::{Node, NodeRef},
    config::Addressing,
    event::Event,
    jid::Jid,
    stanza::ack,
    time::Timestamp,
};

#[derive(Debug)]
pub(super) struct Context {
    /// The time of the current input.
    pub(super) now: Timestamp,
    pub(super) own: Own,
    pub(super) loads: WorkingSet,
    pub(super) link: Link,
    pub(super) step: Step,
}

impl Context {
    pub(super) fn change(&mut self, change: impl Into<Change>) {
        self.step.changes.push(change);
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.step.events.push(event);
    }

    pub(super) fn reply(&mut self, request_id: RequestId, reply: Reply) {
        self.step.replies.push((request_id, reply));
    }

    /// Sends an `iq` and notes its purpose.
    pub(super) fn request(&mut self, mut node: Node, request: Request) {
        let id = self.link.requests.register(self.now, request);
        node.set("id", id);
        self.transmit(&node);
    }

    /// Answers a stanza with a plain acknowledgement, or with one that carries an error.
    pub(super) fn acknowledge(&mut self, node: NodeRef<'_>, error: Option<u16>) {
        if let Some(answer) = ack::ack_for(node, error) {
            self.transmit(&answer);
        }
    }

    /// How a person is addressed on the wire, without device.
    pub(super) fn wire_address(&mut self, user: &Jid) -> Lookup<Jid> {
        let address = match self.own.config.profile.addressing() {
            Addressing::Lid => self.loads.lid_of(user)?,
            Addressing::Number => self.loads.pn_of(user)?,
        };
        Ok(address.unwrap_or_else(|| user.clone()).to_non_device())
    }

    /// The number beside a destination that is addressed by LID.
    pub(super) fn peer_number(&mut self, destination: &Jid) -> Lookup<Option<Jid>> {
        if self.own.config.profile.addressing() != Addressing::Lid || !destination.is_lid() {
            return Ok(None);
        }
        self.loads.pn_of(destination)
    }

    /// The key of our message in the chat with that person.
    pub(super) fn key_of_own(&mut self, chat: &Jid, id: &str) -> Lookup<MessageKey> {
        let chat = self.loads.chat(chat)?.to_string();
        Ok(MessageKey { chat, sender: self.own.sender().to_string(), id: id.to_owned() })
    }

    /// Raises a known status, and reports it.
    pub(super) fn raise(&mut self, key: MessageKey, status: MessageStatus) -> Lookup {
        if self.loads.status(&key)?.is_none_or(|known| known.rises_to(status)) {
            self.loads.put_status(key.clone(), status);
            self.change(Change::RaiseStatus(key.clone(), status));
            self.tell(Event::Status { key, status });
        }
        Ok(())
    }
}
