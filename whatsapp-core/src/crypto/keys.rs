//! X25519 keys.
use std::fmt;

use curve25519_dalek::EdwardsPoint;
use rand::{CryptoRng, RngExt};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::agree::{self, Peer};

/// The byte that stands before a Montgomery point in Signal's own structures.
const KEY_TYPE: u8 = 5;

/// A public key: a Montgomery u-coordinate, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// A clamped private scalar, 32 bytes; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PrivateKey([u8; 32]);

/// A private key with its public key.
#[derive(Clone)]
pub struct KeyPair {
    private: PrivateKey,
    public: PublicKey,
}

/// The result of an agreement, 32 bytes; wiped when dropped.
pub type SharedSecret = Zeroizing<[u8; 32]>;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Keys are 32 bytes on stanzas, 33 with a leading 05 inside Signal's protobufs.
    #[error("a key of the wrong length or type byte")]
    Malformed,
    /// The agreement with this key gives a value that anyone could guess (a point of small order).
    #[error("a public key of small order")]
    SmallOrder,
}

impl PublicKey {
    /// From the raw 32 bytes.
    pub const fn from_array(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From raw bytes as stanzas and ADV structures carry them.
    ///
    /// # Errors
    /// Unless there are exactly 32.
    pub fn from_raw(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError::Malformed)
    }

    /// From the 33 bytes (05, then the key) of Signal's protobufs.
    ///
    /// # Errors
    /// Unless there are 33 and the first is 05.
    pub fn from_typed(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes.split_first() {
            Some((&KEY_TYPE, key)) => Self::from_raw(key),
            _ => Err(KeyError::Malformed),
        }
    }

    /// The raw 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 05, then the key: 33 bytes.
    pub fn to_typed(self) -> [u8; 33] {
        let mut typed = [KEY_TYPE; 33];
        typed[1..].copy_from_slice(&self.0);
        typed
    }
}

impl ConstantTimeEq for PublicKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl PrivateKey {
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes);
        Self::from_array(bytes)
    }

    /// From stored bytes; clamped as RFC 7748 says.
    pub fn from_array(bytes: [u8; 32]) -> Self {
        Self(curve25519_dalek::scalar::clamp_integer(bytes))
    }

    /// From stored bytes.
    ///
    /// # Errors
    /// Unless there are exactly 32.
    pub fn from_raw(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self::from_array).map_err(|_| KeyError::Malformed)
    }

    /// The bytes, to store or use; handle with care.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.base_multiple().to_montgomery().to_bytes())
    }

    /// The public half as a point of the Edwards curve.
    pub(super) fn base_multiple(&self) -> EdwardsPoint {
        EdwardsPoint::mul_base_clamped(self.0)
    }

    /// X25519.
    ///
    /// # Errors
    /// When the peer's key is of small order, so that the result would be zero.
    pub fn agree(&self, peer: &PublicKey) -> Result<SharedSecret, KeyError> {
        Peer::from(peer).agree(self)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl KeyPair {
    /// A new pair.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        PrivateKey::generate(rng).into()
    }

    /// Several new pairs, cheaper together: one field inversion serves them all.
    pub fn generate_many(count: usize, rng: &mut impl CryptoRng) -> Vec<Self> {
        let privates: Vec<_> = (0..count).map(|_| PrivateKey::generate(rng)).collect();
        let points: Vec<_> = privates.iter().map(PrivateKey::base_multiple).collect();
        let publics = EdwardsPoint::to_montgomery_batch(&points);
        let pairs = privates.into_iter().zip(publics);
        pairs.map(|(private, public)| Self { private, public: PublicKey(public.to_bytes()) }).collect()
    }

    /// A new pair and its agreement with `peer`, cheaper together.
    ///
    /// # Errors
    /// When the peer's key is of small order.
    pub fn generate_agreed(peer: &Peer, rng: &mut impl CryptoRng) -> Result<(Self, SharedSecret), KeyError> {
        let private = PrivateKey::generate(rng);
        let (public, shared) = agree::publish_and_agree(&private, peer)?;
        Ok((Self { private, public }, shared))
    }

    /// From two halves that were stored together; whether they match is not checked.
    pub(crate) const fn from_parts(private: PrivateKey, public: PublicKey) -> Self {
        Self { private, public }
    }

    /// The private half.
    pub const fn private(&self) -> &PrivateKey {
        &self.private
    }

    /// The public half.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// X25519 with the peer's public key.
    ///
    /// # Errors
    /// When the peer's key is of small order.
    pub fn agree(&self, peer: &PublicKey) -> Result<SharedSecret, KeyError> {
        self.private.agree(peer)
    }
}

impl From<PrivateKey> for KeyPair {
    fn from(private: PrivateKey) -> Self {
        let public = private.public();
        Self { private, public }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn hex32(text: &str) -> [u8; 32] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// RFC 7748, section 5.2: the iterated vector, after one round and after a thousand.
    #[test]
    fn rfc_7748_agreement() {
        let mut scalar = [0; 32];
        scalar[0] = 9;
        let mut point = scalar;
        for round in 1..=1000 {
            let next = *PrivateKey::from_array(scalar).agree(&PublicKey(point)).unwrap();
            point = std::mem::replace(&mut scalar, next);
            if round == 1 {
                assert_eq!(scalar, hex32("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
            }
        }
        assert_eq!(scalar, hex32("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
    }

    #[test]
    fn public_key_is_the_agreement_with_the_base_point() {
        let mut base = [0; 32];
        base[0] = 9;
        let key = PrivateKey::from_array([0x51; 32]);
        assert_eq!(*key.agree(&PublicKey(base)).unwrap(), *key.public().as_bytes());
    }

    #[test]
    fn small_order_is_refused() {
        assert_eq!(
            PrivateKey::from_array([7; 32]).agree(&PublicKey([0; 32])).unwrap_err(),
            KeyError::SmallOrder
        );
    }
}
