//! From an accepted message to a stanza: whom to, with which sessions, encrypted for each device.
//!
//! For each waiting message, in order per chat:
//!
//! ```text
//!   number or LID? ──► devices of the recipient and of ourselves ──► a session with each ──► encrypt ──► on the wire
//!     (store)             (store, else usync)                   (store, else bundles)
//! ```
//! Each arrow is tried anew whenever something arrived; what is missing is asked for once for all messages.
use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::{
    Change, Content, MessageKey, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, SignalKey,
    Source,
};

use super::{
    CommandError, Engine, Query, Request,
    outbox::Outgoing,
    records::{device_list_key, identity_key, session_key},
};
use crate::{
    config::Addressing,
    event::{Event, Refusal},
    jid::Jid,
    message::{content, device_sent, id, menu, padding, plan},
    proto::{message::Message, record},
    signal::{Address, CiphertextKind},
    stanza::{
        ack::Ack,
        message::{EncOut, OutgoingStanza},
        prekeys, usync,
    },
    time::Timestamp,
};

/// A device list is asked for anew after so long, unless a notification said so earlier.
const DEVICES_FRESH: Duration = Duration::from_secs(3600);
/// A device without prekeys is left out for so long.
const UNREACHABLE: Duration = Duration::from_secs(600);
/// Addresses in one request.
const MOST_PER_REQUEST: usize = 256;
/// A message that was on the wire so often without acknowledgement is given up.
const MOST_ATTEMPTS: u8 = 10;
/// Answers to retry receipts come from what was sent in the last two weeks.
const KEEP_SENT: Duration = Duration::from_secs(14 * 86_400);

/// How far one message got.
enum Progress {
    /// Something is missing and has been asked for.
    Waiting,
    /// On the wire.
    Sent,
    /// It can never be sent.
    Refused(Refusal),
}

/// One device to encrypt for.
pub(super) struct Sealed {
    pub(super) enc: EncOut,
    /// A pkmsg: the stanza must carry our device identity.
    pub(super) introduces_us: bool,
}

impl Engine {
    /// Accepts content for a person: durable first, then on its way. Without an id it gets one; a given one must be new.
    pub(super) fn accept(
        &mut self,
        now: Timestamp,
        id: Option<String>,
        to: &Jid,
        content: Content,
    ) -> Result<MessageRecord, CommandError> {
        let own = self.device.jid.clone().ok_or(CommandError::NotLinked)?;
        let chat = self.peers.chat(to);
        let message = content::to_proto(&content, &mut self.rng)?;
        let id = id.unwrap_or_else(|| id::generate(now, &own, &mut self.rng).into());
        let payload = Bytes::from(message.encode_to_vec());
        let key = self.key_of_own(&chat, &id);
        let record = MessageRecord {
            key,
            from_me: true,
            timestamp: self.service_clock.stamp(now),
            content,
            status: MessageStatus::Queued,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        };
        self.step.change(Change::PutMessage(record.clone()));
        self.enqueue(now, chat, &record, payload);
        Ok(record)
    }

    /// Puts an accepted message into the queue, stored and in memory.
    fn enqueue(&mut self, now: Timestamp, chat: Jid, record: &MessageRecord, payload: Bytes) {
        let id = record.key.id.clone();
        let outgoing = OutgoingMessage {
            id: id.clone(),
            chat: chat.to_string(),
            payload: payload.clone(),
            state: OutgoingState::Queued,
            created_at: now.as_millis() as i64,
        };
        // It may be known to be absent, or to be sent.
        self.sent_messages.remove(&id);
        self.handovers.accepted(record, &outgoing);
        self.step.change(Change::PutOutgoing(outgoing));
        self.statuses.put(record.key.clone(), Some(MessageStatus::Queued));
        self.outbox.accept(Outgoing { id, chat, payload, attempts: 0 });
    }

