//! Prekeys: how many the server has, whether they are ours, and uploads in time.
use std::time::Duration;

use whatsapp_store::SignalKey;

use super::{
    Request,
    context::Context,
    device::Device,
    loads::{Lookup, pre_key_key},
};
use crate::{
    binary::NodeRef,
    crypto::PublicKey,
    signal::{Address, PreKey},
    stanza::prekeys,
    time::Timestamp,
};

/// One-time prekeys on the first upload, and on later ones (protocol notes 2.6).
pub(super) const FIRST_UPLOAD: u32 = 812;
const REFILL: u32 = 50;
/// Below this count the server gets more.
const LOW_WATER: u32 = 5;

/// The number of the newest one-time prekeys that are kept. The server holds only those of the last uploads, so a server that
/// makes us upload again and again cannot fill the disk.
const MOST_KEPT: u32 = 5 * FIRST_UPLOAD;

/// The pause before a refused upload is retried.
const UPLOAD_AGAIN: Duration = Duration::from_secs(300);

/// The pause before an unconfirmed rotation is sent again.
const ROTATE_AGAIN: Duration = Duration::from_secs(3600);

/// The state of our prekeys at the server, in this run.
#[derive(Debug, Default)]
pub(super) struct PreKeys {
    is_digest_checked: bool,
    /// When to send an unconfirmed rotation again.
    rotate_again_at: Option<Timestamp>,
    /// An upload that the server refused is tried again then.
    upload_again_at: Option<Timestamp>,
}

impl PreKeys {
    pub(super) fn on_count(&mut self, cx: &mut Context, node: NodeRef<'_>) {
        match prekeys::parse_count(node) {
            Ok(0) => self.upload(cx, FIRST_UPLOAD),
            Ok(count) if count < LOW_WATER => self.upload(cx, REFILL),
            Ok(_) if !self.is_digest_checked => cx.request(prekeys::digest_query(), Request::Digest),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the prekey count is not readable"),
        }
    }

    /// Makes prekeys and uploads them; they are durable before the server can hand them out.
    pub(super) fn upload(&mut self, cx: &mut Context, count: u32) {
        if cx.link.requests.any(|request| matches!(request, Request::PreKeyUpload)) {
            return;
        }
        let made: Vec<_> = make(cx, count).iter().map(|key| (key.id, key.key.public())).collect();
        let signed = cx.own.device.current_signed_pre_key();
        let node = prekeys::upload(
            cx.own.device.identity.registration_id,
            &cx.own.device.identity.key.public(),
            (signed.id, signed.key.public(), signed.signature),
            &made,
        );
        cx.request(node, Request::PreKeyUpload);
    }

    /// The server runs low.
    pub(super) fn refill(&mut self, cx: &mut Context) {
        self.upload(cx, REFILL);
    }

    /// The server did not take our prekeys, or did not say how many it has: without prekeys there, others could not write to us.
    pub(super) fn on_upload_failed(&mut self, cx: &Context) {
        self.upload_again_at = Some(cx.now + UPLOAD_AGAIN);
    }

    /// Asks once more for the server's count, when that is due after a failure.
    pub(super) fn ask_again_if_due(&mut self, cx: &mut Context) {
        if cx.link.is_online() && self.upload_again_at.is_some_and(|at| at <= cx.now) {
            self.upload_again_at = None;
            cx.request(prekeys::count_query(), Request::PreKeyCount);
        }
    }

    /// The server's prekeys must equal ours; otherwise everything is uploaded again.
    pub(super) fn on_digest(&mut self, cx: &mut Context, node: NodeRef<'_>) -> Lookup {
        let Ok(digest) = prekeys::parse_digest(node) else {
            self.upload(cx, FIRST_UPLOAD);
            return Ok(());
        };
        let keys: Vec<SignalKey> = digest.pre_key_ids.iter().map(|id| pre_key_key(*id)).collect();
        cx.loads.know_signal(keys.iter().cloned())?;
        self.is_digest_checked = true;
        let mut publics = Some(Vec::with_capacity(keys.len()));
        for key in &keys {
            let held = cx.loads.record(key)?.and_then(|bytes| PreKey::from_bytes(&bytes).ok());
            publics = publics.zip(held).map(|(mut publics, held)| {
                publics.push(held.key.public());
                publics
            });
        }
        let signed = cx.own.device.current_signed_pre_key();
        let expected = publics.map(|publics| {
            let identity = cx.own.device.identity.key.public();
            prekeys::digest_hash(&identity, &signed.key.public(), &signed.signature, &publics)
        });
        if expected != Some(digest.hash) {
            tracing::warn!("the server's prekeys are not ours: uploading new ones");
            self.upload(cx, FIRST_UPLOAD);
        }
        Ok(())
    }
}

