//! X3DH, version 3 of the deployed protocol: no post-quantum part.
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{LocalIdentity, PreKey, PreKeyBundle, SignalError, SignedPreKey, chain::split, state::ratchet};
use crate::crypto::{self, KeyPair, Peer, PublicKey, SharedSecret, VerifyingKey};

/// Root key and a chain key.
pub(super) type Agreed = (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>);

/// The initiator's initial state, one ratchet step past X3DH.
pub(super) struct Initiated {
    pub(super) base_key: PublicKey,
    pub(super) root_key: Zeroizing<[u8; 32]>,
    pub(super) sender_ratchet: KeyPair,
    pub(super) sender_key: Zeroizing<[u8; 32]>,
}

/// The initiator's side; the bundle's signature is verified first.
pub(super) fn initiate(
    own: &LocalIdentity,
    bundle: &PreKeyBundle,
    rng: &mut impl CryptoRng,
) -> Result<Initiated, SignalError> {
    let identity = VerifyingKey::new(&bundle.identity).map_err(|_| SignalError::BadSignature)?;
    identity
        .verify(&[&bundle.signed_pre_key.to_typed()], &bundle.signed_pre_key_signature)
        .map_err(|_| SignalError::BadSignature)?;
    let (identity, signed) = (identity.to_peer(), Peer::from(&bundle.signed_pre_key));
    let one_time = bundle.pre_key.map(|(_, key)| Peer::from(&key));
    let pairs = KeyPair::generate_many(2, rng);
    let [base, sender_ratchet] = <[KeyPair; 2]>::try_from(pairs).expect("as many as were asked for");
    let mut pairs = vec![
        (sender_ratchet.private(), &signed),
        (own.key.private(), &signed),
        (base.private(), &identity),
        (base.private(), &signed),
    ];
    pairs.extend(one_time.as_ref().map(|key| (base.private(), key)));
    let secrets = crypto::agree_all(&pairs)?;
    let (root_key, _) = derive(&secrets[1..]);
    let (root_key, sender_key) = ratchet(&root_key, &secrets[0]);
    Ok(Initiated { base_key: base.public(), root_key, sender_ratchet, sender_key })
}

/// The responder's side.
pub(super) fn respond(
    own: &LocalIdentity,
    signed: &SignedPreKey,
    one_time: Option<&PreKey>,
    identity: &PublicKey,
    base: &PublicKey,
) -> Result<Agreed, SignalError> {
    let (identity, base) = (Peer::from(identity), Peer::from(base));
    let mut pairs =
        vec![(signed.key.private(), &identity), (own.key.private(), &base), (signed.key.private(), &base)];
    pairs.extend(one_time.map(|key| (key.key.private(), &base)));
    Ok(derive(&crypto::agree_all(&pairs)?))
}

/// From the three or four secrets, in the specification's order.
fn derive(secrets: &[SharedSecret]) -> Agreed {
    let mut input = Zeroizing::new([0xff; 5 * 32]);
    let mut end = 32;
    for secret in secrets {
        input[end..end + 32].copy_from_slice(&secret[..]);
        end += 32;
    }
    split(&crypto::hkdf::<64>(&input[..end], &[], b"WhisperText"))
}
