//! Incoming messages: decrypted, stored, and only then answered.
//!
//! Every message is answered exactly once per delivery. The answer is a receipt when the message could be read (or was read
//! before), a retry receipt when it could not and a retry may help, else an acknowledgement with an
//! error. It goes out in the step that makes the message and the advanced ratchet durable.
use whatsapp_store::{Change, Content, MessageKey, MessageRecord, MessageStatus, Source as HowItCame};

use super::{
    context::Context,
    decrypt::{self, Decrypted, Unreadable},
    directory::Directory,
    edits::RecentEdits,
    loads::Lookup,
    pre_keys, protocol,
    retries::RetryRequests,
    sessions::device_identity,
    trust::{self, Learned, Source},
};
use crate::{
    binary::NodeRef,
    event::{Distrust, Event},
    jid::Jid,
    message::{content, device_sent, edit, media},
    signal::Address,
    stanza::{
        message::MessageStanza,
        receipt::{self, ReceiptKind},
    },
};

/// Acknowledgement errors for messages that a retry cannot help (protocol notes 2.7).
mod nack {
    pub(super) const PARSING: u16 = 487;
    pub(super) const UNHANDLED: u16 = 500;
}

/// The `error` of a retry receipt for a message whose key was used before.
const INVALID_MESSAGE: u8 = 4;

/// A message stanza whose records are all known.
pub(super) struct Incoming<'a> {
    node: NodeRef<'a>,
    pub(super) stanza: &'a MessageStanza,
    /// The sending device, by its trusted address.
    pub(super) sender: Jid,
    /// The key that its message is stored under.
    key: MessageKey,
    /// The sending device's session.
    pub(super) address: Address,
    pub(super) is_ours: bool,
    /// It was read before.
    pub(super) is_known: bool,
}

impl Incoming<'_> {
    fn is_from_our_phone(&self) -> bool {
        self.is_ours && self.sender.device == 0
    }
}

