//! After the handshake: the service's `success`, prekeys, the offline queue, presence, dirty bits.
//!
//! ```text
//!   success ──► active ──► prekeys (count, upload, digest) ──► offline queue ──► presence
//! ```
//! No step waits for the one before it, so that one that is never answered stops nothing.
use bytes::Bytes;
use whatsapp_store::{Change, SignalKey};

use super::{Engine, Flow, Query, Request, records::pre_key_key};
use crate::{
    binary::NodeRef,
    event::Event,
    jid::{Jid, Server},
    signal::PreKey,
    stanza::{connection, prekeys},
    time::Timestamp,
};

/// One-time prekeys on the first upload, and on later ones (protocol notes 2.6).
pub(super) const FIRST_UPLOAD: u32 = 812;
const REFILL: u32 = 50;
/// Below this count the service gets more.
const LOW_WATER: u32 = 5;
/// Stanzas of the offline queue asked for at once.
const OFFLINE_BATCH: u32 = 200;

/// What is known of the offline queue.
#[derive(Debug, Default)]
pub(super) struct Offline {
    announced: u32,
    since_request: u32,
    done: bool,
}

impl Engine {
    /// The service accepted our login.
    pub(super) fn on_success(&mut self, now: Timestamp, node: NodeRef<'_>) {
        if self.device.jid.is_none() {
            // Seen by others before pairing was complete; it means nothing then.
            return;
        }
        let success = connection::parse_success(node);
        if let Some(t) = success.t {
            self.service_clock.set(t, now);
        }
        if let Some(lid) = success.lid.filter(|lid| lid.server == Server::Lid) {
            self.learn_own_lid(&lid);
        }
        self.reconnect.connected(now);
        self.device.login_counter = self.device.login_counter.wrapping_add(1);
        self.save_device();
        self.offline = Offline::default();
        self.go_online(now);
        self.request(now, prekeys::count_query(), Request::PreKeyCount);
        self.request(now, connection::passive_iq(false), Request::Active);
        let session = connection::unified_session(&self.unified_session_id(now));
        self.transmit(now, &session);
        if self.is_available() {
            let presence = connection::presence(true, self.push_name());
            self.transmit(now, &presence);
        }
        let (jid, lid) = (self.device.jid.clone().unwrap_or(Jid::SERVICE), self.device.lid.clone());
        self.step.events.push(Event::Connected { jid, lid });
    }

    fn learn_own_lid(&mut self, lid: &Jid) {
        let Some(own) = self.device.jid.clone() else { return };
        self.device.lid = Some(lid.to_non_device().with_device(own.device));
        self.learn(&own.to_non_device(), &lid.to_non_device());
    }

    /// `(now + skew + 3 days) mod 7 days`, in milliseconds (protocol notes 2.5).
    fn unified_session_id(&self, now: Timestamp) -> String {
        const DAY: i128 = 86_400_000;
        (self.service_clock.millis(now) + 3 * DAY).rem_euclid(7 * DAY).to_string()
    }

    /// Presence (and with it visible receipts) needs a name.
    pub(super) fn is_available(&self) -> bool {
        self.config.available && self.push_name().is_some()
    }

    pub(super) fn push_name(&self) -> Option<&str> {
        self.config.push_name.as_deref().or(self.device.push_name.as_deref())
    }

    pub(super) fn on_pre_key_count(&mut self, now: Timestamp, node: NodeRef<'_>) {
        match prekeys::parse_count(node) {
            Ok(0) => self.upload_pre_keys(now, FIRST_UPLOAD),
            Ok(count) if count < LOW_WATER => self.upload_pre_keys(now, REFILL),
            Ok(_) if !self.digest_checked => self.request(now, prekeys::digest_query(), Request::Digest),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the prekey count is not readable"),
        }
    }

    /// Makes prekeys and uploads them; they are durable before the service can hand them out.
    pub(super) fn upload_pre_keys(&mut self, now: Timestamp, count: u32) {
        if self.requests.any(|request| matches!(request, Request::PreKeyUpload)) {
            return;
        }
        let made: Vec<_> = self.make_pre_keys(count).iter().map(|key| (key.id, key.key.public())).collect();
        let signed = self.device.current_signed_pre_key();
        let node = prekeys::upload(
            self.device.identity.registration_id,
            &self.device.identity.key.public(),
            (signed.id, signed.key.public(), signed.signature),
            &made,
        );
        self.request(now, node, Request::PreKeyUpload);
    }

    /// The service runs low.
    pub(super) fn refill_pre_keys(&mut self, now: Timestamp) {
        self.upload_pre_keys(now, REFILL);
    }

    pub(super) fn make_pre_keys(&mut self, count: u32) -> Vec<PreKey> {
        let ids = self.device.take_pre_key_ids(count);
        self.save_device();
        let keys = PreKey::generate_many(ids.into_iter(), &mut self.rng);
        for key in &keys {
            self.records.put_raw(pre_key_key(key.id), Some(key.to_bytes()));
        }
        keys
    }

    /// What the service holds of our prekeys must be what we hold; else everything is uploaded anew.
    pub(super) fn on_digest(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let Ok(digest) = prekeys::parse_digest(node) else {
            self.upload_pre_keys(now, FIRST_UPLOAD);
            return Flow::Done;
        };
        let keys: Vec<SignalKey> = digest.pre_key_ids.iter().map(|id| pre_key_key(*id)).collect();
        let missing = self.records.missing(keys.iter().cloned());
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        self.digest_checked = true;
        let publics: Option<Vec<_>> = keys
            .iter()
            .map(|key| self.records.raw(key).and_then(|bytes| PreKey::from_bytes(&bytes).ok()))
            .map(|key| key.map(|key| key.key.public()))
            .collect();
        let signed = self.device.current_signed_pre_key();
        let expected = publics.map(|publics| {
            let identity = self.device.identity.key.public();
            prekeys::digest_hash(&identity, &signed.key.public(), &signed.signature, &publics)
        });
        if expected != Some(digest.hash) {
            tracing::warn!("the service's prekeys are not ours: uploading new ones");
            self.upload_pre_keys(now, FIRST_UPLOAD);
        }
        Flow::Done
    }

    /// The service says how much waits for us; it hands it out in batches on request.
    pub(super) fn on_offline_preview(&mut self, now: Timestamp, count: u32) {
        self.offline = Offline { announced: count, since_request: 0, done: false };
        let batch = connection::offline_batch(OFFLINE_BATCH);
        self.transmit(now, &batch);
    }

    /// A stanza of the offline queue came.
    pub(super) fn on_offline_stanza(&mut self, now: Timestamp) {
        self.offline.since_request += 1;
        if self.offline.since_request >= OFFLINE_BATCH && !self.offline.done {
            self.offline.since_request = 0;
            let batch = connection::offline_batch(OFFLINE_BATCH);
            self.transmit(now, &batch);
        }
    }

    pub(super) fn on_offline_done(&mut self, count: u32) {
        self.offline.done = true;
        let count = count.max(self.offline.announced);
        self.step.events.push(Event::OfflineDone { count });
    }

    pub(super) fn on_edge_routing(&mut self, routing: &Bytes) {
        self.device.edge_routing = Some(routing.to_vec());
        self.save_device();
    }

    pub(super) fn save_device(&mut self) {
        self.device_dirty = true;
    }

    pub(super) fn flush_device(&mut self) {
        if std::mem::take(&mut self.device_dirty) {
            let record = self.device.to_record();
            self.step.change(Change::PutDevice(record));
        }
    }
}
