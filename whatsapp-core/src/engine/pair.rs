//! Linking this device to a phone, by QR or by pair code.
//!
//! ```text
//!   pair-device (refs) ──► QR 1 (60 s) ──► QR 2 … (20 s each) ──► out of refs: connect again for more
//!   pair code asked ──► hello ──► typed on the phone: primary hello ──► finish
//!   either way ──► pair-success ──► verified, stored ──► answered ──► 515: connect again, log in
//! ```
use std::{collections::VecDeque, time::Duration};

use compact_str::CompactString;
use whatsapp_store::Change;

use super::{
    CommandError, Reply, Request, RequestId,
    context::Context,
    loads::Lookup,
    reconnect::Recovery,
    trust::{self, Source},
};
use crate::{
    binary::NodeRef,
    event::{DisconnectReason, Event, QrText},
    jid::Jid,
    pairing::{
        adv,
        code::{AwaitingPrimary, PairCode},
        qr::{ClientType, QrCode},
        stanza::{self, PairError},
    },
    time::Timestamp,
};

/// The error code for a malformed answer.
const INTERNAL_ERROR: u32 = 500;
const FIRST_CODE: Duration = Duration::from_secs(60);
const NEXT_CODES: Duration = Duration::from_secs(20);

/// The pairing under way, if any.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    refs: VecDeque<CompactString>,
    /// When the code on show ends.
    until: Option<Timestamp>,
    /// The phone's number, and the state that waits for the phone.
    code: Option<(Jid, Box<AwaitingPrimary>)>,
}

impl Pairing {
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.until
    }

    /// A pair code does not outlive a reconnection, and neither does a QR code.
    pub(super) fn disconnected(&mut self) {
        *self = Self::default();
    }
}