/// The retry requests for undecryptable messages, and the latest edits.
#[derive(Debug)]
pub(super) struct Receiver {
    asked: RetryRequests,
    edits: RecentEdits,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { asked: RetryRequests::new(), edits: RecentEdits::default() }
    }

    /// One message stanza.
    pub(super) fn on_message(
        &mut self,
        cx: &mut Context,
        directory: &mut Directory,
        node: NodeRef<'_>,
    ) -> Lookup {
        let Ok(stanza) = MessageStanza::parse(node) else {
            cx.acknowledge(node, Some(nack::PARSING));
            return Ok(());
        };
        let sender = resolve(cx, directory, stanza.sender(), stanza.sender_alternate.as_ref())?;
        let is_ours = cx.own.is_own(&sender);
        let chat = match &stanza.recipient {
            Some(recipient) if is_ours => {
                resolve(cx, directory, recipient, stanza.recipient_alternate.as_ref())?
            }
            _ if stanza.participant.is_none() && !is_ours => sender.clone(),
            _ => stanza.from.clone(),
        };
        let key = incoming_key(cx, &chat, &sender, &stanza.id)?;
        let address = cx.loads.know_sessions([&sender])?.remove(0);
        cx.loads.know_signal(decrypt::records_of(&stanza, &address))?;
        let was_handled = cx.loads.person(&sender)?.is_some_and(|person| person.has_handled(&stanza.id));
        let is_known = was_handled || cx.loads.status(&key)?.is_some();
        self.read(cx, &Incoming { node, stanza: &stanza, sender, key, address, is_ours, is_known })
    }

    /// From here on no record is missing: ratchets advance, which must not happen twice.
    fn read(&mut self, cx: &mut Context, incoming: &Incoming<'_>) -> Lookup {
        let Incoming { node, stanza, key, .. } = incoming;
        if stanza.encs.is_empty() {
            // Placeholders of the server ("view on your phone") carry nothing to decrypt, but are no silence either.
            if stanza.unavailable {
                cx.tell(Event::Undecryptable { key: key.clone(), gave_up: true });
            }
            cx.acknowledge(*node, None);
            return Ok(());
        }
        let (mut worst, mut is_any_read) = (None, false);
        for enc in &stanza.encs {
            match decrypt::open(cx, incoming, enc)? {
                Ok(decrypted) => {
                    is_any_read = true;
                    self.accept(cx, incoming, decrypted)?;
                }
                Err(problem) => worst = Some(problem),
            }
        }
        // A message without visible content is remembered, once all of it was read.
        if worst.is_none() && cx.loads.status(key)?.is_none() {
            cx.loads.edit_person(&incoming.sender, |person| person.note_handled(&stanza.id))?;
        }
        if let Some(name) = stanza.notify.as_deref().filter(|_| is_any_read && incoming.is_from_our_phone()) {
            protocol::learn_push_name(cx, name);
        }
        self.answer(cx, incoming, worst, is_any_read);
        Ok(())
    }

    /// Stores a message, if it leaves something to show.
    fn accept(&mut self, cx: &mut Context, incoming: &Incoming<'_>, decrypted: Decrypted) -> Lookup {
        let Incoming { stanza, is_ours, .. } = incoming;
        let Decrypted { message, plaintext } = decrypted;
        let (destination, message) = device_sent::unwrap(message);
        if let Some(protocol) = &message.protocol_message {
            protocol::on_message(cx, &stanza.id, protocol, &plaintext, *is_ours);
        }
        let key = |cx: &mut Context| {
            let mut key = incoming.key.clone();
            if let Some(destination) = destination.and_then(|jid| jid.parse::<Jid>().ok()) {
                key.chat = chat_of_copy(cx, incoming, &destination);
            }
            key
        };
        if let Some(edit) = edit::read(&message) {
            let key = key(cx);
            self.edits.on_edit(cx, incoming, key, edit);
            return Ok(());
        }
        let Some(content) = content::from_proto(&message, &plaintext) else { return Ok(()) };
        let key = key(cx);
        if matches!(cx.loads.status(&key), Ok(Some(_))) {
            return Ok(());
        }
        if matches!(&content, Content::Unsupported { kind } if kind == content::UNKNOWN) {
            // For a version that knows it.
            protocol::keep(cx, "message", &stanza.id, &plaintext);
        }
        let status = match (is_ours, content::is_to_be_read(&content)) {
            (true, _) => MessageStatus::Sent,
            (false, false) => MessageStatus::Read,
            (false, true) => MessageStatus::Delivered,
        };
        let mut record = MessageRecord {
            key,
            from_me: *is_ours,
            timestamp: stanza.timestamp.saturating_mul(1000) as i64,
            content,
            edited_at: None,
            status,
            source: if stanza.offline { HowItCame::Offline } else { HowItCame::Live },
            push_name: stanza.notify.as_ref().map(ToString::to_string),
            quoted: content::quoted(&message),
            media: media::from_proto(content::opened(&message)).map(|media| media.file),
        };
        self.edits.catch_up(&mut record);
        cx.own.server_clock.heard(stanza.timestamp);
        cx.loads.put_status(record.key.clone(), record.status);
        cx.change(Change::PutMessage(record.clone()));
        // What was deleted before it came is stored, and told no more.
        if !matches!(record.content, Content::Deleted { .. }) {
            cx.tell(Event::Message(Box::new(record)));
        }
        Ok(())
    }

    fn answer(
        &mut self,
        cx: &mut Context,
        incoming: &Incoming<'_>,
        worst: Option<Unreadable>,
        is_any_read: bool,
    ) {
        let Incoming { node, stanza, key, is_known, .. } = incoming;
        match worst {
            // A used counter, but no message of that id was ever read: some clients use a key twice when they send
            // and receive at once. Only a retry brings the text.
            Some(Unreadable::Duplicate) if !is_known && !is_any_read && stanza.category.is_none() => {
                self.ask_again(cx, incoming, INVALID_MESSAGE);
            }
            None | Some(Unreadable::Duplicate) => {
                self.asked.done(key);
                confirm(cx, incoming);
            }
            // Read before, then sent again in a way that we cannot read: nothing is missing.
            Some(_) if *is_known => confirm(cx, incoming),
            Some(Unreadable::Nonsense) => {
                cx.acknowledge(*node, Some(nack::PARSING));
                cx.tell(Event::Undecryptable { key: key.clone(), gave_up: true });
            }
            Some(Unreadable::Ask(reason)) => self.ask_again(cx, incoming, reason),
        }
    }

    fn ask_again(&mut self, cx: &mut Context, incoming: &Incoming<'_>, reason: u8) {
        let Incoming { node, stanza, key, .. } = incoming;
        let count = self.asked.next(key, stanza.retry_count());
        cx.tell(Event::Undecryptable { key: key.clone(), gave_up: count.is_none() });
        let Some(count) = count else { return cx.acknowledge(*node, Some(nack::UNHANDLED)) };
        // With the first request the sender may still find the message; from the second on it gets fresh keys.
        let keys = (count >= 2 || reason == 1).then(|| retry_keys(cx, &incoming.address));
        let request = receipt::retry(stanza, count, reason, cx.own.device.identity.registration_id, keys);
        cx.transmit(&request);
    }
}

