//! Sending a message again to a device that could not decrypt it.
use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::OutgoingMessage;

use super::{
    Request,
    context::Context,
    directory::Directory,
    loads::Lookup,
    outbox::Outbox,
    retries::{AnsweredRetries, MOST},
    sessions::{self, device_identity},
};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
    message::{content, device_sent, menu},
    proto::message::Message,
    stanza::{
        message::{EncOut, OutgoingStanza},
        prekeys,
        receipt::{Receipt, RetryRequest},
    },
    time::Timestamp,
};

/// The time after which a resend without acknowledgement goes out again, and the largest number of attempts.
const ACK_DEADLINE: Duration = Duration::from_secs(20);
const MOST_ATTEMPTS: u8 = 10;
/// The pause before keys that the server did not give are requested again, and how often that happens.
const FETCH_AGAIN: Duration = Duration::from_secs(20);
const MOST_FETCHES: u8 = 3;

/// One message to send again to one device.
#[derive(Clone)]
pub(super) struct Resend {
    device: Jid,
    chat: Jid,
    id: String,
    payload: Bytes,
    count: u8,
    /// The device asked before, and did not send keys: our session with it may be the problem.
    broken: bool,
    attempts: u8,
    /// How often the server was asked for keys without success.
    fetches: u8,
    /// The retry receipt is answered only when the resend is on the wire. If we crash or lose the connection before, the
    /// server delivers it again.
    answer: Option<Node>,
}

/// Shows no text of a person.
impl std::fmt::Debug for Resend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resend")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Resends that wait for their time, or for an acknowledgement.
#[derive(Debug)]
pub(super) struct Resends {
    waiting: BTreeMap<(String, Jid), (Resend, Timestamp)>,
    answered: AnsweredRetries,
}

impl Resends {
    pub(super) fn new() -> Self {
        Self { waiting: BTreeMap::new(), answered: AnsweredRetries::new() }
    }

    pub(super) fn acknowledged(&mut self, id: &str, device: &Jid) -> bool {
        self.waiting.remove(&(id.to_owned(), device.clone())).is_some()
    }

    fn put(&mut self, resend: Resend, deadline: Timestamp) {
        self.waiting.insert((resend.id.clone(), resend.device.clone()), (resend, deadline));
    }

    /// A device asks for a message again. `answer` acknowledges the receipt.
    pub(super) fn on_retry(
        &mut self,
        cx: &mut Context,
        outbox: &Outbox,
        receipt: &Receipt,
        request: &RetryRequest,
        answer: Option<Node>,
    ) -> Lookup {
        let device = receipt.participant.clone().unwrap_or_else(|| receipt.from.clone());
        let id = request.id.to_string();
        cx.loads.know_sessions([&device])?;
        let sent = sent(cx, outbox, &id)?;
        let may_have = match &sent {
            Some((chat, _)) => may_be_sent(cx, chat, &device)?,
            None => false,
        };
        let user = cx.loads.canonical(&device)?.to_non_device();
        let is_under_way = self.waiting.contains_key(&(id.clone(), device.clone()));
        let (Some((chat, payload)), true, false) = (sent, may_have, is_under_way) else {
            tracing::debug!(%id, "a message that this device was not sent, or is being sent, was asked for again");
            transmit_answer(cx, answer);
            return Ok(());
        };
        let Some(at) = self.answered.allow(cx.now, &id, &device, &user) else {
            transmit_answer(cx, answer);
            return Ok(());
        };
        if let Some(bundle) = &request.keys {
            // Fresh keys came along: no need to ask the server for some.
            let canonical = cx.loads.canonical(&device)?;
            sessions::start(cx, &canonical, bundle)?;
        }
        let broken = request.count >= 2 && request.keys.is_none();
        let count = request.count.clamp(1, MOST);
        let resend = Resend { device, chat, id, payload, count, broken, attempts: 0, fetches: 0, answer };
        if at <= cx.now {
            self.begin(cx, resend)?;
        } else {
            self.put(resend, at);
        }
        Ok(())
    }

    fn begin(&mut self, cx: &mut Context, resend: Resend) -> Lookup {
        let address = cx.loads.know_sessions([&resend.device])?.remove(0);
        let canonical = cx.loads.canonical(&resend.device)?;
        let has_session = cx.loads.session(&address)?.is_some();
        let replace = resend.broken && self.answered.may_recreate(cx.now, &canonical);
        if has_session && !replace {
            return self.send(cx, resend);
        }
        let query = prekeys::bundle_query(std::slice::from_ref(&canonical), true);
        cx.request(query, Request::ResendBundle(Box::new(resend)));
        Ok(())
    }

    /// The server gave keys for a resend.
    pub(super) fn on_bundle(
        &mut self,
        cx: &mut Context,
        directory: &mut Directory,
        node: NodeRef<'_>,
        resend: &Resend,
    ) -> Lookup {
        // Sessions begin below, once: nothing may be missing after that.
        cx.loads.know([&resend.chat])?;
        cx.loads.know_sessions([&resend.device])?;
        directory.on_bundles(cx, node)?;
        self.send(cx, resend.clone())
    }

