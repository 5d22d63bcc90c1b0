//! Identity keys, prekeys, and bundles of them.
use bytes::Bytes;
use prost::Message;
use rand::CryptoRng;

use super::SignalError;
use crate::{
    crypto::{self, KeyPair, PrivateKey, PublicKey, SIGNATURE_LENGTH},
    proto::record,
};

/// Our identity in sessions.
#[derive(Clone, Debug)]
pub struct LocalIdentity {
    /// Long-term identity key.
    pub key: KeyPair,
    /// 14-bit number of this installation.
    pub registration_id: u32,
}

/// A prekey signed by the identity key; lives for weeks.
#[derive(Clone, Debug)]
pub struct SignedPreKey {
    /// 24-bit id.
    pub id: u32,
    /// The key.
    pub key: KeyPair,
    /// XEdDSA by the identity key over the typed (33-byte) public key.
    pub signature: [u8; SIGNATURE_LENGTH],
}

impl SignedPreKey {
    /// A new one.
    pub fn generate(id: u32, identity: &KeyPair, rng: &mut impl CryptoRng) -> Self {
        let key = KeyPair::generate(rng);
        let signature = identity.private().sign(&[&key.public().to_typed()], rng);
        Self { id, key, signature }
    }
}

/// A prekey for one session.
#[derive(Clone, Debug)]
pub struct PreKey {
    /// 24-bit id.
    pub id: u32,
    /// The key.
    pub key: KeyPair,
}

impl PreKey {
    /// A new one.
    pub fn generate(id: u32, rng: &mut impl CryptoRng) -> Self {
        Self { id, key: KeyPair::generate(rng) }
    }

    /// New ones with these ids, about a quarter cheaper than one by one.
    pub fn generate_many(ids: impl ExactSizeIterator<Item = u32>, rng: &mut impl CryptoRng) -> Vec<Self> {
        let keys = KeyPair::generate_many(ids.len(), rng);
        ids.zip(keys).map(|(id, key)| Self { id, key }).collect()
    }

    /// The bytes to store: secret, and wiped with the last clone.
    pub fn to_bytes(&self) -> Bytes {
        crypto::encode_secret(&record::PreKey {
            id: self.id,
            private: self.key.private().expose().to_vec(),
            public: self.key.public().as_bytes().to_vec(),
        })
    }

    /// From the bytes of [`PreKey::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignalError> {
        let record = record::PreKey::decode(bytes).map_err(|_| SignalError::Malformed("a prekey record"))?;
        let private = PrivateKey::from_raw(&record.private)?;
        let key = KeyPair::from_parts(private, PublicKey::from_raw(&record.public)?);
        Ok(Self { id: record.id, key })
    }
}

/// A device's published keys, with which others start sessions with it.
#[derive(Clone, Debug)]
pub struct PreKeyBundle {
    /// The device's registration id.
    pub registration_id: u32,
    /// Its identity.
    pub identity: PublicKey,
    /// Id of the signed prekey.
    pub signed_pre_key_id: u32,
    /// The signed prekey.
    pub signed_pre_key: PublicKey,
    /// The signature by `identity` over the typed signed prekey.
    pub signed_pre_key_signature: [u8; SIGNATURE_LENGTH],
    /// One-time prekey, unless the device ran out.
    pub pre_key: Option<(u32, PublicKey)>,
}
