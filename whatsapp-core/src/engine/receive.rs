//! Incoming messages: decrypted, stored, and only then answered.
//!
//! Every message is answered exactly once per delivery: with a receipt when it could be read (or was read before),
//! with a retry receipt when it could not and asking again makes sense, else with an acknowledgement that carries an
//! error. The answer goes out in the step that makes the message and the moved ratchet durable.
use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::{Change, MessageKey, MessageRecord, MessageStatus, SignalKey, Source};

use super::{
    Engine, Flow, Query,
    records::{identity_key, pre_key_key, sender_key_key},
};
use crate::{
    binary::NodeRef,
    crypto::PublicKey,
    event::Event,
    jid::{Jid, Server},
    message::{content, device_sent, media, padding},
    pairing::adv,
    proto::message::{Message, ProtocolMessage},
    signal::{self, Address, PreKey, PreKeyMessage, SenderKey, SignalError},
    stanza::{
        ack,
        message::{Enc, EncKind, MessageStanza},
        receipt::{self, ReceiptKind},
    },
    time::Timestamp,
};

/// Acknowledgement errors for what asking again cannot mend (protocol notes 2.7).
mod nack {
    pub(super) const PARSING: u16 = 487;
    pub(super) const UNHANDLED: u16 = 500;
}

/// Is this a chat whose messages are encrypted once for all?
const fn has_sender_keys(chat: &Jid) -> bool {
    matches!(chat.server, Server::Group | Server::Broadcast)
}

/// The `error` of a retry receipt for a message whose key was used before.
const INVALID_MESSAGE: u8 = 4;

/// The `error` of a retry receipt for a companion that its account did not sign.
const UNKNOWN_COMPANION: u8 = 11;

/// Why one `enc` could not be read.
enum Unreadable {
    /// The ratchet has seen it: it was delivered before.
    Duplicate,
    /// Asking again may help; the code goes into the retry receipt.
    Ask(u8),
    /// It decrypted to nonsense: the sender would send the same again.
    Nonsense,
}

impl From<SignalError> for Unreadable {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::Duplicate => Self::Duplicate,
            error => Self::Ask(error.retry_reason()),
        }
    }
}

impl Engine {
    /// One message stanza.
    pub(super) fn on_message(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let Ok(stanza) = MessageStanza::parse(node) else {
            self.acknowledge(now, node, Some(nack::PARSING));
            return Flow::Done;
        };
        let sender = stanza.sender().clone();
        if let Flow::Wait = self.know_person(&sender) {
            return Flow::Wait;
        }
        if let Some(alternate) = &stanza.sender_alternate {
            self.learn(&sender.to_non_device(), &alternate.to_non_device());
        }
        let from_me = self.device.is_own(&sender);
        let other = if from_me {
            stanza.recipient.clone().unwrap_or_else(|| stanza.from.clone())
        } else {
            stanza.from.clone()
        };
        if let Flow::Wait = self.know_person(&other) {
            return Flow::Wait;
        }
        if let Some(alternate) = stanza.recipient_alternate.as_ref().filter(|_| from_me) {
            self.learn(&other.to_non_device(), &alternate.to_non_device());
        }
        let key = self.incoming_key(&other, &sender, &stanza.id);
        if !self.statuses.contains(&key) {
            self.ask(Query::Message(key));
            return Flow::Wait;
        }
        let missing = self.records.missing(self.records_for(&stanza, &sender));
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        self.adopt_session(&sender);
        self.read(now, node, &stanza, &key, from_me);
        Flow::Done
    }

    /// Makes sure that the mapping of a person is in memory, known or known to be absent.
    pub(super) fn know_person(&mut self, jid: &Jid) -> Flow {
        match self.peers.missing(jid) {
            Some(person) => {
                self.ask(Query::Lid(person));
                Flow::Wait
            }
            None => Flow::Done,
        }
    }

    fn incoming_key(&self, chat: &Jid, sender: &Jid, id: &str) -> MessageKey {
        let (chat, sender) = (self.peers.chat(chat), self.peers.chat(sender));
        MessageKey { chat: chat.to_string(), sender: sender.to_string(), id: id.to_owned() }
    }

