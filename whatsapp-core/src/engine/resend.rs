//! Sending a message again to a device that could not decrypt it.
use bytes::Bytes;
use prost::Message as _;

use super::{Engine, Flow, Query, Request, retries::MOST};
use crate::{
    binary::NodeRef,
    jid::Jid,
    message::{content, device_sent},
    pairing::adv,
    proto::message::Message,
    signal::{PreKeyBundle, Session},
    stanza::{
        message::OutgoingStanza,
        prekeys::{self, FetchedBundle},
        receipt::{Receipt, RetryRequest},
    },
    time::Timestamp,
};

/// A resend that waits for a prekey bundle.
#[derive(Clone, Debug)]
pub(super) struct Resend {
    device: Jid,
    chat: Jid,
    id: String,
    count: u8,
}

impl Engine {
    /// A device asks for a message again.
    pub(super) fn on_retry(&mut self, now: Timestamp, receipt: &Receipt, request: &RetryRequest) -> Flow {
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
        let Some(chat) = self.chat_of_sent(&id) else {
            tracing::debug!(%id, "a message that is not ours (any more) was asked for again");
            return Flow::Done;
        };
        // Only the recipient's devices and our own were sent it.
        let user = self.peers.canonical(&device).to_non_device();
        if user != self.peers.canonical(&chat).to_non_device() && !self.device.is_own(&device) {
            tracing::warn!(%id, "a stranger asked for a message again");
            return Flow::Done;
        }
        if !self.resent.allow(now, &id, &device, &user) {
            return Flow::Done;
        }
        let resend = Resend { device, chat, id, count: request.count.clamp(1, MOST) };
        self.start_resend(now, resend, request);
        Flow::Done
    }

    fn start_resend(&mut self, now: Timestamp, resend: Resend, request: &RetryRequest) {
        let canonical = self.peers.canonical(&resend.device);
        if let Some(bundle) = &request.keys {
            // Fresh keys came along: no need to ask the service for some.
            if self.start_session(&canonical, bundle) {
                return self.send_again(now, &resend);
            }
        }
        let has_session = self.records.has_session(&self.peers.address(&canonical));
        let broken = resend.count >= 2 && self.resent.may_recreate(now, &canonical);
        if has_session && !broken {
            return self.send_again(now, &resend);
        }
        let query = prekeys::bundle_query(std::slice::from_ref(&canonical), true);
        self.request(now, query, Request::ResendBundle(Box::new(resend)));
    }

    pub(super) fn on_resend_bundle(&mut self, now: Timestamp, node: NodeRef<'_>, resend: &Resend) {
        self.on_bundles(now, node);
        self.send_again(now, resend);
    }

    fn chat_of_sent(&mut self, id: &str) -> Option<Jid> {
        if let Some(message) = self.outbox.find(id) {
            return Some(message.chat.clone());
        }
        self.sent_messages.get(id)?.as_ref()?.chat.parse().ok()
    }

    fn payload_of_sent(&mut self, id: &str) -> Option<Bytes> {
        if let Some(message) = self.outbox.find(id) {
            return Some(message.payload.clone());
        }
        Some(self.sent_messages.get(id)?.as_ref()?.payload.clone())
    }

    fn send_again(&mut self, now: Timestamp, resend: &Resend) {
        let Some(payload) = self.payload_of_sent(&resend.id) else { return };
        let user = self.peers.canonical(&resend.chat).to_non_device();
        let destination = self.wire_address(&user);
        let own_copy = self.device.is_own(&resend.device) && !self.device.is_own(&user);
        let Ok(message) = Message::decode(payload.clone()) else { return };
        let kind = content::stanza_type(&message);
        let plaintext =
            if own_copy { device_sent::wrap(&destination, message).encode_to_vec().into() } else { payload };
        let Some(sealed) = self.seal(&resend.device, &plaintext, Some(resend.count)) else {
            tracing::warn!(id = %resend.id, "no session to send a message again with");
            return;
        };
        let mut stanza = OutgoingStanza::new(resend.id.as_str().into(), resend.device.clone(), kind);
        stanza.bare_enc = Some(sealed.enc);
        stanza.device_fanout_false = true;
        stanza.recipient = own_copy.then_some(destination);
        if sealed.introduces_us {
            stanza.device_identity = self.device.account.clone().map(Bytes::from);
        }
        self.transmit(now, &stanza.to_node());
    }

    /// Bundles came: a session with each device that has a good one.
    pub(super) fn on_bundles(&mut self, now: Timestamp, node: NodeRef<'_>) {
        let bundles = match prekeys::parse_bundles(node) {
            Ok(bundles) => bundles,
            Err(error) => return tracing::warn!(%error, "prekey bundles are not readable"),
        };
        for (jid, bundle) in bundles {
            let canonical = self.peers.canonical(&jid);
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
    }

    /// Sets a session up from a bundle, after every check that there is. `false` when it is not to be trusted.
    fn start_session(&mut self, device: &Jid, bundle: &FetchedBundle) -> bool {
        let account = self.account_key(device);
        if device.device != 0
            && let Some(bytes) = &bundle.device_identity
            && adv::verify_companion(bytes, &bundle.identity, account.as_ref()).is_err()
        {
            tracing::warn!(device = device.device, "a companion's identity is not signed by its account");
            return false;
        }
        let address = self.peers.address(device);
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
