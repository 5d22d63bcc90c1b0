//! Linking this device to a phone, by QR or by pair code.
//!
//! ```text
//!   pair-device (refs) ──► QR 1 (60 s) ──► QR 2 … (20 s each) ──► out of refs: connect again for more
//!   pair code asked ──► hello ──► typed on the phone: primary hello ──► finish
//!   either way ──► pair-success ──► verified, stored ──► answered ──► 515: connect again, log in
//! ```
use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use compact_str::CompactString;
use md5::{Digest, Md5};
use prost::Message as _;

use super::{CommandError, Engine, Reply, Request, Ticket, reconnect::Ending, records::identity_key};
use crate::{
    binary::NodeRef,
    crypto::PublicKey,
    event::{DisconnectReason, Event, QrText},
    jid::Jid,
    pairing::{
        adv,
        code::{AwaitingPrimary, PairCode},
        qr::{ClientType, QrCode},
        stanza::{self, PairError},
    },
    proto::payload,
    signal::Address,
    time::Timestamp,
};

/// What an answer without its contents counts as.
const INTERNAL_ERROR: u32 = 500;
const FIRST_CODE: Duration = Duration::from_secs(60);
const NEXT_CODES: Duration = Duration::from_secs(20);

/// The pairing under way, if any.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    refs: VecDeque<CompactString>,
    /// When the code on show ends.
    until: Option<Timestamp>,
    /// The phone's number, and what waits for it.
    code: Option<(Jid, Box<AwaitingPrimary>)>,
}

impl Pairing {
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.until
    }

    /// A pair code outlives a reconnection no more than a QR code does.
    pub(super) fn disconnected(&mut self) {
        *self = Self::default();
    }
}

impl Engine {
    /// What the client says of itself: to register when it is not linked, else to log in.
    pub(super) fn client_payload(&self) -> Vec<u8> {
        let profile = &self.config.profile;
        let [primary, secondary, tertiary] = profile.version;
        let version = payload::AppVersion {
            primary: Some(primary),
            secondary: Some(secondary),
            tertiary: Some(tertiary),
            quaternary: None,
        };
        let mut client = payload::ClientPayload {
            user_agent: Some(payload::UserAgent {
                platform: Some(PLATFORM_WEB),
                app_version: Some(version),
                mcc: Some("000".into()),
                mnc: Some("000".into()),
                os_version: Some("0.1".into()),
                manufacturer: Some(String::new()),
                device: Some("Desktop".into()),
                os_build_number: Some("0.1".into()),
                release_channel: Some(RELEASE),
                locale_language: Some(profile.language.clone()),
                locale_country: Some(profile.country.clone()),
            }),
            web_info: Some(payload::WebInfo { web_sub_platform: Some(WEB_BROWSER) }),
            push_name: self.push_name().map(str::to_owned),
            connect_type: Some(WIFI_UNKNOWN),
            connect_reason: Some(USER_ACTIVATED),
            ..payload::ClientPayload::default()
        };
        match &self.device.jid {
            Some(jid) => {
                client.username = jid.user.parse().ok();
                client.device = Some(jid.device.into());
                client.passive = Some(profile.passive);
                client.pull = Some(true);
                client.lid_db_migrated = Some(profile.lid_db_migrated);
                client.lc = Some(self.device.login_counter.min(i32::MAX as u32) as i32);
            }
            None => {
                client.passive = Some(false);
                client.pull = Some(false);
                client.device_pairing_data = Some(self.registration());
            }
        }
        client.encode_to_vec()
    }

    fn registration(&self) -> payload::DevicePairingData {
        let [primary, secondary, tertiary] = self.config.profile.version;
        let build = Md5::digest(format!("{primary}.{secondary}.{tertiary}").as_bytes());
        let props = payload::DeviceProps {
            os: Some(self.config.profile.os.clone()),
            version: Some(payload::AppVersion {
                primary: Some(0),
                secondary: Some(1),
                tertiary: Some(0),
                quaternary: None,
            }),
            platform_type: Some(PLATFORM_CHROME),
            require_full_sync: Some(false),
            history_sync_config: Some(payload::HistorySyncConfig {
                storage_quota_mb: Some(10_240),
                inline_initial_payload_in_e2ee_msg: Some(true),
            }),
        };
        let signed = &self.device.signed_pre_key;
        payload::DevicePairingData {
            registration_id: Some(Bytes::copy_from_slice(
                &self.device.identity.registration_id.to_be_bytes(),
            )),
            key_type: Some(Bytes::from_static(&[5])),
            identity: Some(raw(&self.device.identity.key.public())),
            signed_prekey_id: Some(Bytes::copy_from_slice(&signed.id.to_be_bytes()[1..])),
            signed_prekey_value: Some(raw(&signed.key.public())),
            signed_prekey_signature: Some(Bytes::copy_from_slice(&signed.signature)),
            build_hash: Some(Bytes::copy_from_slice(&build)),
            device_props: Some(props.encode_to_vec().into()),
        }
    }

    /// `true` when the request was about pairing and has been answered.
    pub(super) fn on_pairing_iq(&mut self, now: Timestamp, id: &str, node: NodeRef<'_>) -> bool {
        if let Some(refs) = stanza::parse_pair_device(node) {
            let answer = stanza::pair_device_answer(id);
            self.transmit(now, &answer);
            self.pairing.refs = refs.into();
            self.pairing.until = None;
            self.show_next_code(now, FIRST_CODE);
            return true;
        }
        if node.child("pair-success").is_some() {
            self.on_pair_success(now, id, node);
            return true;
        }
        false
    }

