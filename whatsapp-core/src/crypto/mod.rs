//! Primitives in the shapes that the protocol uses them in; shared by `noise`, `signal` and `pairing`.
//!
//! Written from RFC 7748 (X25519), RFC 5869 (HKDF) and the public XEdDSA specification, on curve25519-dalek and
//! RustCrypto. Comparisons of secrets are constant-time, secrets are wiped when dropped and never in `Debug`.
mod agree;
mod cipher;
mod kdf;
mod keys;
mod secret;
mod xeddsa;

pub use agree::{Peer, agree_all};
pub use cipher::{
    CipherError, aes_cbc_decrypt, aes_cbc_encrypt, aes_cbc_encrypt_onto, aes_ctr, aes_gcm_open, aes_gcm_seal,
};
pub use kdf::{Hmac, hkdf, hmac_sha256, macs_equal, pbkdf2_sha256, sha256};
pub use keys::{KeyError, KeyPair, PrivateKey, PublicKey, SharedSecret};
#[cfg(test)]
pub(crate) use secret::tests::assert_wiped_when_dropped;
pub(crate) use secret::{encode_secret, secret_bytes};
pub use xeddsa::{SIGNATURE_LENGTH, SignatureError, SigningKey, VerifyingKey};
