//! XEdDSA: Ed25519-style signatures with X25519 keys.
//!
//! From the public specification "The XEdDSA and VXEdDSA Signature Schemes", section 2, with the convention of
//! the deployed protocol: the sign of the signer's Edwards point travels in the top bit of the last byte of the
//! signature, and the private scalar is not negated.
use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar, constants::ED25519_BASEPOINT_TABLE};
use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{PrivateKey, PublicKey};

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

impl PrivateKey {
    /// Signs the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]], rng: &mut impl CryptoRng) -> [u8; SIGNATURE_LENGTH] {
        let mut secret = Scalar::from_bytes_mod_order(*self.expose());
        let public = (&secret * ED25519_BASEPOINT_TABLE).compress();
        let sign = public.as_bytes()[31] & 0x80;

        let mut random = Zeroizing::new([0u8; 64]);
        rng.fill(&mut random[..]);
        let mut nonce = scalar_of(
            Sha512::new().chain_update(NONCE_PREFIX).chain_update(self.expose()),
            parts,
            &random[..],
        );
        let commitment = (&nonce * ED25519_BASEPOINT_TABLE).compress();
        let challenge = scalar_of(
            Sha512::new().chain_update(commitment.as_bytes()).chain_update(public.as_bytes()),
            parts,
            &[],
        );

        let response = challenge * secret + nonce;
        secret.zeroize();
        nonce.zeroize();
        let mut signature = [0; SIGNATURE_LENGTH];
        signature[..32].copy_from_slice(commitment.as_bytes());
        signature[32..].copy_from_slice(response.as_bytes());
        signature[63] |= sign;
        signature
    }
}

impl PublicKey {
    /// Verifies a signature over the concatenation of `parts`.
    ///
    /// # Errors
    /// When it does not verify, for whatever reason: a bad key and a bad signature are not told apart.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SignatureError> {
        let signature: &[u8; SIGNATURE_LENGTH] = signature.try_into().map_err(|_| SignatureError)?;
        let (commitment, response) = signature.split_at(32);
        let mut response: [u8; 32] = response.try_into().map_err(|_| SignatureError)?;
        let sign = response[31] >> 7;
        response[31] &= 0x7f;

        let response =
            Option::<Scalar>::from(Scalar::from_canonical_bytes(response)).ok_or(SignatureError)?;
        let public = MontgomeryPoint(*self.as_bytes()).to_edwards(sign).ok_or(SignatureError)?;
        let challenge = scalar_of(
            Sha512::new().chain_update(commitment).chain_update(public.compress().as_bytes()),
            parts,
            &[],
        );
        // s·B - h·A must be R.
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-public, &response);
        if bool::from(expected.compress().as_bytes().ct_eq(commitment)) {
            Ok(())
        } else {
            Err(SignatureError)
        }
    }
}

fn scalar_of(mut hash: Sha512, parts: &[&[u8]], last: &[u8]) -> Scalar {
    for part in parts {
        hash.update(part);
    }
    hash.update(last);
    let mut wide = [0; 64];
    wide.copy_from_slice(&hash.finalize());
    let scalar = Scalar::from_bytes_mod_order_wide(&wide);
    wide.zeroize();
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