impl Pairing {
    /// `true` when the request was about pairing and has been answered.
    pub(super) fn on_iq(&mut self, cx: &mut Context, id: &str, node: NodeRef<'_>) -> Lookup<bool> {
        if let Some(refs) = stanza::parse_pair_device(node) {
            let answer = stanza::pair_device_answer(id);
            cx.transmit(&answer);
            self.refs = refs.into();
            self.until = None;
            self.show_next_code(cx, FIRST_CODE);
            return Ok(true);
        }
        if node.child("pair-success").is_some() {
            self.on_pair_success(cx, id, node)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn show_next_code(&mut self, cx: &mut Context, lifetime: Duration) {
        let Some(reference) = self.refs.pop_front() else {
            self.until = None;
            return cx.end(DisconnectReason::PairingExpired, Recovery::CoolDown(Duration::from_secs(1)));
        };
        let code = QrCode {
            reference: reference.to_string(),
            noise: cx.own.device.noise.public(),
            identity: cx.own.device.identity.key.public(),
            adv_secret: cx.own.device.adv_secret.clone(),
            client_type: ClientType::Chrome,
        };
        let expires_at = cx.now + lifetime;
        self.until = Some(expires_at);
        cx.tell(Event::Qr { text: QrText(code.to_text()), expires_at });
    }

    pub(super) fn on_time(&mut self, cx: &mut Context) {
        if self.until.is_some_and(|until| until <= cx.now) {
            self.show_next_code(cx, NEXT_CODES);
        }
    }

    /// A phone accepted us. Everything is verified before it is used, and stored before it is answered.
    fn on_pair_success(&mut self, cx: &mut Context, id: &str, node: NodeRef<'_>) -> Lookup {
        if cx.own.is_linked() {
            tracing::warn!("a second pair-success was ignored");
            return Ok(());
        }
        let verified = stanza::PairSuccess::parse(node).and_then(|success| {
            let own = &cx.own.device.identity.key;
            let linked =
                adv::link(&success.device_identity, &cx.own.device.adv_secret, own, &mut cx.own.rng)?;
            Ok((success, linked))
        });
        let (mut success, linked) = match verified {
            Ok(verified) => verified,
            Err(error) => {
                cx.transmit(&stanza::pair_error(id, error));
                cx.tell(Event::PairingFailed { reason: error.to_string() });
                return Ok(());
            }
        };
        success.lid = success.lid.filter(Jid::is_person_lid);
        if let Some(former) = cx.own.take_former() {
            // What is stored is another device's; what waits to be sent is the account's.
            let is_same = former.account.is_some_and(|account| account.same_user(&success.jid));
            cx.change(if is_same { Change::ReplaceDevice } else { Change::DeleteDevice });
            cx.loads.begin_anew();
        }
        let primary = success.lid.as_ref().unwrap_or(&success.jid).to_non_device();
        cx.loads.know([&success.jid, &primary])?;
        trust::learn(cx, &success.jid, &primary, Source::Phone)?;
        trust::note_identity(cx, &primary, &linked.account_key)?;
        self.disconnected();
        cx.own.device.jid = Some(success.jid.clone());
        cx.own.device.lid = success.lid.clone();
        cx.own.device.account = Some(linked.account.to_vec());
        cx.own.device.logins.trust_root = Some(cx.own.config.trust_root);
        cx.own.save();
        cx.transmit(&stanza::pair_device_sign(id, linked.key_index, linked.reply));
        cx.tell(Event::Paired { jid: success.jid, lid: success.lid });
        Ok(())
    }

    /// The user wants to type a code instead of scanning one.
    pub(super) fn request_pair_code(&mut self, cx: &mut Context, request_id: RequestId, phone: &str) {
        let refused = if cx.own.device.jid.is_some() {
            Some(CommandError::AlreadyLinked)
        } else if !cx.link.is_entering() {
            Some(CommandError::NotConnected)
        } else if !is_international(phone) {
            Some(CommandError::BadNumber)
        } else {
            None
        };
        if let Some(error) = refused {
            return cx.reply(request_id, Reply::Failed(error));
        }
        let (waiting, hello) = PairCode::generate(&mut cx.own.rng).hello(&mut cx.own.rng);
        let noise = cx.own.device.noise.public();
        let phone = Jid::pn(phone);
        let node = stanza::companion_hello(&phone, &hello, &noise);
        self.code = Some((phone, Box::new(waiting)));
        cx.request(node, Request::PairCodeHello(request_id));
    }

    pub(super) fn on_pair_code_answer(
        &mut self,
        cx: &mut Context,
        request_id: RequestId,
        node: NodeRef<'_>,
        error: Option<u32>,
    ) {
        let reply = match (error, &mut self.code, stanza::parse_pairing_ref(node)) {
            (Some(code), ..) => {
                self.code = None;
                Reply::Failed(CommandError::Refused(code))
            }
            (None, Some((_, waiting)), Some(reference)) => {
                waiting.set_reference(reference);
                Reply::PairCode(waiting.display())
            }
            (None, Some(_), None) => {
                self.code = None;
                Reply::Failed(CommandError::Refused(INTERNAL_ERROR))
            }
            (None, None, _) => Reply::Failed(CommandError::NotConnected),
        };
        cx.reply(request_id, reply);
    }

    /// The code was typed on the phone.
    pub(super) fn on_link_code(&mut self, cx: &mut Context, node: NodeRef<'_>) {
        let Some((phone, waiting)) = &mut self.code else { return };
        let finished = stanza::parse_primary_hello(node)
            .and_then(|hello| waiting.primary_hello(&hello, &cx.own.device.identity.key, &mut cx.own.rng));
        match finished {
            Ok(finish) => {
                let node = stanza::companion_finish(phone, &finish, &cx.own.device.identity.key.public());
                cx.own.device.adv_secret = finish.adv_secret.clone();
                cx.own.save();
                cx.request(node, Request::PairCodeFinish);
            }
            Err(PairError::OtherPairing) => tracing::warn!("an answer to another pair code was ignored"),
            Err(error) => {
                self.code = None;
                cx.tell(Event::PairingFailed { reason: error.to_string() });
            }
        }
    }
}

/// Digits with the country's code first, as ITU-T E.164 has them: no number starts with a 0.
fn is_international(phone: &str) -> bool {
    (7..=15).contains(&phone.len()) && phone.bytes().all(|b| b.is_ascii_digit()) && !phone.starts_with('0')
}
