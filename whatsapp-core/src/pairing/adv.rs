//! Device identities that the primary signs: our own at pairing, and those of other people's companions.
use bytes::Bytes;
use prost::Message;
use rand::CryptoRng;

use super::stanza::PairError;
use crate::{
    crypto::{self, KeyPair, PublicKey},
    proto::adv,
};

/// The prefix of the signed bytes, so that one kind of signature cannot pass for another.
pub(crate) mod prefix {
    pub(crate) const ACCOUNT: [u8; 2] = [6, 0];
    pub(crate) const DEVICE: [u8; 2] = [6, 1];
    pub(crate) const KEY_INDEX_LIST: [u8; 2] = [6, 2];
    pub(crate) const HOSTED_ACCOUNT: [u8; 2] = [6, 5];
    pub(crate) const HOSTED_DEVICE: [u8; 2] = [6, 6];
}

const HOSTED: i32 = adv::EncryptionType::Hosted as i32;

/// A link to a phone that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// Serialized SignedDeviceIdentity with both signatures and the account's key, to store.
    pub account: Bytes,
    /// The same without the account's key: the answer to the server.
    pub reply: Bytes,
    /// Our place in the account's device list.
    pub key_index: u32,
    /// The phone's identity key.
    pub account_key: PublicKey,
}

/// Checks the identity of a pair-success, and signs it.
///
/// # Errors
/// The check that failed, in the form of the answer to the server.
pub fn link(
    device_identity: &[u8],
    adv_secret: &[u8; 32],
    own: &KeyPair,
    rng: &mut impl CryptoRng,
) -> Result<LinkedIdentity, PairError> {
    let sealed = adv::SignedDeviceIdentityHmac::decode(device_identity).map_err(|_| PairError::Malformed)?;
    let (Some(details), Some(mac)) = (&sealed.details, &sealed.hmac) else {
        return Err(PairError::Malformed);
    };
    let hosted = sealed.account_type == Some(HOSTED);
    let mac_prefix: &[u8] = if hosted { &prefix::HOSTED_ACCOUNT } else { &[] };
    let expected = crypto::hmac_sha256(adv_secret, &[mac_prefix, details]);
    if !crypto::macs_equal(&expected, mac) {
        return Err(PairError::HmacMismatch);
    }

    let mut signed = adv::SignedDeviceIdentity::decode(&details[..]).map_err(|_| PairError::Malformed)?;
    let identity = inner(&signed)?;
    let account_key = account_key(&signed).ok_or(PairError::Malformed)?;
    verify_account(&signed, &identity, &account_key, &own.public()).ok_or(PairError::SignatureMismatch)?;

    let details = signed.details.clone().unwrap_or_default();
    let own_key = own.public();
    let signature =
        own.private().sign(&[&prefix::DEVICE, &details, own_key.as_bytes(), account_key.as_bytes()], rng);
    signed.device_signature = Some(Bytes::copy_from_slice(&signature));
    let account = signed.encode_to_vec().into();
    signed.account_signature_key = None;
    let key_index = identity.key_index.unwrap_or(0);
    Ok(LinkedIdentity { account, reply: signed.encode_to_vec().into(), key_index, account_key })
}

fn inner(signed: &adv::SignedDeviceIdentity) -> Result<adv::DeviceIdentity, PairError> {
    let details = signed.details.as_ref().ok_or(PairError::Malformed)?;
    adv::DeviceIdentity::decode(&details[..]).map_err(|_| PairError::Malformed)
}

fn account_key(signed: &adv::SignedDeviceIdentity) -> Option<PublicKey> {
    PublicKey::from_raw(signed.account_signature_key.as_ref()?).ok()
}

/// The account's key in a stored SignedDeviceIdentity.
pub(crate) fn account_key_of(signed: &[u8]) -> Option<PublicKey> {
    account_key(&adv::SignedDeviceIdentity::decode(signed).ok()?)
}

fn verify_account(
    signed: &adv::SignedDeviceIdentity,
    identity: &adv::DeviceIdentity,
    account_key: &PublicKey,
    device_key: &PublicKey,
) -> Option<()> {
    let hosted = identity.device_type == Some(HOSTED);
    let prefix = if hosted { prefix::HOSTED_ACCOUNT } else { prefix::ACCOUNT };
    let (details, signature) = (signed.details.as_ref()?, signed.account_signature.as_ref()?);
    account_key.verify(&[&prefix, details, device_key.as_bytes()], signature).ok()
}

