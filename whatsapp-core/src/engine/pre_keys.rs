//! Prekeys: how many the server has of ours, whether they are ours, and new ones.
use whatsapp_store::SignalKey;

use super::{
    Request,
    context::Context,
    loads::{Lookup, pre_key_key},
};
use crate::{
    binary::NodeRef,
    crypto::PublicKey,
    signal::{Address, PreKey},
    stanza::prekeys,
};

/// One-time prekeys on the first upload, and on later ones (protocol notes 2.6).
pub(super) const FIRST_UPLOAD: u32 = 812;
const REFILL: u32 = 50;
/// Below this count the server gets more.
const LOW_WATER: u32 = 5;

/// What this run knows of our prekeys at the server.
#[derive(Debug, Default)]
pub(super) struct PreKeys {
    is_digest_checked: bool,
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
        let signed = &cx.own.device.signed_pre_key;
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

    /// What the server holds of our prekeys must be what we hold; else everything is uploaded anew.
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
        let signed = &cx.own.device.signed_pre_key;
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

/// Makes one-time prekeys and stores them.
pub(super) fn make(cx: &mut Context, count: u32) -> Vec<PreKey> {
    let ids = cx.own.device.take_pre_key_ids(count);
    cx.own.save();
    let keys = PreKey::generate_many(ids.into_iter(), &mut cx.own.rng);
    for key in &keys {
        cx.loads.put_record(pre_key_key(key.id), Some(key.to_bytes()));
    }
    keys
}

/// The one-time prekey for a device's new session with us: the one that it was given before, or a new one. The oldest of such
/// keys goes when there are too many.
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
