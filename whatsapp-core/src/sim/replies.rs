//! Messages that simulated people send from their phones: to one person, to a group, and again to a device that asks.
use bytes::Bytes;
use whatsapp_store::Content;

use super::{
    accounts::DeviceAddress,
    contents::encode,
    forgery::RawMessage,
    network::{Network, SimError},
    payload,
    phone::Sent,
    routing::Envelope,
};
use crate::{
    binary::Node,
    jid::{Jid, Server},
    signal::{Address, CiphertextKind},
    time::Timestamp,
};

impl Network {
    /// Sends a text from a person's phone to a number, a LID or a group. Returns the message's id.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group.
    pub fn send_as(&mut self, now: Timestamp, phone: &str, to: &Jid, text: &str) -> Result<String, SimError> {
        let person = self.person(phone)?;
        self.write_text(now, person, to, text)
    }

    pub(super) fn write_text(
        &mut self,
        now: Timestamp,
        person: usize,
        to: &Jid,
        text: &str,
    ) -> Result<String, SimError> {
        let message = encode(&Content::text(text), &mut self.rng).unwrap_or_default();
        self.write_message(now, person, to, message)
    }

    /// Sends a message from a person's phone. Returns its id.
    pub(super) fn write_message(
        &mut self,
        now: Timestamp,
        person: usize,
        to: &Jid,
        message: Bytes,
    ) -> Result<String, SimError> {
        self.write_raw(now, person, to, RawMessage::new(message))
    }

    pub(super) fn write_to_person(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        message: &Bytes,
    ) -> Result<(), SimError> {
        let (person, to) = (envelope.sender.person, &envelope.to);
        let other = self.accounts.find(to).ok_or_else(|| SimError::UnknownPerson(to.user.to_string()))?;
        let chat = self.accounts.people[other].jid(Server::User, 0);
        self.show(now, person, person, &envelope.id, &chat, message);
        let copy = payload::device_sent(&to.to_string(), message);
        self.keep(envelope, message);
        let mut targets = self.accounts.devices(other);
        targets.extend(self.accounts.devices(person));
        targets.sort();
        targets.dedup();
        for target in targets.into_iter().filter(|target| *target != envelope.sender) {
            let plaintext = if target.person == person { &copy } else { message };
            self.send_from_phone(now, envelope, target, plaintext, None);
        }
        Ok(())
    }

    /// One ciphertext for all members, beside the key for each device: phones distribute it every time.
    pub(super) fn write_to_group(
        &mut self,
        now: Timestamp,
        envelope: &Envelope,
        message: &Bytes,
    ) -> Result<(), SimError> {
        let (person, group) = (envelope.sender.person, &envelope.to);
        let members = self.members(group);
        if !members.contains(&person) {
            return Err(SimError::UnknownGroup(group.to_string()));
        }
        self.show(now, person, person, &envelope.id, group, message);
        self.keep(envelope, message);
        let phone = &mut self.accounts.people[person].phone;
        let Some((key, for_all)) = phone.seal_for_group(group, message, &mut self.rng) else {
            return Ok(());
        };
        let for_all = Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(for_all);
        let devices: Vec<_> = members.iter().flat_map(|member| self.accounts.devices(*member)).collect();
        for target in devices.into_iter().filter(|target| *target != envelope.sender) {
            if let Some(enc) = self.enc_from_phone(now, person, target, &key, None) {
                self.route(now, envelope, target, vec![enc, for_all.clone()]);
            }
        }
        Ok(())
    }

    /// Remembers a sent message, for devices that request it again.
    pub(super) fn keep(&mut self, envelope: &Envelope, payload: &Bytes) {
        let sent = Sent { envelope: envelope.clone(), payload: payload.clone() };
        self.accounts.people[envelope.sender.person].phone.sent.insert(envelope.id.clone(), sent);
    }

    /// A device requests the phone's own message again: the phone sends it again, in a new session from the second
    /// request on.
    pub(super) fn resend_from_phone(
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
        let is_copy = target.person == person && !envelope.is_peer() && !envelope.to.is_group();
        let plaintext =
            if is_copy { payload::device_sent(&envelope.to.to_string(), &payload) } else { payload };
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
        if let Some(enc) = self.enc_from_phone(now, envelope.sender.person, target, plaintext, count) {
            let enc = self.forged(envelope, enc);
            self.route(now, envelope, target, vec![enc]);
        }
    }

    fn enc_from_phone(
        &mut self,
        now: Timestamp,
        person: usize,
        target: DeviceAddress,
        plaintext: &[u8],
        count: Option<u8>,
    ) -> Option<Node> {
        let address = Address::from(&self.accounts.jid(target, Server::Lid));
        let has_session = self.accounts.people[person].phone.has_session(&address);
        if !has_session && !self.phone_session(now, person, target) {
            return None;
        }
        let sealed = self.accounts.people[person].phone.seal(&address, plaintext, &mut self.rng)?;
        let kind = if sealed.kind == CiphertextKind::PreKey { "pkmsg" } else { "msg" };
        Some(Node::new("enc").attr("v", "2").attr("type", kind).attr_opt("count", count).bytes(sealed.bytes))
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