/// A companion's identity that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdvError {
    /// Unreadable, or parts are missing.
    #[error("the signed identity is malformed")]
    Malformed,
    /// It does not name its account's key, and the key is not known from elsewhere.
    #[error("the account's key is not known")]
    UnknownAccount,
    /// The account's primary did not sign it.
    #[error("the account did not sign it")]
    AccountSignature,
    /// The device did not sign it.
    #[error("the device did not sign it")]
    DeviceSignature,
}

/// The facts that a companion's signed identity proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompanionIdentity {
    /// The identity key of the account's primary, which signed it.
    pub account: PublicKey,
    /// The companion's index, by which signed device lists name it.
    pub key_index: Option<u32>,
}

/// Checks that a companion with this identity key belongs to the account: its primary signed the companion's key,
/// and the companion the primary's. `account` is the primary's identity as known from elsewhere; without it the key
/// in the structure itself counts.
///
/// # Errors
/// Says which check failed.
pub fn verify_companion(
    signed: &[u8],
    device_key: &PublicKey,
    account: Option<&PublicKey>,
) -> Result<CompanionIdentity, AdvError> {
    let signed = adv::SignedDeviceIdentity::decode(signed).map_err(|_| AdvError::Malformed)?;
    let identity = inner(&signed).map_err(|_| AdvError::Malformed)?;
    let account = account.copied().or_else(|| account_key(&signed)).ok_or(AdvError::UnknownAccount)?;
    verify_account(&signed, &identity, &account, device_key).ok_or(AdvError::AccountSignature)?;
    let hosted = identity.device_type == Some(HOSTED);
    let prefixes: &[[u8; 2]] =
        if hosted { &[prefix::HOSTED_DEVICE, prefix::DEVICE] } else { &[prefix::DEVICE] };
    let (Some(details), Some(signature)) = (&signed.details, &signed.device_signature) else {
        return Err(AdvError::Malformed);
    };
    let verifies = |prefix: &[u8; 2]| {
        device_key.verify(&[prefix, details, device_key.as_bytes(), account.as_bytes()], signature).is_ok()
    };
    if !prefixes.iter().any(verifies) {
        return Err(AdvError::DeviceSignature);
    }
    Ok(CompanionIdentity { account, key_index: identity.key_index })
}

/// The companions that a primary vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIndexList {
    /// When it was signed, seconds since the Unix epoch.
    pub timestamp: u64,
    /// The key that it was checked against; `None` when there was none, so that nothing proves it.
    pub signer: Option<PublicKey>,
    /// Its indexes.
    pub indexes: KeyIndexes,
}

/// The indexes of the companions that a primary vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyIndexes {
    /// The highest index that was given out when the list was signed.
    pub current: u32,
    /// The indexes that were not removed.
    pub valid: Vec<u32>,
}

impl KeyIndexes {
    /// Is the companion with this index in the list? Newer ones count as listed, since the list lags behind.
    pub fn allows(&self, index: u32) -> bool {
        index > self.current || self.names(index)
    }

    /// Is the companion with this index one that the primary named itself?
    pub fn names(&self, index: u32) -> bool {
        self.valid.contains(&index)
    }
}

/// Checks a signed key-index list against the account's key; without one, the key in the list itself counts. A
/// list without a key cannot be checked then; it is trusted no less than one with its own key. Until the account is known,
/// strangers are kept out because each companion must show the account's signature.
///
/// # Errors
/// The check that failed.
pub fn verify_key_index_list(list: &[u8], account: Option<&PublicKey>) -> Result<KeyIndexList, AdvError> {
    let signed = adv::SignedKeyIndexList::decode(list).map_err(|_| AdvError::Malformed)?;
    let (Some(details), Some(signature)) = (&signed.details, &signed.account_signature) else {
        return Err(AdvError::Malformed);
    };
    let stated = signed.account_signature_key.as_deref().filter(|key| !key.is_empty());
    let stated = stated.map(PublicKey::from_raw).transpose().map_err(|_| AdvError::Malformed)?;
    let signer = account.copied().or(stated);
    if let Some(account) = &signer {
        let signed = account.verify(&[&prefix::KEY_INDEX_LIST, details], signature);
        signed.map_err(|_| AdvError::AccountSignature)?;
    }
    let list = adv::KeyIndexList::decode(&details[..]).map_err(|_| AdvError::Malformed)?;
    Ok(KeyIndexList {
        timestamp: list.timestamp.unwrap_or(0),
        signer,
        indexes: KeyIndexes { current: list.current_index.unwrap_or(0), valid: list.valid_indexes },
    })
}