/// Learns the other address that a stanza gives for a person, and returns the address to use. If the two contradict known
/// data, that is the LID: the server assigns it to an account and never moves it. The directory is queried about the number.
fn resolve(cx: &mut Context, directory: &mut Directory, jid: &Jid, alternate: Option<&Jid>) -> Lookup<Jid> {
    cx.loads.know([jid])?;
    let Some(alternate) = alternate else { return Ok(jid.clone()) };
    if trust::learn(cx, jid, alternate, Source::Stanza)? == Learned::Believed {
        return Ok(jid.clone());
    }
    let (number, lid) = if jid.is_pn() { (jid, alternate) } else { (alternate, jid) };
    if directory.check(cx.now, number) {
        let jid = cx.loads.chat(lid)?;
        cx.tell(Event::Distrusted { jid, why: Distrust::Addresses });
    }
    Ok(lid.with_device(jid.device))
}

fn incoming_key(cx: &mut Context, chat: &Jid, sender: &Jid, id: &str) -> Lookup<MessageKey> {
    cx.loads.know([chat, sender])?;
    let (chat, sender) = (cx.loads.chat(chat)?, cx.loads.chat(sender)?);
    Ok(MessageKey { chat: chat.to_string(), sender: sender.to_string(), id: id.to_owned() })
}

/// The chat of a copy of our own message. The sending device's word counts, since the server cannot change it. If the stanza
/// names the same chat, its addresses are used, for they were looked up.
fn chat_of_copy(cx: &mut Context, incoming: &Incoming<'_>, destination: &Jid) -> String {
    // The ratchet has moved, so this cannot wait for the store.
    let written_to = cx.loads.chat(destination).unwrap_or_else(|_| destination.to_non_device());
    if incoming.stanza.recipient.is_none() && !incoming.stanza.from.is_group() {
        return written_to.to_string();
    }
    // Two addresses of one person need not be known as such yet.
    let named = incoming.key.chat.parse::<Jid>().ok();
    match named.filter(|named| named.server == written_to.server && !named.same_user(&written_to)) {
        Some(jid) => {
            cx.tell(Event::Distrusted { jid, why: Distrust::OtherChat });
            written_to.to_string()
        }
        None => incoming.key.chat.clone(),
    }
}

/// Tells the sender that the message arrived.
fn confirm(cx: &mut Context, incoming: &Incoming<'_>) {
    let kind = if incoming.stanza.category.as_deref() == Some("peer") {
        ReceiptKind::PeerMsg
    } else if incoming.is_ours {
        ReceiptKind::Sender
    } else if cx.own.is_available() {
        ReceiptKind::Delivery
    } else {
        ReceiptKind::Inactive
    };
    cx.transmit(&receipt::for_message(incoming.stanza, kind));
}

/// Our keys for a new session; one one-time prekey for each device that asks, however often.
fn retry_keys(cx: &mut Context, device: &Address) -> receipt::OwnKeys {
    let one_time = pre_keys::for_retry(cx, device);
    let own = &cx.own.device;
    let signed = own.current_signed_pre_key();
    receipt::OwnKeys {
        identity: own.identity.key.public(),
        signed_pre_key_id: signed.id,
        signed_pre_key: signed.key.public(),
        signature: signed.signature,
        pre_key: one_time,
        device_identity: device_identity(cx),
    }
}
