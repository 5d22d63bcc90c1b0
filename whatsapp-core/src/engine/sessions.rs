//! Sessions with devices: begun from bundles, used to encrypt.
use bytes::Bytes;

use super::{context::Context, directory::Directory, loads::Lookup, trust};
use crate::{
    binary::NodeRef,
    jid::Jid,
    message::padding,
    signal::{Address, CiphertextKind, PreKeyBundle, Session},
    stanza::{
        iq,
        message::EncOut,
        prekeys::{self, BundleError, FetchedBundle},
    },
};

/// A device whose keys were missing or unusable this often in a row is left out for a while.
const MOST_UNUSABLE: u32 = 2;

/// The result of a request for a device's keys.
enum Outcome {
    Session,
    /// The server says that there are none.
    NoKeys,
    /// Missing, or not trusted.
    Unusable,
}

/// A ciphertext for one device.
pub(super) struct Sealed {
    pub(super) enc: EncOut,
    /// A pkmsg: the stanza must carry our device identity.
    pub(super) introduces_us: bool,
}

/// Pads and encrypts for one device; `None` when it has no session.
pub(super) fn seal(
    cx: &mut Context,
    address: &Address,
    plaintext: &[u8],
    count: Option<u8>,
) -> Lookup<Option<Sealed>> {
    let padded = padding::pad(plaintext, &mut cx.own.rng);
    let Some(session) = cx.loads.session(address)? else { return Ok(None) };
    let Ok(ciphertext) = session.encrypt(&cx.own.device.identity, &padded) else { return Ok(None) };
    cx.loads.touch_session(address);
    let introduces_us = ciphertext.kind == CiphertextKind::PreKey;
    let kind = if introduces_us { "pkmsg" } else { "msg" };
    Ok(Some(Sealed { enc: EncOut { count, ..EncOut::new(kind, ciphertext.bytes) }, introduces_us }))
}

/// Our own signed identity, for stanzas that introduce us.
pub(super) fn device_identity(cx: &Context) -> Option<Bytes> {
    cx.own.device.account.clone().map(Bytes::from)
}

/// Starts a session from a bundle, after all checks. Returns `false` when it is not trusted.
pub(super) fn start(cx: &mut Context, device: &Jid, bundle: &FetchedBundle) -> Lookup<bool> {
    let address = cx.loads.know_sessions([device])?.remove(0);
    if !trust::is_genuine(cx, device, &bundle.identity, bundle.device_identity.as_ref())? {
        return Ok(false);
    }
    let existing = cx.loads.session(&address)?.cloned();
    let keys = PreKeyBundle {
        registration_id: bundle.registration_id,
        identity: bundle.identity,
        signed_pre_key_id: bundle.signed_pre_key_id,
        signed_pre_key: bundle.signed_pre_key,
        signed_pre_key_signature: bundle.signature,
        pre_key: bundle.pre_key,
    };
    match Session::initiate(existing, &cx.own.device.identity, &keys, &mut cx.own.rng) {
        Ok(session) => {
            cx.loads.put_session(&address, Some(session));
            trust::note_identity(cx, device, &bundle.identity)?;
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(%error, "a prekey bundle is not usable");
            Ok(false)
        }
    }
}

impl Directory {
    /// The answer to a request for bundles. Devices that it leaves out are requested again, a limited number of times. A malformed
    /// answer is requested again later.
    pub(super) fn on_fetched_bundles(
        &mut self,
        cx: &mut Context,
        node: NodeRef<'_>,
        asked: &[Jid],
    ) -> Lookup {
        // Sessions begin below, once: nothing may be missing after that.
        cx.loads.know(asked)?;
        let Some(answered) = self.on_bundles(cx, node)? else {
            self.bundles.refused(asked, None, cx.now, &mut cx.own.rng);
            return Ok(());
        };
        for device in asked {
            let canonical = cx.loads.canonical(device)?;
            if !answered.contains(&canonical) {
                self.note(cx, canonical, Outcome::Unusable);
            }
        }
        self.bundles.answered(asked);
        Ok(())
    }

    /// Bundles came: starts a session with each device that has a valid one. Returns the devices that were answered for; `None`
    /// when the answer is malformed.
    pub(super) fn on_bundles(&mut self, cx: &mut Context, node: NodeRef<'_>) -> Lookup<Option<Vec<Jid>>> {
        let mut bundles = match prekeys::parse_bundles(node) {
            Ok(bundles) => bundles,
            Err(error) => {
                tracing::warn!(%error, "prekey bundles are not readable");
                return Ok(None);
            }
        };
        cx.loads.know_sessions(&bundles.iter().map(|(jid, _)| jid.clone()).collect::<Vec<_>>())?;
        for (jid, _) in &mut bundles {
            *jid = cx.loads.canonical(jid)?;
        }
        // The primary signs a companion's identity; its key may be known only from its own bundle.
        bundles.sort_by_key(|(jid, _)| jid.device != 0);
        let answered = bundles.iter().map(|(jid, _)| jid.clone()).collect();
        for (canonical, bundle) in bundles {
            let outcome = match bundle {
                Ok(bundle) if start(cx, &canonical, &bundle)? => Outcome::Session,
                Err(BundleError::Refused(iq::NOT_FOUND)) => Outcome::NoKeys,
                _ => Outcome::Unusable,
            };
            self.note(cx, canonical, outcome);
        }
        Ok(Some(answered))
    }

    fn note(&mut self, cx: &mut Context, device: Jid, outcome: Outcome) {
        match outcome {
            Outcome::Session => {
                self.bundles.done([&device]);
                self.note_usable(&device);
            }
            Outcome::NoKeys => self.mark_unreachable(cx.now, device),
            // It may have been damaged on the way: that alone does not exclude a device.
            Outcome::Unusable if self.count_unusable(&device) < MOST_UNUSABLE => {
                self.bundles.failed(&device, cx.now, &mut cx.own.rng);
            }
            Outcome::Unusable => {
                self.bundles.done([&device]);
                self.mark_unreachable(cx.now, device);
            }
        }
    }
}