    /// Accepts once more what was refused before.
    pub(super) fn accept_again(
        &mut self,
        now: Timestamp,
        record: MessageRecord,
        content: Content,
    ) -> Result<MessageRecord, CommandError> {
        let id = record.key.id.clone();
        let chat: Jid = record.key.chat.parse().map_err(|_| CommandError::NotAPerson)?;
        let kept = self.sent_messages.peek(&id).and_then(Option::as_ref).map(|kept| kept.payload.clone());
        let payload = match kept {
            Some(payload) => payload,
            None => {
                let message = content::to_proto(&content, &mut self.rng)?;
                Bytes::from(message.encode_to_vec())
            }
        };
        let record = MessageRecord { status: MessageStatus::Queued, ..record };
        self.step.change(Change::RaiseStatus(record.key.clone(), MessageStatus::Queued));
        self.enqueue(now, chat, &record, payload);
        Ok(record)
    }

    /// Moves every waiting message as far as it can go.
    pub(super) fn pump_sends(&mut self, now: Timestamp) {
        if !self.is_online() {
            return;
        }
        self.ask_for_queued();
        let mut blocked = HashSet::new();
        for position in self.outbox.sendable() {
            let Some(message) = self.outbox.waiting(position).cloned() else { continue };
            if blocked.contains(&message.chat) {
                continue;
            }
            match self.advance(now, &message) {
                Progress::Sent => self.outbox.sent(position, now),
                Progress::Refused(reason) => self.refuse(&message.id, reason),
                Progress::Waiting => {
                    blocked.insert(message.chat);
                }
            }
        }
        self.pump_fetches(now);
    }

    /// Asks for the head of the stored queue when there is room for it.
    pub(super) fn ask_for_queued(&mut self) {
        if self.is_online() && self.outbox.wants_stored() {
            let limit = self.outbox.load_limit();
            self.ask(Query::Queued(limit));
        }
    }

    /// The head of the stored queue.
    pub(super) fn take_queued(&mut self, messages: Vec<OutgoingMessage>) {
        for message in &messages {
            let Ok(chat) = message.chat.parse() else { continue };
            let key = self.key_of_own(&chat, &message.id);
            // A receipt may have outrun the acknowledgement.
            if !self.statuses.contains(&key) {
                self.statuses.put(key, Some(MessageStatus::Queued));
            }
        }
        self.outbox.provide(messages);
    }

    fn advance(&mut self, now: Timestamp, message: &Outgoing) -> Progress {
        if message.attempts >= MOST_ATTEMPTS {
            return Progress::Refused(Refusal::Unacknowledged);
        }
        if let Some(person) = self.peers.missing(&message.chat) {
            self.ask(Query::Lid(person));
            return Progress::Waiting;
        }
        let Some(own) = self.device.canonical() else { return Progress::Waiting };
        let user = self.peers.canonical(&message.chat).to_non_device();
        let (theirs, ours) = (self.devices(now, &user), self.devices(now, &own));
        let (Some(theirs), Some(ours)) = (theirs, ours) else { return Progress::Waiting };
        if theirs.is_empty() {
            return Progress::Refused(Refusal::NoDevices);
        }
        let destination = self.wire_address(&user);
        let targets = self.targets(&destination, &theirs, &ours);
        let Some(targets) = self.reachable(now, targets) else { return Progress::Waiting };
        if !targets.iter().any(|target| !target.own) && !self.device.is_own(&user) {
            return Progress::Refused(Refusal::NoDevices);
        }
        let Some(stanza) = self.seal_for(&message.id, destination, &targets, &message.payload) else {
            return Progress::Refused(Refusal::Malformed);
        };
        self.transmit(now, &stanza.to_node());
        Progress::Sent
    }

    /// How the person is addressed on the wire.
    pub(super) fn wire_address(&self, user: &Jid) -> Jid {
        let address = match self.config.profile.addressing {
            Addressing::Lid => self.peers.lid_of(user),
            Addressing::Number => self.peers.pn_of(user),
        };
        address.unwrap_or_else(|| user.clone()).to_non_device()
    }

    /// A person's devices, if known and fresh; else they are asked for.
    pub(super) fn devices(&mut self, now: Timestamp, user: &Jid) -> Option<Vec<u16>> {
        let key = device_list_key(user);
        if !self.records.knows(&key) {
            self.ask(Query::Signal(vec![key]));
            return None;
        }
        match self.device_list(user) {
            Some((devices, fetched_at)) if now.since(fetched_at) < DEVICES_FRESH => Some(devices),
            _ => {
                self.device_fetches.want(user.clone());
                None
            }
        }
    }