    /// The server gave no keys, or did not answer: asks it again. In the end the receipt is answered anyway, since every
    /// stanza must be; the device asks again if it still needs the message.
    pub(super) fn on_bundle_failed(&mut self, cx: &mut Context, mut resend: Resend) {
        resend.fetches += 1;
        if resend.fetches < MOST_FETCHES && cx.link.is_online() {
            self.put(resend, cx.now + FETCH_AGAIN);
        } else {
            transmit_answer(cx, resend.answer);
        }
    }

    /// Sends due resends, and sends those again whose acknowledgement is late.
    pub(super) fn pump(&mut self, cx: &mut Context) {
        if !cx.link.is_online() {
            return;
        }
        let now = cx.now;
        let late: Vec<_> = self.waiting.extract_if(.., |_, (_, deadline)| *deadline <= now).collect();
        for (key, (resend, deadline)) in late {
            let kept = resend.clone();
            let outcome = match cx.loads.outgoing(&resend.id) {
                Ok(Some(message)) if was_deleted(message) => {
                    transmit_answer(cx, resend.answer);
                    Ok(())
                }
                Ok(_) if resend.attempts == 0 => self.begin(cx, resend),
                Ok(_) if resend.attempts < MOST_ATTEMPTS => self.send(cx, resend),
                Ok(_) => Ok(()),
                Err(missing) => Err(missing),
            };
            if outcome.is_err() {
                self.waiting.insert(key, (kept, deadline));
            }
        }
    }

    fn send(&mut self, cx: &mut Context, mut resend: Resend) -> Lookup {
        if let Some(stanza) = seal_again(cx, &resend)? {
            cx.transmit(&stanza.to_node());
            transmit_answer(cx, resend.answer.take());
            resend.attempts += 1;
            let deadline = cx.now + ACK_DEADLINE;
            self.put(resend, deadline);
        } else {
            tracing::warn!(id = %resend.id, "no session, or no message, to send again");
            transmit_answer(cx, resend.answer);
        }
        Ok(())
    }

    /// After a new login, unacknowledged resends go out again at once; devices ask for the others again.
    pub(super) fn disconnected(&mut self, now: Timestamp) {
        self.waiting.retain(|_, (resend, _)| resend.attempts > 0);
        self.waiting.values_mut().for_each(|(_, deadline)| *deadline = now);
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.waiting.values().map(|(_, deadline)| *deadline).min()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

fn transmit_answer(cx: &mut Context, answer: Option<Node>) {
    if let Some(answer) = answer {
        cx.transmit(&answer);
    }
}

/// Chat and plaintext of our message.
fn sent(cx: &mut Context, outbox: &Outbox, id: &str) -> Lookup<Option<(Jid, Bytes)>> {
    if let Some(message) = outbox.find(id) {
        return Ok(Some((message.chat.clone(), message.payload.clone())));
    }
    let message = cx.loads.outgoing(id)?;
    Ok(message
        .filter(|message| !was_deleted(message))
        .and_then(|message| Some((message.chat.parse().ok()?, message.payload.clone()))))
}

/// Did another device of our own delete it for everyone?
fn was_deleted(message: &OutgoingMessage) -> bool {
    message.payload.is_empty()
}

/// Only the recipient's devices and our own were sent it.
fn may_be_sent(cx: &mut Context, chat: &Jid, device: &Jid) -> Lookup<bool> {
    cx.loads.know([chat, device])?;
    let user = cx.loads.canonical(device)?.to_non_device();
    Ok(cx.own.is_own(device) || user == cx.loads.canonical(chat)?.to_non_device())
}

fn seal_again(cx: &mut Context, resend: &Resend) -> Lookup<Option<OutgoingStanza>> {
    let user = cx.loads.canonical(&resend.chat)?.to_non_device();
    let destination = cx.wire_address(&user)?;
    let own_copy = cx.own.is_own(&resend.device) && !cx.own.is_own(&user);
    let Ok(message) = Message::decode(resend.payload.clone()) else { return Ok(None) };
    let (kind, mediatype) = (content::stanza_type(&message), content::media_type(&message));
    let biz = menu::biz(&message);
    let plaintext = if own_copy {
        device_sent::wrap(&destination, message).encode_to_vec().into()
    } else {
        resend.payload.clone()
    };
    let address = cx.loads.know_sessions([&resend.device])?.remove(0);
    let Some(sealed) = sessions::seal(cx, &address, &plaintext, Some(resend.count))? else {
        return Ok(None);
    };
    let mut stanza = OutgoingStanza::new(resend.id.as_str().into(), resend.device.clone(), kind);
    stanza.bare_enc = Some(EncOut { mediatype, ..sealed.enc });
    stanza.device_fanout_false = true;
    stanza.biz = biz;
    stanza.recipient = own_copy.then_some(destination);
    if sealed.introduces_us {
        stanza.device_identity = device_identity(cx);
    }
    Ok(Some(stanza))
}
