//! Hashes, MACs and key derivation.
use std::sync::LazyLock;

use hmac::{KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-SHA256 with its key already scheduled, for several messages under one key.
#[derive(Clone)]
pub struct Hmac(hmac::Hmac<Sha256>);

impl Hmac {
    /// Schedules the key; any length will do.
    pub fn new(key: &[u8]) -> Self {
        Self(KeyInit::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The MAC over the concatenation of `parts`.
    pub fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Hmac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hmac(..)")
    }
}

/// HMAC-SHA256 over the concatenation of `parts`.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    Hmac::new(key).of(parts)
}

/// Constant-time comparison; slices of different lengths differ.
pub fn macs_equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// HKDF-SHA256 (RFC 5869) with `N` bytes of output; an empty `salt` stands for none (32 zero bytes).
pub fn hkdf<const N: usize>(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32) };
    /// The schedule of the zero salt, which most uses have.
    static UNSALTED: LazyLock<Hmac> = LazyLock::new(|| Hmac::new(&[0; 32]));
    let extracted = Zeroizing::new(match salt {
        [] => UNSALTED.of(&[secret]),
        salt => hmac_sha256(salt, &[secret]),
    });
    let expand = Hmac::new(&extracted[..]);
    let mut out = Zeroizing::new([0; N]);
    let mut block = Zeroizing::new([0; 32]);
    for (round, chunk) in out.chunks_mut(32).enumerate() {
        let before: &[u8] = if round == 0 { &[] } else { &block[..] };
        *block = expand.of(&[before, info, &[round as u8 + 1]]);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    out
}

/// PBKDF2-HMAC-SHA256 with 32 bytes of output.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut out[..]);
    out
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 5869, appendix A.1 and A.3.
    #[test]
    fn rfc_5869() {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let okm = hkdf::<42>(&[0x0b; 22], &hex("000102030405060708090a0b0c"), &hex("f0f1f2f3f4f5f6f7f8f9"));
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(HEXLOWER.encode(&okm[..]), expected);
        let okm = hkdf::<42>(&[0x0b; 22], &[], &[]);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(HEXLOWER.encode(&okm[..]), expected);
    }

    /// RFC 4231, test case 2.
    #[test]
    fn rfc_4231() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(HEXLOWER.encode(&mac), expected);
    }
}