    /// A person's devices as last heard, and when that was.
    pub(super) fn device_list(&mut self, user: &Jid) -> Option<(Vec<u16>, Timestamp)> {
        let list = record::DeviceList::decode(self.records.raw(&device_list_key(user))?).ok()?;
        let devices = list.devices.into_iter().filter_map(|device| device.try_into().ok()).collect();
        Some((devices, Timestamp::from_millis(list.fetched_at)))
    }

    /// This device, in the namespace that the recipient is addressed in.
    pub(super) fn sending_device(&self, destination: &Jid) -> Jid {
        let own = if destination.is_lid() { self.device.lid.as_ref() } else { self.device.jid.as_ref() };
        own.or(self.device.jid.as_ref()).cloned().unwrap_or(Jid::SERVICE)
    }

    pub(super) fn targets(&self, destination: &Jid, theirs: &[u16], ours: &[u16]) -> Vec<plan::Target> {
        plan::fan_out(&self.sending_device(destination), destination, theirs, ours)
    }

    /// Those targets that there is a session with. `None` while any may still get one.
    fn reachable(&mut self, now: Timestamp, targets: Vec<plan::Target>) -> Option<Vec<plan::Target>> {
        let mut keys = Vec::with_capacity(targets.len() * 2);
        for target in &targets {
            keys.extend(self.session_keys(&target.jid));
        }
        let missing = self.records.missing(keys);
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return None;
        }
        let mut complete = true;
        let mut reachable = Vec::with_capacity(targets.len());
        for target in targets {
            self.adopt_session(&target.jid);
            let address = self.peers.address(&target.jid);
            if self.records.has_session(&address) {
                reachable.push(target);
                continue;
            }
            let canonical = self.peers.canonical(&target.jid);
            if !self.is_unreachable(now, &canonical) {
                self.bundle_fetches.want(canonical);
                complete = false;
            }
        }
        complete.then_some(reachable)
    }

    /// What must be in memory before a session with this device is used or made: the session by LID, and by number
    /// from before the LID was known; the identities of the device and of its primary.
    pub(super) fn session_keys(&self, device: &Jid) -> Vec<SignalKey> {
        let address = self.peers.address(device);
        let primary = self.peers.address(&device.to_non_device());
        let mut keys = vec![session_key(&address), identity_key(&address)];
        if primary != address {
            keys.push(identity_key(&primary));
        }
        if let Some(pn) = self.peers.pn_of(device).map(|pn| Address::from(&pn)).filter(|pn| *pn != address) {
            keys.push(session_key(&pn));
        }
        keys
    }

    /// Moves a session from before the LID was known to where it belongs.
    pub(super) fn adopt_session(&mut self, device: &Jid) {
        let canonical = self.peers.address(device);
        if let Some(pn) = self.peers.pn_of(device) {
            let by_number = Address::from(&pn);
            if by_number != canonical {
                self.records.migrate_session(&by_number, &canonical);
            }
        }
    }

    pub(super) fn is_unreachable(&mut self, now: Timestamp, device: &Jid) -> bool {
        self.unreachable.get(device).is_some_and(|until| now < *until)
    }

    fn seal_for(
        &mut self,
        id: &str,
        destination: Jid,
        targets: &[plan::Target],
        payload: &Bytes,
    ) -> Option<OutgoingStanza> {
        let message = Message::decode(payload.clone()).ok()?;
        let (kind, mediatype) = (content::stanza_type(&message), content::media_type(&message));
        let biz = menu::biz(&message);
        let copy = device_sent::wrap(&destination, message).encode_to_vec();
        let mut stanza = OutgoingStanza::new(id.into(), destination, kind);
        stanza.biz = biz;
        for target in targets {
            let plaintext = if target.own { &copy[..] } else { &payload[..] };
            let sealed = self.seal(&target.jid, plaintext, None)?;
            if sealed.introduces_us {
                stanza.device_identity = self.device.account.clone().map(Bytes::from);
            }
            stanza.participants.push((target.jid.clone(), EncOut { mediatype, ..sealed.enc }));
        }
        Some(stanza)
    }

    /// Pads and encrypts for one device that there is a session with.
    pub(super) fn seal(&mut self, device: &Jid, plaintext: &[u8], count: Option<u8>) -> Option<Sealed> {
        let address = self.peers.address(device);
        let padded = padding::pad(plaintext, &mut self.rng);
        let session = self.records.session(&address)?;
        let ciphertext = session.encrypt(&self.device.identity, &padded).ok()?;
        self.records.touch_session(&address);
        let introduces_us = ciphertext.kind == CiphertextKind::PreKey;
        let kind = if introduces_us { "pkmsg" } else { "msg" };
        Some(Sealed { enc: EncOut { count, ..EncOut::new(kind, ciphertext.bytes) }, introduces_us })
    }

    /// Sends the requests that waiting messages need.
    pub(super) fn pump_fetches(&mut self, now: Timestamp) {
        let users = self.device_fetches.take(MOST_PER_REQUEST);
        if !users.is_empty() {
            let sid = self.requests.next_id();
            self.request(now, usync::device_query(&sid, &users), Request::Devices(users));
        }
        let devices = self.bundle_fetches.take(MOST_PER_REQUEST);
        if !devices.is_empty() {
            self.request(now, prekeys::bundle_query(&devices, false), Request::Bundles(devices));
        }
    }

    /// The service acknowledged a message of ours, or refused it.
    pub(super) fn on_message_ack(&mut self, now: Timestamp, ack: &Ack) {
        let id = ack.id.as_str();
        if let Some(code) = ack.error {
            return self.refuse(id, Refusal::from_code(code));
        }
        let Some(message) = self.outbox.remove(id) else { return };
        if let Some(phash) = &ack.phash {
            self.check_participants(now, &message.chat, phash);
        }
        self.leave_queue(id);
        let expired = (now - KEEP_SENT).as_millis() as i64;
        if self.sent_since_expiry == 0 {
            self.step.change(Change::ExpireOutgoing(expired));
        }
        self.sent_since_expiry = (self.sent_since_expiry + 1) % 1000;
        let key = self.key_of_own(&message.chat, id);
        self.raise(key, MessageStatus::Sent);
    }

    /// It will not be sent by itself any more, only when a device asks for it.
    fn leave_queue(&mut self, id: &str) {
        self.step.change(Change::SetOutgoingState(id.to_owned(), OutgoingState::Sent));
        if let Some(Some(outgoing)) = self.sent_messages.get(id) {
            outgoing.state = OutgoingState::Sent;
        }
    }

    fn refuse(&mut self, id: &str, reason: Refusal) {
        let Some(message) = self.outbox.remove(id) else { return };
        self.leave_queue(id);
        let key = self.key_of_own(&message.chat, id);
        self.raise(key.clone(), MessageStatus::Failed);
        self.step.events.push(Event::Refused { key, reason });
    }

    /// The name of a message of ours in that chat.
    pub(super) fn key_of_own(&self, chat: &Jid, id: &str) -> MessageKey {
        let own = self.device.jid.as_ref().map(Jid::to_non_device).unwrap_or(Jid::SERVICE);
        MessageKey { chat: chat.to_string(), sender: own.to_string(), id: id.to_owned() }
    }

    /// Raises a status whose former value is known, and tells.
    pub(super) fn raise(&mut self, key: MessageKey, status: MessageStatus) {
        let known = self.statuses.get(&key).copied().flatten();
        if known.is_none_or(|known| known.rises_to(status)) {
            self.statuses.put(key.clone(), Some(status));
            self.step.change(Change::RaiseStatus(key.clone(), status));
            self.step.events.push(Event::Status { key, status });
        }
    }

    /// Takes note of a failed prekey fetch for one device.
    pub(super) fn mark_unreachable(&mut self, now: Timestamp, device: Jid) {
        self.unreachable.put(device, now + UNREACHABLE);
    }
}
