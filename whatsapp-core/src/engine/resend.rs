//! Sending a message again to a device that could not decrypt it.
use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use prost::Message as _;

use super::{Engine, Flow, Query, Request, retries::MOST};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
    message::{content, device_sent, menu},
    proto::message::Message,
    signal::{PreKeyBundle, Session},
    stanza::{
        message::{EncOut, OutgoingStanza},
        prekeys::{self, FetchedBundle},
        receipt::{Receipt, RetryRequest},
    },
    time::Timestamp,
};

/// A late acknowledgement makes a resend go out again, so often at the most.
const ACK_DEADLINE: Duration = Duration::from_secs(20);
const MOST_ATTEMPTS: u8 = 10;

/// One message, once more, for one device.
#[derive(Clone, Debug)]
pub(super) struct Resend {
    device: Jid,
    chat: Jid,
    id: String,
    payload: Bytes,
    count: u8,
    /// The device asked before, and did not send keys: our session with it may be the problem.
    broken: bool,
    attempts: u8,
    /// The retry receipt is answered only when the resend is on the wire: should we crash or be cut off before, the
    /// service hands it over again.
    answer: Option<Node>,
}

/// Resends that wait for their time, or for an acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Resends(BTreeMap<(String, Jid), (Resend, Timestamp)>);

impl Resends {
    pub(super) fn acknowledged(&mut self, id: &str, device: &Jid) -> bool {
        self.0.remove(&(id.to_owned(), device.clone())).is_some()
    }

    fn put(&mut self, resend: Resend, deadline: Timestamp) {
        self.0.insert((resend.id.clone(), resend.device.clone()), (resend, deadline));
    }

    fn holds(&self, id: &str, device: &Jid) -> bool {
        self.0.contains_key(&(id.to_owned(), device.clone()))
    }

    fn late(&mut self, now: Timestamp) -> Vec<Resend> {
        self.0.extract_if(.., |_, (_, deadline)| *deadline <= now).map(|(_, (resend, _))| resend).collect()
    }

