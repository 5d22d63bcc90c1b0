//! The first messages of a phone to a new device: a key for app state, and a history.
use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::ZlibEncoder};
use prost::Message as _;
use rand::RngExt;

use super::{
    accounts::DeviceAddress,
    network::{Network, SimError},
    routing::Envelope,
};
use crate::{
    jid::Server,
    message::id,
    proto::{history, message as proto},
    time::Timestamp,
};

/// `ProtocolMessage.type` of a history.
const HISTORY_SYNC_NOTIFICATION: i32 = 5;
/// `ProtocolMessage.type` of keys for app state.
const APP_STATE_SYNC_KEY_SHARE: i32 = 6;
/// People that a history names.
const NAMED: usize = 256;

impl Network {
    /// Sends a new device its first messages, as soon as it takes stanzas and its prekeys are known.
    pub(super) fn bootstrap(&mut self, now: Timestamp, device: DeviceAddress) {
        if !self.config.bootstrap {
            return;
        }
        let Some(companion) = self.accounts.companion(device) else { return };
        if companion.bootstrapped || companion.keys.signed.is_none() || !companion.mailbox.is_live() {
            return;
        }
        companion.bootstrapped = true;
        let key = self.key_share(now, device.person);
        self.send_to_own(now, device, key);
        let history = self.history(device.person);
        self.send_to_own(now, device, history);
    }

    /// A phone sends its key for app state to all its linked devices, as it does after linking and when keys change.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn share_app_state_key(&mut self, now: Timestamp, phone: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        for device in self.linked(person) {
            let key = self.key_share(now, person);
            self.send_to_own(now, device, key);
        }
        Ok(())
    }

    /// A phone sends its (short) history to all its linked devices.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn share_history(&mut self, now: Timestamp, phone: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        for device in self.linked(person) {
            let history = self.history(person);
            self.send_to_own(now, device, history);
        }
        Ok(())
    }

    fn linked(&self, person: usize) -> Vec<DeviceAddress> {
        self.accounts.devices(person).into_iter().filter(|device| device.device != 0).collect()
    }

    fn send_to_own(&mut self, now: Timestamp, device: DeviceAddress, protocol: proto::ProtocolMessage) {
        let own = self.accounts.people[device.person].jid(Server::User, 0);
        let id = id::generate(now, &own, &mut self.rng).to_string();
        let message =
            proto::Message { protocol_message: Some(Box::new(protocol)), ..proto::Message::default() };
        let payload = Bytes::from(message.encode_to_vec());
        let mut envelope = Envelope::of_phone(device.person, &id, &own, Server::User);
        envelope.forwarded.push(("category", "peer".into()));
        self.keep(&envelope, &payload);
        self.send_from_phone(now, &envelope, device, &payload, None);
    }

    fn key_share(&mut self, now: Timestamp, person: usize) -> proto::ProtocolMessage {
        let phone = &mut self.accounts.people[person].phone;
        let key = phone.app_state_key.get_or_insert_with(|| {
            let mut key = [0; 32];
            self.rng.fill(&mut key);
            key
        });
        let key = proto::AppStateSyncKey {
            key_id: Some(proto::AppStateSyncKeyId { key_id: Some(Bytes::from_static(&[0, 0, 0, 0, 0, 1])) }),
            key_data: Some(proto::AppStateSyncKeyData {
                key_data: Some(Bytes::copy_from_slice(key)),
                timestamp: Some(now.as_millis() as i64),
            }),
        };
        proto::ProtocolMessage {
            r#type: Some(APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: Some(proto::AppStateSyncKeyShare { keys: vec![key] }),
            ..proto::ProtocolMessage::default()
        }
    }

    /// Names and LIDs of the existing people; no messages.
    fn history(&self, person: usize) -> proto::ProtocolMessage {
        let people = || self.accounts.people.iter().take(NAMED).chain([&self.accounts.people[person]]);
        let sync = history::HistorySync {
            sync_type: Some(history::HistorySyncType::InitialBootstrap as i32),
            progress: Some(100),
            pushnames: people()
                .map(|person| history::Pushname {
                    id: Some(person.jid(Server::User, 0).to_string()),
                    pushname: Some(person.name.clone()),
                })
                .collect(),
            phone_number_to_lid_mappings: people()
                .map(|person| history::PhoneNumberToLidMapping {
                    pn_jid: Some(person.jid(Server::User, 0).to_string()),
                    lid_jid: Some(person.jid(Server::Lid, 0).to_string()),
                })
                .collect(),
        };
        let notification = proto::HistorySyncNotification {
            sync_type: Some(history::HistorySyncType::InitialBootstrap as i32),
            chunk_order: Some(1),
            progress: Some(100),
            initial_hist_bootstrap_inline_payload: Some(deflate(&sync.encode_to_vec())),
        };
        proto::ProtocolMessage {
            r#type: Some(HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: Some(notification),
            ..proto::ProtocolMessage::default()
        }
    }
}

fn deflate(bytes: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("a vector takes everything").into()
}