    fn records_for(&self, stanza: &MessageStanza, sender: &Jid) -> Vec<SignalKey> {
        let address = self.peers.address(sender);
        let mut keys = self.session_keys(sender);
        for enc in &stanza.encs {
            match enc.kind {
                EncKind::PreKey => {
                    let id =
                        PreKeyMessage::parse(&enc.ciphertext).ok().and_then(|message| message.pre_key_id());
                    keys.extend(id.map(pre_key_key));
                }
                EncKind::SenderKey => keys.push(sender_key_key(&stanza.from, &address)),
                _ => {}
            }
        }
        if has_sender_keys(&stanza.from) {
            keys.push(sender_key_key(&stanza.from, &address));
        }
        keys
    }

    fn read(
        &mut self,
        now: Timestamp,
        node: NodeRef<'_>,
        stanza: &MessageStanza,
        key: &MessageKey,
        from_me: bool,
    ) {
        if stanza.encs.is_empty() {
            // Placeholders of the service ("view on your phone") carry nothing to decrypt, but are no silence either.
            if stanza.unavailable {
                self.step.events.push(Event::Undecryptable { key: key.clone(), gave_up: true });
            }
            return self.acknowledge(now, node, None);
        }
        let known = self.statuses.peek(key).copied().flatten().is_some();
        let (mut worst, mut any_read) = (None, false);
        for enc in &stanza.encs {
            match self.open(now, stanza, enc, from_me) {
                Ok(message) => {
                    any_read = true;
                    self.accept_message(stanza, key, message, from_me);
                }
                Err(problem) => worst = Some(problem),
            }
        }
        match worst {
            // A counter that was used, yet nothing of that id was ever read: some clients use a key twice when they send
            // and receive at once. Only asking again brings the text.
            Some(Unreadable::Duplicate) if !known && !any_read && stanza.category.is_none() => {
                self.ask_again(now, node, stanza, key, INVALID_MESSAGE);
            }
            None | Some(Unreadable::Duplicate) => {
                self.asked.done(key);
                self.confirm(now, stanza, from_me);
            }
            // Read before, then sent again in a way that we cannot read: nothing is missing.
            Some(_) if known => self.confirm(now, stanza, from_me),
            Some(Unreadable::Nonsense) => {
                self.acknowledge(now, node, Some(nack::PARSING));
                self.step.events.push(Event::Undecryptable { key: key.clone(), gave_up: true });
            }
            Some(Unreadable::Ask(reason)) => self.ask_again(now, node, stanza, key, reason),
        }
    }

    fn open(
        &mut self,
        now: Timestamp,
        stanza: &MessageStanza,
        enc: &Enc,
        from_me: bool,
    ) -> Result<Message, Unreadable> {
        let sender = stanza.sender();
        let address = self.peers.address(sender);
        let padded = match enc.kind {
            EncKind::Message => {
                let session = self.records.session(&address).ok_or(SignalError::NoSession)?;
                let plaintext = session.decrypt(&self.device.identity, &enc.ciphertext, &mut self.rng)?;
                self.records.touch_session(&address);
                plaintext
            }
            EncKind::PreKey => {
                self.open_first(sender, &address, stanza.device_identity.as_ref(), &enc.ciphertext)?
            }
            EncKind::SenderKey => {
                let record = sender_key_key(&stanza.from, &address);
                let stored = self.records.raw(&record).ok_or(SignalError::NoSession)?;
                let mut sender_key = SenderKey::from_bytes(&stored)?;
                let plaintext = sender_key.decrypt(&enc.ciphertext)?;
                self.records.put_raw(record, Some(sender_key.to_bytes()));
                plaintext
            }
            EncKind::Bot | EncKind::Unknown => return Err(Unreadable::Nonsense),
        };
        let plaintext = padding::unpad(&padded).map_err(|_| Unreadable::Nonsense)?;
        let message = Message::decode(plaintext).map_err(|_| Unreadable::Nonsense)?;
        self.process_distribution(now, stanza, &message, &address);
        // Only our own devices may speak in our name.
        if message.device_sent_message.is_some() && !from_me {
            return Err(Unreadable::Nonsense);
        }
        Ok(message)
    }