    /// After a new login those on the wire go out again at once; the others will be asked for again.
    pub(super) fn disconnected(&mut self, now: Timestamp) {
        self.0.retain(|_, (resend, _)| resend.attempts > 0);
        self.0.values_mut().for_each(|(_, deadline)| *deadline = now);
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.0.values().map(|(_, deadline)| *deadline).min()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Engine {
    /// A device asks for a message again. `answer` acknowledges the receipt.
    pub(super) fn on_retry(
        &mut self,
        now: Timestamp,
        receipt: &Receipt,
        request: &RetryRequest,
        answer: Option<Node>,
    ) -> Flow {
        let device = receipt.participant.clone().unwrap_or_else(|| receipt.from.clone());
        if let Flow::Wait = self.know_person(&device) {
            return Flow::Wait;
        }
        let id = request.id.to_string();
        if self.outbox.find(&id).is_none() && !self.sent_messages.contains(&id) {
            self.ask(Query::Outgoing(id));
            return Flow::Wait;
        }
        let missing = self.records.missing(self.session_keys(&device));
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        self.adopt_session(&device);
        let Some((chat, payload, at)) = self.plan_resend(now, &id, &device) else {
            self.answer_retry(now, answer);
            return Flow::Done;
        };
        if let Some(bundle) = &request.keys {
            // Fresh keys came along: no need to ask the service for some.
            let canonical = self.peers.canonical(&device);
            self.start_session(&canonical, bundle);
        }
        let broken = request.count >= 2 && request.keys.is_none();
        let resend = Resend {
            device,
            chat,
            id,
            payload,
            count: request.count.clamp(1, MOST),
            broken,
            attempts: 0,
            answer,
        };
        if at <= now {
            self.start_resend(now, resend);
        } else {
            self.resends.put(resend, at);
        }
        Flow::Done
    }

    fn answer_retry(&mut self, now: Timestamp, answer: Option<Node>) {
        if let Some(answer) = answer {
            self.transmit(now, &answer);
        }
    }

    /// Chat and plaintext of a message that this device may be sent again, and when.
    fn plan_resend(&mut self, now: Timestamp, id: &str, device: &Jid) -> Option<(Jid, Bytes, Timestamp)> {
        if self.resends.holds(id, device) {
            return None;
        }
        let Some((chat, payload)) = self.sent(id) else {
            tracing::debug!(%id, "a message that is not ours (any more) was asked for again");
            return None;
        };
        // Only the recipient's devices and our own were sent it.
        let user = self.peers.canonical(device).to_non_device();
        if user != self.peers.canonical(&chat).to_non_device() && !self.device.is_own(device) {
            tracing::warn!(%id, "a stranger asked for a message again");
            return None;
        }
        self.resent.allow(now, id, device, &user).map(|at| (chat, payload, at))
    }

    fn start_resend(&mut self, now: Timestamp, resend: Resend) {
        let canonical = self.peers.canonical(&resend.device);
        let has_session = self.records.has_session(&self.peers.address(&canonical));
        let replace = resend.broken && self.resent.may_recreate(now, &canonical);
        if has_session && !replace {
            return self.send_again(now, resend);
        }
        let query = prekeys::bundle_query(std::slice::from_ref(&canonical), true);
        self.request(now, query, Request::ResendBundle(Box::new(resend)));
    }

    /// Resends whose time has come go out, and those whose acknowledgement is late go out again.
    pub(super) fn pump_resends(&mut self, now: Timestamp) {
        for resend in self.resends.late(now) {
            match resend.attempts {
                0 => self.start_resend(now, resend),
                1..MOST_ATTEMPTS => self.send_again(now, resend),
                _ => {}
            }
        }
    }

    /// Chat and plaintext of a message of ours.
    fn sent(&mut self, id: &str) -> Option<(Jid, Bytes)> {
        if let Some(message) = self.outbox.find(id) {
            return Some((message.chat.clone(), message.payload.clone()));
        }
        let message = self.sent_messages.get(id)?.as_ref()?;
        Some((message.chat.parse().ok()?, message.payload.clone()))
    }

    pub(super) fn send_again(&mut self, now: Timestamp, mut resend: Resend) {
        if let Some(stanza) = self.seal_again(&resend) {
            self.transmit(now, &stanza.to_node());
            let answer = resend.answer.take();
            self.answer_retry(now, answer);
            resend.attempts += 1;
            self.resends.put(resend, now + ACK_DEADLINE);
        } else {
            tracing::warn!(id = %resend.id, "no session, or no message, to send again");
            self.answer_retry(now, resend.answer);
        }
    }

    fn seal_again(&mut self, resend: &Resend) -> Option<OutgoingStanza> {
        let payload = resend.payload.clone();
        let user = self.peers.canonical(&resend.chat).to_non_device();
        let destination = self.wire_address(&user);
        let own_copy = self.device.is_own(&resend.device) && !self.device.is_own(&user);
        let message = Message::decode(payload.clone()).ok()?;
        let (kind, mediatype) = (content::stanza_type(&message), content::media_type(&message));
        let biz = menu::biz(&message);
        let plaintext =
            if own_copy { device_sent::wrap(&destination, message).encode_to_vec().into() } else { payload };
        let sealed = self.seal(&resend.device, &plaintext, Some(resend.count))?;
        let mut stanza = OutgoingStanza::new(resend.id.as_str().into(), resend.device.clone(), kind);
        stanza.bare_enc = Some(EncOut { mediatype, ..sealed.enc });
        stanza.device_fanout_false = true;
        stanza.biz = biz;
        stanza.recipient = own_copy.then_some(destination);
        if sealed.introduces_us {
            stanza.device_identity = self.device.account.clone().map(Bytes::from);
        }
        Some(stanza)
    }

    /// The answer to a request for bundles. Devices that it leaves out have none, or they would be asked for without
    /// end; an answer that is none is asked for again later.
    pub(super) fn on_fetched_bundles(&mut self, now: Timestamp, node: NodeRef<'_>, asked: &[Jid]) -> Flow {
        let answered: Vec<Jid> = match prekeys::parse_bundles(node) {
            Ok(bundles) => bundles.iter().map(|(jid, _)| self.peers.canonical(jid)).collect(),
            Err(error) => {
                tracing::warn!(%error, "prekey bundles are not readable");
                self.bundle_fetches.failed(asked, now);
                return Flow::Done;
            }
        };
        if let Flow::Wait = self.on_bundles(now, node) {
            return Flow::Wait;
        }
        self.bundle_fetches.done(asked);
        for device in asked {
            let canonical = self.peers.canonical(device);
            if !answered.contains(&canonical) {
                self.mark_unreachable(now, canonical);
            }
        }
        Flow::Done
    }

    /// Bundles came: a session with each device that has a good one.
    pub(super) fn on_bundles(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let mut bundles = match prekeys::parse_bundles(node) {
            Ok(bundles) => bundles,
            Err(error) => {
                tracing::warn!(%error, "prekey bundles are not readable");
                return Flow::Done;
            }
        };
        for (jid, _) in &mut bundles {
            *jid = self.peers.canonical(jid);
        }
        let missing = self.records.missing(bundles.iter().flat_map(|(jid, _)| self.session_keys(jid)));
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        // A companion's identity is signed by its primary, whose key may be known from nowhere but its own bundle.
        bundles.sort_by_key(|(jid, _)| jid.device != 0);
        for (canonical, bundle) in bundles {
            let usable = match bundle {
                Ok(bundle) => self.start_session(&canonical, &bundle),
                Err(error) => {
                    tracing::debug!(%error, "a device has no prekeys");
                    false
                }
            };
            if !usable {
                self.mark_unreachable(now, canonical);
            }
        }
        Flow::Done
    }

    /// Sets a session up from a bundle, after every check that there is. `false` when it is not to be trusted.
    fn start_session(&mut self, device: &Jid, bundle: &FetchedBundle) -> bool {
        let address = self.peers.address(device);
        if !self.is_genuine(device, &address, &bundle.identity, bundle.device_identity.as_ref()) {
            tracing::warn!(device = device.device, "a companion's identity is not signed by its account");
            return false;
        }
        let existing = self.records.take_session(&address);
        let bundle = PreKeyBundle {
            registration_id: bundle.registration_id,
            identity: bundle.identity,
            signed_pre_key_id: bundle.signed_pre_key_id,
            signed_pre_key: bundle.signed_pre_key,
            signed_pre_key_signature: bundle.signature,
            pre_key: bundle.pre_key,
        };
        match Session::initiate(existing.clone(), &self.device.identity, &bundle, &mut self.rng) {
            Ok(session) => {
                self.records.put_session(&address, session);
                self.note_identity(device, &address, &bundle.identity);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a prekey bundle is not usable");
                self.records.return_session(&address, existing);
                false
            }
        }
    }
}