    fn show_next_code(&mut self, now: Timestamp, lifetime: Duration) {
        let Some(reference) = self.pairing.refs.pop_front() else {
            self.pairing.until = None;
            return self.end(now, DisconnectReason::PairingExpired, Ending::CoolDown(Duration::from_secs(1)));
        };
        let code = QrCode {
            reference: reference.to_string(),
            noise: self.device.noise.public(),
            identity: self.device.identity.key.public(),
            adv_secret: self.device.adv_secret.clone(),
            client_type: ClientType::Chrome,
        };
        let expires_at = now + lifetime;
        self.pairing.until = Some(expires_at);
        self.step.events.push(Event::Qr { text: QrText(code.to_text()), expires_at });
    }

    pub(super) fn on_pairing_time(&mut self, now: Timestamp) {
        if self.pairing.until.is_some_and(|until| until <= now) {
            self.show_next_code(now, NEXT_CODES);
        }
    }

    /// A phone accepted us. Nothing is believed before it is verified, and nothing answered before it is stored.
    fn on_pair_success(&mut self, now: Timestamp, id: &str, node: NodeRef<'_>) {
        if self.device.jid.is_some() {
            tracing::warn!("a second pair-success was ignored");
            return;
        }
        let verified = stanza::PairSuccess::parse(node).and_then(|success| {
            let own = &self.device.identity.key;
            let linked = adv::link(&success.device_identity, &self.device.adv_secret, own, &mut self.rng)?;
            Ok((success, linked))
        });
        let (success, linked) = match verified {
            Ok(verified) => verified,
            Err(error) => {
                let answer = stanza::pair_error(id, error);
                self.transmit(now, &answer);
                return self.step.events.push(Event::PairingFailed { reason: error.to_string() });
            }
        };
        self.pairing.disconnected();
        self.device.jid = Some(success.jid.clone());
        self.device.lid = success.lid.clone();
        self.device.account = Some(linked.account.to_vec());
        self.save_device();
        let mut primary = success.jid.to_non_device();
        if let Some(lid) = &success.lid {
            primary = lid.to_non_device();
            self.learn(&success.jid.to_non_device(), &primary);
        }
        let key = raw(&linked.account_key);
        self.records.put_raw(identity_key(&Address::from(&primary)), Some(key));
        let answer = stanza::pair_device_sign(id, linked.key_index, linked.reply);
        self.transmit(now, &answer);
        self.step.events.push(Event::Paired { jid: success.jid, lid: success.lid });
    }

    /// The user wants to type a code instead of scanning one.
    pub(super) fn request_pair_code(&mut self, now: Timestamp, ticket: Ticket, phone: &str) {
        let refused = if self.device.jid.is_some() {
            Some(CommandError::AlreadyLinked)
        } else if !self.is_entering() {
            Some(CommandError::NotConnected)
        } else if !is_international(phone) {
            Some(CommandError::BadNumber)
        } else {
            None
        };
        if let Some(error) = refused {
            return self.step.replies.push((ticket, Reply::Failed(error)));
        }
        let (waiting, hello) = PairCode::generate(&mut self.rng).hello(&mut self.rng);
        let noise = self.device.noise.public();
        let phone = Jid::pn(phone);
        let node = stanza::companion_hello(&phone, &hello, &noise);
        self.pairing.code = Some((phone, Box::new(waiting)));
        self.request(now, node, Request::PairCodeHello(ticket));
    }

    pub(super) fn on_pair_code_answer(&mut self, ticket: Ticket, node: NodeRef<'_>, error: Option<u32>) {
        let reply = match (error, &mut self.pairing.code, stanza::parse_pairing_ref(node)) {
            (Some(code), ..) => {
                self.pairing.code = None;
                Reply::Failed(CommandError::Refused(code))
            }
            (None, Some((_, waiting)), Some(reference)) => {
                waiting.set_reference(reference);
                Reply::PairCode(waiting.display())
            }
            (None, Some(_), None) => {
                self.pairing.code = None;
                Reply::Failed(CommandError::Refused(INTERNAL_ERROR))
            }
            (None, None, _) => Reply::Failed(CommandError::NotConnected),
        };
        self.step.replies.push((ticket, reply));
    }

    /// The code was typed on the phone.
    pub(super) fn on_link_code(&mut self, now: Timestamp, node: NodeRef<'_>) {
        let Some((phone, waiting)) = &mut self.pairing.code else { return };
        let finished = stanza::parse_primary_hello(node)
            .and_then(|hello| waiting.primary_hello(&hello, &self.device.identity.key, &mut self.rng));
        match finished {
            Ok(finish) => {
                let node = stanza::companion_finish(phone, &finish, &self.device.identity.key.public());
                self.device.adv_secret = finish.adv_secret.clone();
                self.save_device();
                self.request(now, node, Request::PairCodeFinish);
            }
            Err(PairError::OtherPairing) => tracing::warn!("an answer to another pair code was ignored"),
            Err(error) => {
                self.pairing.code = None;
                self.step.events.push(Event::PairingFailed { reason: error.to_string() });
            }
        }
    }
}

/// Digits with the country's code first, as ITU-T E.164 has them: no number starts with a 0.
fn is_international(phone: &str) -> bool {
    (7..=15).contains(&phone.len()) && phone.bytes().all(|b| b.is_ascii_digit()) && !phone.starts_with('0')
}

fn raw(key: &PublicKey) -> Bytes {
    Bytes::copy_from_slice(key.as_bytes())
}

// Numbers of the enums in ClientPayload and DeviceProps (protocol notes 2.3).
const PLATFORM_WEB: i32 = 14;
const RELEASE: i32 = 0;
const WEB_BROWSER: i32 = 0;
const WIFI_UNKNOWN: i32 = 1;
const USER_ACTIVATED: i32 = 1;
const PLATFORM_CHROME: i32 = 1;