    /// A message that sets a session up.
    fn open_first(
        &mut self,
        sender: &Jid,
        address: &Address,
        device_identity: Option<&Bytes>,
        ciphertext: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Unreadable> {
        let message = PreKeyMessage::parse(ciphertext)?;
        let one_time = self.one_time_key(&message)?;
        if !self.is_genuine(sender, address, &message.identity(), device_identity) {
            return Err(Unreadable::Ask(UNKNOWN_COMPANION));
        }
        let existing = self.records.take_session(address);
        let received = signal::receive_pre_key(
            existing.clone(),
            &self.device.identity,
            self.device.signed_pre_key(message.signed_pre_key_id()),
            one_time.as_ref(),
            &message,
            &mut self.rng,
        );
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                self.records.return_session(address, existing);
                return Err(error.into());
            }
        };
        self.records.put_session(address, received.session);
        if let Some(id) = received.used_pre_key {
            self.records.put_raw(pre_key_key(id), None);
        }
        self.note_identity(sender, address, &message.identity());
        Ok(received.plaintext)
    }

    fn one_time_key(&mut self, message: &PreKeyMessage) -> Result<Option<PreKey>, SignalError> {
        let Some(id) = message.pre_key_id() else { return Ok(None) };
        // Absent is fine when the session exists already: the library decides.
        self.records.raw(&pre_key_key(id)).map(|bytes| PreKey::from_bytes(&bytes)).transpose()
    }

    /// Is this the identity of that device? A companion shows that its account signed it, or the service could put a
    /// listener in its place. Who shows nothing must be known already.
    pub(super) fn is_genuine(
        &mut self,
        device: &Jid,
        address: &Address,
        identity: &PublicKey,
        shown: Option<&Bytes>,
    ) -> bool {
        if device.device == 0 {
            return true;
        }
        let Some(shown) = shown else {
            let known = self.records.raw(&identity_key(address));
            return known.as_deref() == Some(identity.as_bytes());
        };
        let account = self.account_key(device);
        adv::verify_companion(shown, identity, account.as_ref()).is_ok()
    }

    /// The identity key of a device's primary, if it was seen before.
    fn account_key(&mut self, device: &Jid) -> Option<PublicKey> {
        let primary = self.peers.address(&device.to_non_device());
        PublicKey::from_raw(&self.records.raw(&identity_key(&primary))?).ok()
    }

    /// Remembers a device's identity key, and tells when a person's changed.
    pub(super) fn note_identity(&mut self, sender: &Jid, address: &Address, identity: &PublicKey) {
        let key = identity_key(address);
        let known = self.records.raw(&key);
        if known.as_deref() == Some(identity.as_bytes()) {
            return;
        }
        self.records.put_raw(key, Some(Bytes::copy_from_slice(identity.as_bytes())));
        if known.is_some() {
            self.step.events.push(Event::IdentityChanged { jid: self.peers.chat(sender) });
        }
    }

    fn process_distribution(
        &mut self,
        now: Timestamp,
        stanza: &MessageStanza,
        message: &Message,
        sender: &Address,
    ) {
        let Some(distribution) = &message.sender_key_distribution_message else { return };
        if !has_sender_keys(&stanza.from) {
            return;
        }
        let Some(bytes) = &distribution.axolotl_sender_key_distribution_message else { return };
        let record = sender_key_key(&stanza.from, sender);
        let existing = self.records.raw(&record).and_then(|bytes| SenderKey::from_bytes(&bytes).ok());
        match SenderKey::process(existing, bytes) {
            Ok(sender_key) => self.records.put_raw(record, Some(sender_key.to_bytes())),
            Err(error) => tracing::warn!(%error, at = now.as_millis(), "a sender key was not usable"),
        }
    }

    fn accept_message(&mut self, stanza: &MessageStanza, key: &MessageKey, message: Message, from_me: bool) {
        let (destination, message) = device_sent::unwrap(message);
        if let Some(protocol) = &message.protocol_message {
            return self.on_protocol_message(stanza, protocol, from_me);
        }
        let Some(content) = content::from_proto(&message) else { return };
        let mut key = key.clone();
        // The stanza's word for the chat was looked up before; the copy's own is for stanzas that have none.
        let destination = destination.filter(|_| stanza.recipient.is_none() && !stanza.from.is_group());
        if let Some(destination) = destination.and_then(|jid| jid.parse::<Jid>().ok()) {
            key.chat = self.peers.chat(&destination).to_string();
        }
        if self.statuses.peek(&key).copied().flatten().is_some() {
            return;
        }
        let status = if from_me { MessageStatus::Sent } else { MessageStatus::Delivered };
        let record = MessageRecord {
            key: key.clone(),
            from_me,
            timestamp: stanza.timestamp.saturating_mul(1000) as i64,
            content,
            status,
            source: if stanza.offline { Source::Offline } else { Source::Live },
            push_name: stanza.notify.as_ref().map(ToString::to_string),
            quoted: content::quoted(&message),
            media: media::from_proto(content::opened(&message)).map(|media| media.file),
        };
        self.service_clock.heard(stanza.timestamp);
        self.statuses.put(key, Some(status));
        self.step.change(Change::PutMessage(record.clone()));
        self.step.events.push(Event::Message(Box::new(record)));
    }

    /// Protocol messages that only our own devices may send are dropped when others send them.
    fn on_protocol_message(&mut self, stanza: &MessageStanza, protocol: &ProtocolMessage, from_me: bool) {
        tracing::debug!(kind = protocol.r#type.unwrap_or_default(), from_me, id = %stanza.id, "protocol message");
    }

    /// Tells the sender that the message arrived.
    fn confirm(&mut self, now: Timestamp, stanza: &MessageStanza, from_me: bool) {
        let kind = if stanza.category.as_deref() == Some("peer") {
            ReceiptKind::PeerMsg
        } else if from_me {
            ReceiptKind::Sender
        } else if self.is_available() {
            ReceiptKind::Delivery
        } else {
            ReceiptKind::Inactive
        };
        let node = receipt::for_message(stanza, kind);
        self.transmit(now, &node);
    }

    fn ask_again(
        &mut self,
        now: Timestamp,
        node: NodeRef<'_>,
        stanza: &MessageStanza,
        key: &MessageKey,
        reason: u8,
    ) {
        let count = self.asked.next(key, stanza.retry_count());
        self.step.events.push(Event::Undecryptable { key: key.clone(), gave_up: count.is_none() });
        let Some(count) = count else { return self.acknowledge(now, node, Some(nack::UNHANDLED)) };
        // With the first request the sender may still find the message; from the second on it gets fresh keys.
        let keys = (count >= 2 || reason == 1).then(|| self.retry_keys());
        let request = receipt::retry(stanza, count, reason, self.device.identity.registration_id, keys);
        self.transmit(now, &request);
    }

    fn retry_keys(&mut self) -> receipt::OwnKeys {
        let one_time = self.make_pre_keys(1).pop().map(|key| (key.id, key.key.public()));
        let signed = self.device.current_signed_pre_key();
        receipt::OwnKeys {
            identity: self.device.identity.key.public(),
            signed_pre_key_id: signed.id,
            signed_pre_key: signed.key.public(),
            signature: signed.signature,
            pre_key: one_time,
            device_identity: self.device.account.clone().map(Bytes::from),
        }
    }

    /// Answers a stanza with a plain acknowledgement.
    pub(super) fn acknowledge(&mut self, now: Timestamp, node: NodeRef<'_>, error: Option<u16>) {
        if let Some(answer) = ack::ack_for(node, error) {
            self.transmit(now, &answer);
        }
    }
}
