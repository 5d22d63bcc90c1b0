//! X3DH, version 3 of the deployed protocol: no post-quantum part.
use zeroize::{Zeroize, Zeroizing};

use super::{LocalIdentity, PreKey, PreKeyBundle, SignalError, SignedPreKey, chain::split};
use crate::crypto::{self, KeyPair, PublicKey, SharedSecret};

/// Root key and first chain key.
pub(super) type Agreed = (Zeroizing<[u8; 32]>, [u8; 32]);

/// The initiator's side; the bundle's signature is verified first.
pub(super) fn initiate(
    own: &LocalIdentity,
    base: &KeyPair,
    bundle: &PreKeyBundle,
) -> Result<Agreed, SignalError> {
    bundle
        .identity
        .verify(&[&bundle.signed_pre_key.to_typed()], &bundle.signed_pre_key_signature)
        .map_err(|_| SignalError::BadSignature)?;
    let one_time = bundle.pre_key.map(|(_, key)| base.agree(&key)).transpose()?;
    Ok(derive(
        &own.key.agree(&bundle.signed_pre_key)?,
        &base.agree(&bundle.identity)?,
        &base.agree(&bundle.signed_pre_key)?,
        one_time.as_ref(),
    ))
}

/// The responder's side.
pub(super) fn respond(
    own: &LocalIdentity,
    signed: &SignedPreKey,
    one_time: Option<&PreKey>,
    identity: &PublicKey,
    base: &PublicKey,
) -> Result<Agreed, SignalError> {
    let one_time = one_time.map(|key| key.key.agree(base)).transpose()?;
    Ok(derive(
        &signed.key.agree(identity)?,
        &own.key.agree(base)?,
        &signed.key.agree(base)?,
        one_time.as_ref(),
    ))
}

fn derive(
    first: &SharedSecret,
    second: &SharedSecret,
    third: &SharedSecret,
    fourth: Option<&SharedSecret>,
) -> Agreed {
    let mut secret = Zeroizing::new([0xff; 5 * 32]);
    let parts = [Some(first), Some(second), Some(third), fourth];
    let mut end = 32;
    for part in parts.into_iter().flatten() {
        secret[end..end + 32].copy_from_slice(&part[..]);
        end += 32;
    }
    let keys = crypto::hkdf::<64>(&secret[..end], &[], b"WhisperText");
    secret.zeroize();
    split(&keys)
}
