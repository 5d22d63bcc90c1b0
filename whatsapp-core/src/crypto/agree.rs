//! X25519, computed in the faster of two ways.
//!
//! Where the processor multiplies four field elements at once (AVX2), a multiplication on the Edwards curve, including the
//! conversions to it and back, takes about two thirds of the Montgomery ladder's time. The peer's part of it is
//! computed once for several agreements. Elsewhere, and for keys on the twist, the ladder is used. The choice
//! depends on the machine and on public keys only; both ways run in constant time in the private key.
use std::fmt;

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{KeyError, PrivateKey, PublicKey, SharedSecret};

/// A public key prepared for agreements.
#[derive(Clone, Copy)]
pub struct Peer(Form);

#[derive(Clone, Copy)]
enum Form {
    /// Either of the two points with the key's u-coordinate: the agreement is the same with both.
    Edwards(EdwardsPoint),
    Montgomery(MontgomeryPoint),
}

impl From<&PublicKey> for Peer {
    fn from(key: &PublicKey) -> Self {
        let point = MontgomeryPoint(*key.as_bytes());
        let edwards = if edwards_is_faster() { point.to_edwards(0) } else { None };
        Self(edwards.map_or(Form::Montgomery(point), Form::Edwards))
    }
}

impl Peer {
    /// From a known point.
    pub(super) fn from_edwards(point: &EdwardsPoint) -> Self {
        if edwards_is_faster() {
            Self(Form::Edwards(*point))
        } else {
            Self(Form::Montgomery(point.to_montgomery()))
        }
    }

    /// X25519.
    ///
    /// # Errors
    /// When the key is of small order, so that the result would be zero.
    pub fn agree(&self, private: &PrivateKey) -> Result<SharedSecret, KeyError> {
        let product = match &self.0 {
            Form::Edwards(point) => Zeroizing::new(point.mul_clamped(*private.expose())).to_montgomery(),
            Form::Montgomery(point) => point.mul_clamped(*private.expose()),
        };
        shared_secret(product)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer(..)")
    }
}

/// Several agreements, cheaper together: one field inversion serves them all. Results are in the order of `pairs`.
///
/// # Errors
/// When a key is of small order.
pub fn agree_all(pairs: &[(&PrivateKey, &Peer)]) -> Result<Vec<SharedSecret>, KeyError> {
    let mut points = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for (private, peer) in pairs {
        let Form::Edwards(point) = &peer.0 else {
            return pairs.iter().map(|(private, peer)| peer.agree(private)).collect();
        };
        points.push(point.mul_clamped(*private.expose()));
    }
    let products = Zeroizing::new(EdwardsPoint::to_montgomery_batch(&points));
    products.iter().map(|product| shared_secret(*product)).collect()
}

/// The key's public half, and its agreement with `peer`.
pub(super) fn publish_and_agree(
    private: &PrivateKey,
    peer: &Peer,
) -> Result<(PublicKey, SharedSecret), KeyError> {
    let Form::Edwards(point) = &peer.0 else {
        return Ok((private.public(), peer.agree(private)?));
    };
    let points = Zeroizing::new([private.base_multiple(), point.mul_clamped(*private.expose())]);
    let products = Zeroizing::new(EdwardsPoint::to_montgomery_batch(&points[..]));
    Ok((PublicKey::from_array(products[0].to_bytes()), shared_secret(products[1])?))
}

fn shared_secret(product: MontgomeryPoint) -> Result<SharedSecret, KeyError> {
    let shared = Zeroizing::new(product.to_bytes());
    if bool::from(shared.ct_eq(&[0; 32])) {
        return Err(KeyError::SmallOrder);
    }
    Ok(shared)
}

#[cfg(target_arch = "x86_64")]
fn edwards_is_faster() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
const fn edwards_is_faster() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ladder(key: &PublicKey) -> Peer {
        Peer(Form::Montgomery(MontgomeryPoint(*key.as_bytes())))
    }

    /// u-coordinates of small order, with the non-canonical spellings of 0 and 1 (RFC 7748 masks the top bit).
    fn small_order() -> Vec<PublicKey> {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap();
        let keys: [[u8; 32]; 7] = [
            [0; 32],
            hex("0100000000000000000000000000000000000000000000000000000000000000"),
            hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
            hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
            hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ];
        let top_bit = |mut key: [u8; 32]| {
            key[31] |= 0x80;
            key
        };
        keys.iter().flat_map(|key| [*key, top_bit(*key)]).map(PublicKey::from_array).collect()
    }

    #[test]
    fn both_ways_refuse_small_order() {
        let private = PrivateKey::from_array([7; 32]);
        let good = Peer::from(&PrivateKey::from_array([9; 32]).public());
        for key in small_order() {
            let peer = Peer::from(&key);
            assert_eq!(peer.agree(&private).unwrap_err(), KeyError::SmallOrder, "{key:?}");
            assert_eq!(ladder(&key).agree(&private).unwrap_err(), KeyError::SmallOrder, "{key:?}");
            let together = agree_all(&[(&private, &good), (&private, &peer), (&private, &good)]);
            assert_eq!(together.unwrap_err(), KeyError::SmallOrder, "{key:?}");
            assert_eq!(publish_and_agree(&private, &peer).unwrap_err(), KeyError::SmallOrder, "{key:?}");
        }
    }

    proptest! {
        /// Any 32 bytes are a key: half of them are on the twist.
        #[test]
        fn both_ways_agree(private in any::<[u8; 32]>(), other in any::<[u8; 32]>(), key in any::<[u8; 32]>()) {
            let (private, other) = (PrivateKey::from_array(private), PrivateKey::from_array(other));
            let key = PublicKey::from_array(key);
            let (fast, slow) = (Peer::from(&key), ladder(&key));
            let expected = slow.agree(&private).unwrap();
            prop_assert_eq!(&expected, &fast.agree(&private).unwrap());
            prop_assert_eq!(&expected, &private.agree(&key).unwrap());
            let honest = Peer::from(&other.public());
            let together = agree_all(&[(&private, &honest), (&private, &fast), (&other, &honest)]).unwrap();
            prop_assert_eq!(&together[0], &ladder(&other.public()).agree(&private).unwrap());
            prop_assert_eq!(&together[1], &expected);
            prop_assert_eq!(&together[2], &ladder(&other.public()).agree(&other).unwrap());
            let (public, shared) = publish_and_agree(&private, &fast).unwrap();
            prop_assert_eq!(public, private.public());
            prop_assert_eq!(&shared, &expected);
        }
    }
}
