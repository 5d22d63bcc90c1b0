//! From an accepted message to a stanza: its recipients, their sessions, and the encryption for each device.
//!
//! For each waiting message, in order per chat:
//!
//! ```text
//!   number or LID? ──► devices of the recipient and of ourselves ──► a session with each ──► encrypt ──► on the wire
//!     (store)             (store, else usync)                   (store, else bundles)
//! ```
//! Each arrow is retried whenever new data arrives. Missing data is requested once for all messages.
use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::{Change, Content, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, Source};

use super::{
    CommandError,
    context::Context,
    directory::Directory,
    loads::Lookup,
    outbox::{Outbox, Outgoing},
    send_requests::SendRequests,
    sessions::{self, device_identity},
};
use crate::{
    event::{Event, Refusal},
    jid::Jid,
    message::{content, device_sent, id, menu, plan},
    proto::message::Message,
    signal::Address,
    stanza::{
        ack::Ack,
        message::{EncOut, OutgoingStanza},
    },
};

/// A message that was sent this often without acknowledgement is given up.
const MOST_ATTEMPTS: u8 = 10;
/// Retry receipts are answered from the messages of the last two weeks.
const KEEP_SENT: Duration = Duration::from_secs(14 * 86_400);
/// Expired messages are removed once per this many sent messages.
const EXPIRE_EVERY: u32 = 1000;

/// The messages on their way out.
#[derive(Debug)]
pub(super) struct Sends {
    pub(super) requests: SendRequests,
    pub(super) outbox: Outbox,
    /// Messages may be able to go out.
    is_due: bool,
    sent_since_expiry: u32,
}

/// The progress of one message.
enum Progress {
    /// Missing data has been requested from the server.
    Waiting,
    /// On the wire.
    Sent,
    /// It can never be sent.
    Refused(Refusal),
}

impl Sends {
    pub(super) fn new() -> Self {
        Self {
            requests: SendRequests::default(),
            outbox: Outbox::after_start(),
            is_due: false,
            sent_since_expiry: 0,
        }
    }

    /// Accepts content for a person: first durable, then sent. Without an id it gets one; a given one must be new.
    pub(super) fn accept(
        &mut self,
        cx: &mut Context,
        id: Option<String>,
        to: &Jid,
        content: Content,
    ) -> Lookup<Result<MessageRecord, CommandError>> {
        let Some(own) = cx.own.device.jid.clone() else { return Ok(Err(CommandError::NotLinked)) };
        let chat = cx.loads.chat(to)?;
        let message = match content::to_proto(&content, &mut cx.own.rng) {
            Ok(message) => message,
            Err(error) => return Ok(Err(error.into())),
        };
        let id = id.unwrap_or_else(|| id::generate(cx.now, &own, &mut cx.own.rng).into());
        let record = MessageRecord {
            key: cx.key_of_own(&chat, &id)?,
            from_me: true,
            timestamp: cx.own.server_clock.stamp(cx.now),
            content,
            edited_at: None,
            status: MessageStatus::Queued,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        };
        cx.change(Change::PutMessage(record.clone()));
        self.queue(cx, chat, &record, encoded(message));
        Ok(Ok(record))
    }

    /// Accepts a message again that was refused before.
    pub(super) fn accept_again(
        &mut self,
        cx: &mut Context,
        record: MessageRecord,
        content: &Content,
    ) -> Lookup<Result<MessageRecord, CommandError>> {
        let Ok(chat) = record.key.chat.parse::<Jid>() else { return Ok(Err(CommandError::NotAPerson)) };
        let kept = cx.loads.outgoing(&record.key.id)?.map(|kept| kept.payload.clone());
        let payload = match kept.map_or_else(|| content::to_proto(content, &mut cx.own.rng).map(encoded), Ok)
        {
            Ok(payload) => payload,
            Err(error) => return Ok(Err(error.into())),
        };
        let record = MessageRecord { status: MessageStatus::Queued, ..record };
        cx.change(Change::RaiseStatus(record.key.clone(), MessageStatus::Queued));
        self.queue(cx, chat, &record, payload);
        Ok(Ok(record))
    }

    /// Puts an accepted message into the queue, stored and in memory.
    fn queue(&mut self, cx: &mut Context, chat: Jid, record: &MessageRecord, payload: Bytes) {
        let outgoing = OutgoingMessage {
            id: record.key.id.clone(),
            chat: chat.to_string(),
            payload: payload.clone(),
            state: OutgoingState::Queued,
            created_at: cx.now.as_millis() as i64,
        };
        cx.loads.put_message(record);
        cx.loads.put_outgoing(outgoing.clone());
        cx.change(Change::PutOutgoing(outgoing));
        self.outbox.accept(Outgoing::new(record.key.id.clone(), chat, payload));
    }

