//! XEdDSA: Ed25519-style signatures with X25519 keys.
//!
//! From the public specification "The XEdDSA and VXEdDSA Signature Schemes", section 2, with the convention of
//! the deployed protocol: the sign of the signer's Edwards point travels in the top bit of the last byte of the
//! signature, and the private scalar is not negated.
use std::fmt;

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar, constants::ED25519_BASEPOINT_TABLE};
use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{Peer, PrivateKey, PublicKey};

/// R and s.
pub const SIGNATURE_LENGTH: usize = 64;

/// The signature is not the signer's over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureError;

/// `2^256 - 1 - 1`, little-endian: the prefix that separates the nonce hash from all other uses.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xff; 32];
    prefix[0] = 0xfe;
    prefix
};

/// A private key prepared for many signatures: half of the work of a signature is its Edwards public key.
#[derive(Clone)]
pub struct SigningKey {
    private: PrivateKey,
    edwards: [u8; 32],
}

/// A public key prepared for many verifications.
#[derive(Clone)]
pub struct VerifyingKey {
    /// The point with an even x, and its encoding.
    point: EdwardsPoint,
    edwards: [u8; 32],
}

impl From<PrivateKey> for SigningKey {
    fn from(private: PrivateKey) -> Self {
        let edwards = private.base_multiple().compress().to_bytes();
        Self { private, edwards }
    }
}

impl SigningKey {
    /// A new key, with its public half.
    pub fn generate(rng: &mut impl CryptoRng) -> (Self, PublicKey) {
        let private = PrivateKey::generate(rng);
        let point = private.base_multiple();
        let public = PublicKey::from_array(point.to_montgomery().to_bytes());
        (Self { private, edwards: point.compress().to_bytes() }, public)
    }

    /// From values that were stored together; whether they match is not checked.
    pub(crate) const fn from_parts(private: PrivateKey, edwards: [u8; 32]) -> Self {
        Self { private, edwards }
    }

    /// The private key.
    pub const fn private(&self) -> &PrivateKey {
        &self.private
    }

    /// The encoded Edwards point of the public key: not secret.
    pub const fn edwards(&self) -> &[u8; 32] {
        &self.edwards
    }

    /// Signs the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]], rng: &mut impl CryptoRng) -> [u8; SIGNATURE_LENGTH] {
        let secret = Zeroizing::new(Scalar::from_bytes_mod_order(*self.private.expose()));
        let mut random = Zeroizing::new([0u8; 64]);
        rng.fill(&mut random[..]);
        let nonce = Zeroizing::new(scalar_of(
            Sha512::new().chain_update(NONCE_PREFIX).chain_update(self.private.expose()),
            parts,
            &random[..],
        ));
        let commitment = (&*nonce * ED25519_BASEPOINT_TABLE).compress();
        let challenge = scalar_of(
            Sha512::new().chain_update(commitment.as_bytes()).chain_update(self.edwards),
            parts,
            &[],
        );
        let response = challenge * *secret + *nonce;
        let mut signature = [0; SIGNATURE_LENGTH];
        signature[..32].copy_from_slice(commitment.as_bytes());
        signature[32..].copy_from_slice(response.as_bytes());
        signature[63] |= self.edwards[31] & 0x80;
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl VerifyingKey {
    /// From a public key.
    ///
    /// # Errors
    /// When it is not on the curve, or of small order: such a key "signs" anything.
    pub fn new(public: &PublicKey) -> Result<Self, SignatureError> {
        let point = MontgomeryPoint(*public.as_bytes()).to_edwards(0).ok_or(SignatureError)?;
        if point.is_small_order() {
            return Err(SignatureError);
        }
        Ok(Self { point, edwards: point.compress().to_bytes() })
    }

    /// From a stored encoding.
    pub(crate) fn from_edwards(edwards: [u8; 32]) -> Result<Self, SignatureError> {
        let point = curve25519_dalek::edwards::CompressedEdwardsY(edwards).decompress();
        Ok(Self { point: point.ok_or(SignatureError)?, edwards })
    }

    /// The encoded point.
    pub(crate) const fn edwards(&self) -> &[u8; 32] {
        &self.edwards
    }

    /// The same key, prepared for agreements.
    pub fn to_peer(&self) -> Peer {
        Peer::from_edwards(&self.point)
    }

    /// Verifies a signature over the concatenation of `parts`.
    ///
    /// # Errors
    /// When it does not verify.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SignatureError> {
        let signature: &[u8; SIGNATURE_LENGTH] = signature.try_into().map_err(|_| SignatureError)?;
        let (commitment, response) = signature.split_at(32);
        let mut response: [u8; 32] = response.try_into().map_err(|_| SignatureError)?;
        let sign = response[31] & 0x80;
        response[31] &= 0x7f;
        let response =
            Option::<Scalar>::from(Scalar::from_canonical_bytes(response)).ok_or(SignatureError)?;
        // -A and the encoding of A, for the sign that the signer has.
        let negated = if sign == 0 { -self.point } else { self.point };
        let mut edwards = self.edwards;
        edwards[31] |= sign;
        let challenge = scalar_of(Sha512::new().chain_update(commitment).chain_update(edwards), parts, &[]);
        // s·B - h·A must be R. Signatures and public keys are no secrets, so variable time is fine.
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &negated, &response);
        if bool::from(expected.compress().as_bytes().ct_eq(commitment)) {
            Ok(())
        } else {
            Err(SignatureError)
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(..)")
    }
}

impl PrivateKey {
    /// Signs the concatenation of `parts`. To sign often, keep a [`SigningKey`].
    pub fn sign(&self, parts: &[&[u8]], rng: &mut impl CryptoRng) -> [u8; SIGNATURE_LENGTH] {
        SigningKey::from(self.clone()).sign(parts, rng)
    }
}

impl PublicKey {
    /// Verifies a signature over the concatenation of `parts`. To verify often, keep a [`VerifyingKey`].
    ///
    /// # Errors
    /// When it does not verify, for any reason: a bad key and a bad signature give the same error.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SignatureError> {
        VerifyingKey::new(self)?.verify(parts, signature)
    }
}

fn scalar_of(mut hash: Sha512, parts: &[&[u8]], last: &[u8]) -> Scalar {
    for part in parts {
        hash.update(part);
    }
    hash.update(last);
    let mut digest = hash.finalize();
    let scalar = Scalar::from_bytes_mod_order_wide(digest.as_ref());
    digest[..].zeroize();
    scalar
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn signs_and_verifies_for_both_signs() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut signs = [0; 2];
        for _ in 0..64 {
            let key = PrivateKey::generate(&mut rng);
            let signature = key.sign(&[b"hello ", b"world"], &mut rng);
            signs[usize::from(signature[63] >> 7)] += 1;
            assert_eq!(key.public().verify(&[b"hello world"], &signature), Ok(()));
            for at in [0, 31, 32, 62, 63] {
                let mut bad = signature;
                bad[at] ^= 1 << (at % 8);
                assert_eq!(key.public().verify(&[b"hello world"], &bad), Err(SignatureError), "byte {at}");
            }
            assert!(key.public().verify(&[b"hello worle"], &signature).is_err());
        }
        assert!(signs[0] > 0 && signs[1] > 0, "{signs:?}");
    }

    #[test]
    fn malformed_input_is_an_error() {
        for key in [[0; 32], [0xff; 32], [2; 32]] {
            for signature in [vec![], vec![0; 63], vec![0xff; 64], vec![0; 65]] {
                assert!(PublicKey::from_array(key).verify(&[b"x"], &signature).is_err());
            }
        }
    }
}