/// The signed prekey, which is replaced every 27 to 30 days.
impl PreKeys {
    /// Replaces the signed prekey when it is time to, and sends an unconfirmed replacement to the server again. The new
    /// key is durable before the server can hand it out.
    pub(super) fn rotate_if_due(&mut self, cx: &mut Context) {
        if !cx.link.is_online()
            || cx.link.requests.any(|request| matches!(request, Request::SignedPreKeyRotation))
        {
            return;
        }
        if cx.own.device.signed_pre_keys.correct_future_dates(cx.now) {
            cx.own.save();
        }
        let is_due = cx.own.device.signed_pre_keys.rotation_due(cx.now);
        if is_due {
            let identity = cx.own.device.identity.key.clone();
            cx.own.device.signed_pre_keys.rotate(&identity, cx.now, &mut cx.own.rng);
            cx.own.save();
        }
        if is_due || self.rotate_again_at.is_some_and(|at| at <= cx.now) {
            self.rotate_again_at = None;
            let signed = cx.own.device.current_signed_pre_key();
            let node = prekeys::rotate((signed.id, signed.key.public(), signed.signature));
            cx.request(node, Request::SignedPreKeyRotation);
        }
    }

    /// The server did not confirm the new signed prekey. Until it does, it hands out the former one, which is kept.
    pub(super) fn on_rotation_failed(&mut self, cx: &Context) {
        self.rotate_again_at = Some(cx.now + ROTATE_AGAIN);
    }

    pub(super) fn next_timeout(&self, cx: &Context) -> Option<Timestamp> {
        let is_under_way = cx.link.requests.any(|request| matches!(request, Request::SignedPreKeyRotation));
        let next = cx.own.device.signed_pre_keys.next_rotation();
        let next = self.rotate_again_at.map_or(next, |at| at.min(next));
        let rotation = (!is_under_way).then_some(next);
        cx.link.is_online().then(|| rotation.into_iter().chain(self.upload_again_at).min()).flatten()
    }
}

/// Makes one-time prekeys and stores them.
pub(super) fn make(cx: &mut Context, count: u32) -> Vec<PreKey> {
    let ids = cx.own.device.take_pre_key_ids(count);
    for id in &ids {
        let outdated = Device::former_pre_key_id(*id, MOST_KEPT);
        cx.own.device.retry_pre_keys.remove(outdated);
        cx.loads.put_record(pre_key_key(outdated), None);
    }
    cx.own.save();
    let keys = PreKey::generate_many(ids.into_iter(), &mut cx.own.rng);
    for key in &keys {
        cx.loads.put_record(pre_key_key(key.id), Some(key.to_bytes()));
    }
    keys
}

/// The one-time prekey for a device's new session with us: the one that it got before, or a new one. The oldest of these
/// keys is deleted when there are too many.
pub(super) fn for_retry(cx: &mut Context, device: &Address) -> Option<(u32, PublicKey)> {
    if let Some(key) = cx.own.device.retry_pre_keys.find(device.as_str()) {
        return Some(key);
    }
    let key = make(cx, 1).pop()?;
    let (id, public) = (key.id, key.key.public());
    if let Some(oldest) = cx.own.device.retry_pre_keys.insert(device.as_str(), id, public) {
        cx.loads.put_record(pre_key_key(oldest), None);
    }
    Some((id, public))
}

/// A one-time prekey is used up.
pub(super) fn on_used(cx: &mut Context, id: u32) {
    if cx.own.device.retry_pre_keys.remove(id) {
        cx.own.save();
    }
}