    /// All stanzas that came together are handled before messages go out: the queue is walked once, not for each stanza.
    pub(super) const fn set_due(&mut self) {
        self.is_due = true;
    }

    pub(super) const fn take_due(&mut self) -> bool {
        std::mem::replace(&mut self.is_due, false)
    }

    /// Moves every waiting message as far as it can go.
    pub(super) fn pump(&mut self, cx: &mut Context, directory: &mut Directory) {
        if !cx.link.is_online() {
            return;
        }
        self.ask_for_queued(cx);
        // After most stanzas every message still waits for the same data.
        if self.outbox.room() > 0 && self.outbox.can_go_on(cx.now, directory.changes()) {
            self.send_waiting(cx, directory);
        }
        directory.pump(cx);
    }

    fn send_waiting(&mut self, cx: &mut Context, directory: &mut Directory) {
        let mut blocked: HashSet<Jid> = self.outbox.refused_chats().cloned().collect();
        for position in self.outbox.positions() {
            let Some(message) = self.outbox.waiting(position) else { continue };
            if self.outbox.room() == 0 {
                break;
            }
            if blocked.contains(&message.chat) {
                continue;
            }
            if message.must_wait(cx.now, directory.changes()) {
                blocked.insert(message.chat.clone());
                continue;
            }
            let message = message.clone();
            match advance(cx, directory, &message) {
                Ok(Progress::Sent) => {
                    self.outbox.sent(position, cx.now);
                    if message.was_refused() {
                        blocked.insert(message.chat);
                    }
                }
                Ok(Progress::Refused(reason)) if self.refuse(cx, &message.id, reason).is_ok() => {}
                Ok(Progress::Waiting) => {
                    self.outbox.wait(position, directory.changes());
                    blocked.insert(message.chat);
                }
                // A record was requested from the store.
                _ => {
                    blocked.insert(message.chat);
                }
            }
        }
    }

    /// Asks for the head of the stored queue when there is room for it.
    pub(super) fn ask_for_queued(&mut self, cx: &mut Context) {
        if cx.link.is_online() && self.outbox.wants_stored() {
            let limit = self.outbox.load_limit();
            cx.loads.ask_for_queue(limit);
        }
    }

    /// The server acknowledged or refused our message.
    pub(super) fn on_ack(&mut self, cx: &mut Context, directory: &mut Directory, ack: &Ack) -> Lookup {
        let id = ack.id.as_str();
        let Some(message) = self.outbox.find(id).cloned() else { return Ok(()) };
        if let Some(code) = ack.error {
            return self.on_refusal(cx, directory, &message, code);
        }
        let key = cx.key_of_own(&message.chat, id)?;
        cx.loads.status(&key)?;
        if let Some(phash) = &ack.phash {
            directory.check_participants(cx, &message.chat, phash)?;
        }
        self.leave_queue(cx, id);
        self.expire_sent(cx);
        cx.raise(key, MessageStatus::Sent)
    }

    /// The reaction to an error code (protocol notes 2.7).
    fn on_refusal(
        &mut self,
        cx: &mut Context,
        directory: &mut Directory,
        message: &Outgoing,
        code: u16,
    ) -> Lookup {
        let refusal = Refusal::from_code(code);
        if message.attempts >= MOST_ATTEMPTS {
            return self.refuse(cx, &message.id, refusal);
        }
        match refusal.remedy() {
            Remedy::None => self.refuse(cx, &message.id, refusal),
            Remedy::Rebuild if message.was_rebuilt => self.refuse(cx, &message.id, refusal),
            Remedy::Rebuild => {
                directory.forget_devices(cx, &message.chat)?;
                self.outbox.rebuild(&message.id);
                Ok(())
            }
            Remedy::Refresh => {
                directory.forget_devices(cx, &message.chat)?;
                self.outbox.pause(&message.id, cx.now, &mut cx.own.rng);
                Ok(())
            }
            Remedy::Wait => {
                self.outbox.pause(&message.id, cx.now, &mut cx.own.rng);
                Ok(())
            }
        }
    }

    fn expire_sent(&mut self, cx: &mut Context) {
        if self.sent_since_expiry == 0 {
            cx.change(Change::ExpireOutgoing((cx.now - KEEP_SENT).as_millis() as i64));
        }
        self.sent_since_expiry = (self.sent_since_expiry + 1) % EXPIRE_EVERY;
    }

    /// It is not sent by itself any more, only when a device asks for it.
    fn leave_queue(&mut self, cx: &mut Context, id: &str) {
        self.outbox.remove(id);
        cx.change(Change::SetOutgoingState(id.to_owned(), OutgoingState::Sent));
        if let Ok(Some(outgoing)) = cx.loads.outgoing(id) {
            outgoing.state = OutgoingState::Sent;
        }
    }

