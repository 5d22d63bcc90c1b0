//! The phone's half of pairing: the primary's signatures and decryptions.
use bytes::Bytes;
use prost::Message;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    crypto::{self, KeyPair, PublicKey},
    pairing::{
        adv::prefix,
        code::{PairCode, WrappedKey, adv_secret, open_bundle},
    },
    proto::adv,
    time::Timestamp,
};

/// A companion as the primary sees it while linking it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its identity key.
    pub identity: PublicKey,
    /// The secret that only a device that saw its code knows.
    pub adv_secret: Zeroizing<[u8; 32]>,
}

/// The primary's data for the companion, sent through the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Serialized SignedDeviceIdentityHmac.
    pub sealed: Bytes,
    /// The serialized DeviceIdentity inside.
    pub details: Bytes,
}

/// Signs a companion's key into the account.
pub fn sign_companion(
    account: &KeyPair,
    candidate: &Candidate,
    raw_id: u32,
    key_index: u32,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Signed {
    let identity = adv::DeviceIdentity {
        raw_id: Some(raw_id),
        timestamp: Some(now.as_secs()),
        key_index: Some(key_index),
        account_type: Some(adv::EncryptionType::E2ee as i32),
        device_type: Some(adv::EncryptionType::E2ee as i32),
    };
    let details = Bytes::from(identity.encode_to_vec());
    let signature = account.private().sign(&[&prefix::ACCOUNT, &details, candidate.identity.as_bytes()], rng);
    let signed = adv::SignedDeviceIdentity {
        details: Some(details.clone()),
        account_signature_key: Some(Bytes::copy_from_slice(account.public().as_bytes())),
        account_signature: Some(Bytes::copy_from_slice(&signature)),
        device_signature: None,
    };
    let signed = Bytes::from(signed.encode_to_vec());
    let mac = crypto::hmac_sha256(&candidate.adv_secret[..], &[&signed]);
    let sealed = adv::SignedDeviceIdentityHmac {
        details: Some(signed),
        hmac: Some(Bytes::copy_from_slice(&mac)),
        account_type: Some(adv::EncryptionType::E2ee as i32),
    };
    Signed { sealed: sealed.encode_to_vec().into(), details }
}

/// Checks the companion's answer: the same details with the account's signature, also signed by its own key.
/// Returns the identity with the account's key put back, as others are to see it.
pub fn accept_companion(
    answer: &[u8],
    signed: &Signed,
    account: &PublicKey,
    companion: &PublicKey,
) -> Option<Bytes> {
    let mut identity = adv::SignedDeviceIdentity::decode(answer).ok()?;
    if identity.details.as_ref() != Some(&signed.details) {
        return None;
    }
    let account_signature = identity.account_signature.as_ref()?;
    account.verify(&[&prefix::ACCOUNT, &signed.details, companion.as_bytes()], account_signature).ok()?;
    let signature = identity.device_signature.as_ref()?;
    let parts: [&[u8]; 4] = [&prefix::DEVICE, &signed.details, companion.as_bytes(), account.as_bytes()];
    companion.verify(&parts, signature).ok()?;
    identity.account_signature_key = Some(Bytes::copy_from_slice(account.as_bytes()));
    Some(identity.encode_to_vec().into())
}

/// A companion's identity as bundles show it: without the account's key. Others know that key from the phone's own
/// bundle.
pub(crate) fn without_account_key(identity: &Bytes) -> Bytes {
    let Ok(mut signed) = adv::SignedDeviceIdentity::decode(identity.clone()) else { return identity.clone() };
    signed.account_signature_key = None;
    signed.encode_to_vec().into()
}

/// Signs the list of companions that belong to the account; `current` is the highest index that was ever given out.
pub fn sign_key_index_list(
    account: &KeyPair,
    raw_id: u32,
    (current, valid): (u32, &[u32]),
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Bytes {
    let list = adv::KeyIndexList {
        raw_id: Some(raw_id),
        timestamp: Some(now.as_secs()),
        current_index: Some(current),
        valid_indexes: valid.to_vec(),
        account_type: Some(adv::EncryptionType::E2ee as i32),
    };
    let details = list.encode_to_vec();
    let signature = account.private().sign(&[&prefix::KEY_INDEX_LIST, &details], rng);
    let signed = adv::SignedKeyIndexList {
        details: Some(details.into()),
        account_signature: Some(Bytes::copy_from_slice(&signature)),
        account_signature_key: Some(Bytes::copy_from_slice(account.public().as_bytes())),
    };
    signed.encode_to_vec().into()
}

/// A code was typed on the phone; waits for the companion to finish.
#[derive(Debug)]
pub struct TypedCode {
    ephemeral: KeyPair,
    companion_ephemeral: PublicKey,
}

impl TypedCode {
    /// Takes the companion's hello and the code. Returns the phone's wrapped ephemeral key for it.
    pub fn enter(code: &PairCode, companion: &WrappedKey, rng: &mut impl CryptoRng) -> (Self, WrappedKey) {
        let ephemeral = KeyPair::generate(rng);
        let wrapped = WrappedKey::wrap(code, &ephemeral.public(), rng);
        (Self { ephemeral, companion_ephemeral: companion.unwrap(code) }, wrapped)
    }

    /// Takes the companion's bundle; `None` when the code differed or the bundle is not for this phone.
    pub fn finish(self, account: &KeyPair, bundle: &[u8]) -> Option<Candidate> {
        let shared = self.ephemeral.agree(&self.companion_ephemeral).ok()?;
        let (identity, primary, random) = open_bundle(&shared, bundle)?;
        if primary != account.public() {
            return None;
        }
        let shared_identity = account.agree(&identity).ok()?;
        Some(Candidate { identity, adv_secret: adv_secret(&shared, &shared_identity, &random) })
    }
}
