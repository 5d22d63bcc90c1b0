//! Behaviour of no honest phone or server: messages byte by byte, false names, floods, repeated stanzas, and unlinked
//! devices.
use bytes::Bytes;
use rand::RngExt;

use super::{
    accounts::{Companion, DeviceAddress, KeyStore, SignedKey, random_lid},
    faults::damage,
    mailbox::Mailbox,
    network::{Network, SimError},
    reading,
    routing::Envelope,
    wire::Writer,
};
use crate::{
    binary::{Content as Body, Node, Value},
    crypto::KeyPair,
    jid::{Jid, Server},
    message::id,
    signal::SignedPreKey,
    time::Timestamp,
};

/// A message that a phone writes, byte by byte.
#[derive(Clone, Debug, Default)]
pub struct RawMessage {
    /// The plaintext: a serialized protobuf message without padding. It may be empty, or of no known kind.
    pub payload: Bytes,
    /// Its id; one is made up without it.
    pub id: Option<String>,
    /// Attributes of the stanza as it arrives, in place of the true ones; `None` removes one.
    pub attributes: Vec<(&'static str, Option<Value>)>,
    /// The form of the ciphertexts.
    pub encryption: Encryption,
}

/// How a plaintext is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encryption {
    /// It is encrypted correctly.
    #[default]
    Sound,
    /// Its ciphertext is damaged.
    Damaged,
    /// A `msg` of a session that the recipient does not have comes in its place.
    UnknownSession,
    /// A `pkmsg` to prekeys that the recipient never had comes in its place.
    UnknownPreKey,
}

impl RawMessage {
    /// A message with this plaintext.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }

    /// A message with nothing but a message secret.
    pub fn context_only() -> Self {
        Self::new(Writer::new().message(35, &Writer::new().bytes(3, &[7; 32])).finish())
    }

    /// A message of a kind that no version of the protocol knows: one field with this number and text.
    pub fn unknown_kind(number: u64, text: &str) -> Self {
        Self::new(Writer::new().message(number, &Writer::new().text(1, text)).finish())
    }

    /// A plain text.
    pub fn text(text: &str) -> Self {
        Self::new(Writer::new().text(1, text).finish())
    }

    /// With this id.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// With this attribute on arrival; `None` removes it.
    #[must_use]
    pub fn attribute(mut self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.attributes.push((key, value.map(Into::into)));
        self
    }

    /// With such ciphertexts.
    #[must_use]
    pub const fn encrypted(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }
}