    fn refuse(&mut self, cx: &mut Context, id: &str, reason: Refusal) -> Lookup {
        let Some(message) = self.outbox.find(id) else { return Ok(()) };
        let key = cx.key_of_own(&message.chat.clone(), id)?;
        cx.raise(key.clone(), MessageStatus::Failed)?;
        self.leave_queue(cx, id);
        cx.tell(Event::Refused { key, reason });
        Ok(())
    }
}

/// The remedy for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    None,
    /// The same again later.
    Wait,
    /// Send again later, to the devices and addresses of that time.
    Refresh,
    /// Rebuild it, once.
    Rebuild,
}

impl Refusal {
    const fn remedy(self) -> Remedy {
        match self {
            Self::Code(421) => Remedy::Refresh,
            Self::Code(479) => Remedy::Rebuild,
            Self::Code(429 | 500..=599) => Remedy::Wait,
            _ => Remedy::None,
        }
    }
}

fn encoded(message: Message) -> Bytes {
    message.encode_to_vec().into()
}

fn advance(cx: &mut Context, directory: &mut Directory, message: &Outgoing) -> Lookup<Progress> {
    if message.attempts >= MOST_ATTEMPTS {
        return Ok(Progress::Refused(Refusal::Unacknowledged));
    }
    let Some(own) = cx.own.device.canonical() else { return Ok(Progress::Waiting) };
    cx.loads.know([&message.chat, &own])?;
    let user = cx.loads.canonical(&message.chat)?.to_non_device();
    let (theirs, ours) = (directory.devices_of(cx, &user)?, directory.devices_of(cx, &own)?);
    let (Some(theirs), Some(ours)) = (theirs, ours) else { return Ok(Progress::Waiting) };
    if theirs.is_empty() {
        return Ok(Progress::Refused(Refusal::NoDevices));
    }
    let destination = cx.wire_address(&user)?;
    let targets = plan::fan_out(&cx.own.sending_device(&destination), &destination, &theirs, &ours);
    let Some(targets) = reachable(cx, directory, targets)? else { return Ok(Progress::Waiting) };
    if !targets.iter().any(|(target, _)| !target.own) && !cx.own.is_own(&user) {
        return Ok(Progress::Refused(Refusal::NoDevices));
    }
    let Some(stanza) = seal_for(cx, &message.id, destination, &targets, &message.payload)? else {
        return Ok(Progress::Refused(Refusal::Malformed));
    };
    cx.transmit(&stanza.to_node());
    Ok(Progress::Sent)
}

/// One device to encrypt for, with the address of its session.
type Reachable = (plan::Target, Address);

/// Those targets that have a session. `None` while any may still get one.
fn reachable(
    cx: &mut Context,
    directory: &mut Directory,
    targets: Vec<plan::Target>,
) -> Lookup<Option<Vec<Reachable>>> {
    let jids: Vec<Jid> = targets.iter().map(|target| target.jid.clone()).collect();
    let addresses = cx.loads.know_sessions(&jids)?;
    let mut is_complete = true;
    let mut reachable = Vec::with_capacity(targets.len());
    for (target, address) in targets.into_iter().zip(addresses) {
        if cx.loads.session(&address)?.is_some() {
            reachable.push((target, address));
            continue;
        }
        let canonical = cx.loads.canonical(&target.jid)?;
        if !directory.is_unreachable(cx.now, &canonical) {
            // Only the primary's key, in the same answer, may prove a companion's identity.
            if cx.loads.person(&canonical)?.is_some_and(|person| person.identity.is_none()) {
                directory.bundles.want(cx.now, canonical.to_non_device());
            }
            directory.bundles.want(cx.now, canonical);
            is_complete = false;
        }
    }
    Ok(is_complete.then_some(reachable))
}

fn seal_for(
    cx: &mut Context,
    id: &str,
    destination: Jid,
    targets: &[Reachable],
    payload: &Bytes,
) -> Lookup<Option<OutgoingStanza>> {
    let Ok(message) = Message::decode(payload.clone()) else { return Ok(None) };
    let (kind, mediatype) = (content::stanza_type(&message), content::media_type(&message));
    let biz = menu::biz(&message);
    let copy = device_sent::wrap(&destination, message).encode_to_vec();
    let peer_recipient = cx.peer_number(&destination)?;
    let mut stanza = OutgoingStanza::new(id.into(), destination, kind);
    stanza.biz = biz;
    stanza.peer_recipient = peer_recipient;
    for (target, address) in targets {
        let plaintext = if target.own { &copy[..] } else { &payload[..] };
        let Some(sealed) = sessions::seal(cx, address, plaintext, None)? else { return Ok(None) };
        if sealed.introduces_us {
            stanza.device_identity = device_identity(cx);
        }
        stanza.participants.push((target.jid.clone(), EncOut { mediatype, ..sealed.enc }));
    }
    Ok(Some(stanza))
}