impl Network {
    /// Sends a message from a person's phone to a number, a LID or a group. Returns the message's id.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group.
    pub fn send_raw_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        to: &Jid,
        message: RawMessage,
    ) -> Result<String, SimError> {
        let person = self.person(phone)?;
        self.write_raw(now, person, to, message)
    }

    pub(super) fn write_raw(
        &mut self,
        now: Timestamp,
        person: usize,
        to: &Jid,
        message: RawMessage,
    ) -> Result<String, SimError> {
        let own = self.accounts.people[person].jid(Server::User, 0);
        let id = message.id.unwrap_or_else(|| id::generate(now, &own, &mut self.rng).to_string());
        let mut envelope = Envelope::of_phone(person, &id, to, self.namespace(to));
        reading::stanza_type(&message.payload).clone_into(&mut envelope.kind);
        envelope.untrue = message.attributes;
        envelope.encryption = message.encryption;
        if to.is_group() {
            self.write_to_group(now, &envelope, &message.payload)?;
        } else {
            self.write_to_person(now, &envelope, &message.payload)?;
        }
        Ok(id)
    }

    /// A person sends `count` messages that cannot be decrypted, each with a different id. Returns the ids.
    ///
    /// # Errors
    /// When one of the two has no account.
    pub fn flood_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        to: &Jid,
        count: usize,
        encryption: Encryption,
    ) -> Result<Vec<String>, SimError> {
        let message = || RawMessage::text("unreadable").encrypted(encryption);
        (0..count).map(|_| self.send_raw_as(now, phone, to, message())).collect()
    }

    /// Sends the phone's key for a group to all its members, in a message without content. Returns its id.
    ///
    /// # Errors
    /// When the number has no account, or the person is not in that group.
    pub fn send_group_key_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        group: &Jid,
    ) -> Result<String, SimError> {
        let person = self.person(phone)?;
        let members = self.members(group);
        if !members.contains(&person) {
            return Err(SimError::UnknownGroup(group.to_string()));
        }
        let own = self.accounts.people[person].jid(Server::User, 0);
        let id = id::generate(now, &own, &mut self.rng).to_string();
        let envelope = Envelope::of_phone(person, &id, group, self.namespace(group));
        let sealed = self.accounts.people[person].phone.seal_for_group(group, &[], &mut self.rng);
        let Some((key, _)) = sealed else { return Ok(id) };
        self.keep(&envelope, &key);
        let devices: Vec<_> = members.iter().flat_map(|member| self.accounts.devices(*member)).collect();
        for device in devices.into_iter().filter(|device| *device != envelope.sender) {
            self.send_from_phone(now, &envelope, device, &key, None);
        }
        Ok(id)
    }

    /// A phone asks a device for a message again, whether that device sent it or not.
    ///
    /// # Errors
    /// When the number has no account, or there is no such device.
    pub fn ask_again_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        device: &Jid,
        id: &str,
        count: u8,
    ) -> Result<(), SimError> {
        let person = self.person(phone)?;
        let target = self.device_of(device)?;
        let retry = Node::new("retry").attr("v", "1").attr("count", count).attr("id", id);
        let retry = retry.attr("t", now.as_secs());
        let sender = self.accounts.jid(DeviceAddress { person, device: 0 }, device.server);
        let registration = Node::new("registration").bytes(vec![0, 0, 0, 7]);
        let receipt = Node::new("receipt").attr("from", sender).attr("id", id).attr("type", "retry");
        self.post(now, target, receipt.attr("t", now.as_secs()).children([retry, registration]));
        Ok(())
    }

    /// Hands a device a stanza that it has answered once more, with the same ciphertext.
    ///
    /// # Errors
    /// When there is no such device, or it answered no such stanza of late.
    pub fn deliver_again(&mut self, now: Timestamp, device: &Jid, id: &str) -> Result<(), SimError> {
        let address = self.device_of(device)?;
        let node = self.accounts.companion(address).and_then(|companion| companion.mailbox.recall(id));
        let node = node.ok_or_else(|| SimError::UnknownStanza(id.to_owned()))?;
        self.post(now, address, node);
        Ok(())
    }

    /// Hands a device any stanza, as if the server had made it.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn deliver_stanza(&mut self, now: Timestamp, device: &Jid, stanza: Node) -> Result<(), SimError> {
        let address = self.device_of(device)?;
        self.post(now, address, stanza);
        Ok(())
    }

    /// Gives a person a device that their phone did not link: the server made its keys, and no account vouches for it.
    /// [`Network::stanzas_for`] has the messages that are encrypted for it.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn add_forged_device(&mut self, phone: &str) -> Result<Jid, SimError> {
        let person = self.person(phone)?;
        let identity = KeyPair::generate(&mut self.rng);
        let signed = SignedPreKey::generate(1, &identity, &mut self.rng);
        let keys = KeyStore {
            registration: Bytes::from_static(&[0, 0, 0, 7]),
            signed: Some(SignedKey {
                id: Bytes::from_static(&[0, 0, 1]),
                value: Bytes::copy_from_slice(signed.key.public().as_bytes()),
                signature: Bytes::copy_from_slice(&signed.signature),
            }),
            ..KeyStore::default()
        };
        let record = &mut self.accounts.people[person];
        let device = record.next_device;
        record.next_device += 1;
        let companion = Companion {
            noise: KeyPair::generate(&mut self.rng).public(),
            identity: identity.public(),
            key_index: u32::from(device),
            signed_identity: Bytes::new(),
            keys,
            mailbox: Mailbox::default(),
            connection: None,
            bootstrapped: true,
            redelivery_planned: false,
            corrupt_next: false,
        };
        record.companions.insert(device, companion);
        Ok(record.jid(Server::User, device))
    }

    /// A person changes to another number and keeps the LID. Others learn it from later answers and messages.
    /// Linked devices of that person cannot log in any more.
    ///
    /// # Errors
    /// When the former number has no account, or the new one is taken or malformed.
    pub fn change_number(&mut self, phone: &str, new: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        self.check_free(new)?;
        self.accounts.renumber(person, new);
        Ok(())
    }

    /// A person gets another LID and keeps the number. Returns the LID.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn change_lid(&mut self, phone: &str) -> Result<Jid, SimError> {
        let person = self.person(phone)?;
        let lid = random_lid(&mut self.rng);
        self.accounts.change_lid(person, lid);
        Ok(self.accounts.people[person].jid(Server::Lid, 0))
    }

    fn device_of(&self, device: &Jid) -> Result<DeviceAddress, SimError> {
        let address = self.accounts.device(device).filter(|address| address.device != 0);
        address.ok_or_else(|| SimError::UnknownDevice(device.to_string()))
    }

    /// The ciphertext that is sent instead of a correct one.
    pub(super) fn forged(&mut self, envelope: &Envelope, mut enc: Node) -> Node {
        match envelope.encryption {
            Encryption::Sound => {}
            Encryption::Damaged => damage(&mut enc),
            Encryption::UnknownSession => {
                enc.set("type", "msg");
                enc.content = Body::Bytes(self.strange_message());
            }
            Encryption::UnknownPreKey => {
                enc.set("type", "pkmsg");
                let inner = self.strange_message();
                let (identity, base) = (self.strange_key(), self.strange_key());
                let message = Writer::new().number(1, 0x00ab_cdef).bytes(2, &base).bytes(3, &identity);
                let message = message.bytes(4, &inner).number(5, 77).number(6, 0x00ab_cdef).finish();
                enc.content = Body::Bytes([&[0x33][..], &message].concat().into());
            }
        }
        enc
    }

    /// A well-formed message of a session that does not exist.
    fn strange_message(&mut self) -> Bytes {
        let key = self.strange_key();
        let (ciphertext, mac): ([u8; 32], [u8; 8]) = (self.rng.random(), self.rng.random());
        let message = Writer::new().bytes(1, &key).number(2, 0).number(3, 0).bytes(4, &ciphertext).finish();
        [&[0x33][..], &message, &mac].concat().into()
    }

    fn strange_key(&mut self) -> Vec<u8> {
        let key = KeyPair::generate(&mut self.rng).public();
        [&[5][..], key.as_bytes()].concat()
    }
}
