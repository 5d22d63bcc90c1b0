//! The symmetric state of a handshake (Noise specification, section 5.2): hash, chaining key, cipher.
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use zeroize::Zeroizing;

use super::transport::{Transport, nonce};
use crate::crypto::{self, CipherError, SharedSecret};

/// 32 bytes long, and therefore used unhashed.
const XX: &[u8; 32] = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

/// Hash, chaining key and cipher of a handshake. Both sides use it; IK and its fallback differ only in the name and
/// in the order of what is mixed.
pub(crate) struct Symmetric {
    hash: [u8; 32],
    chaining_key: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
    counter: u32,
}

impl Symmetric {
    /// Starts the XX pattern with the header as prologue.
    pub(crate) fn xx() -> Self {
        Self::named(*XX)
    }

    /// Starts the IK pattern: mix the server's static key in next, which both sides know.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn ik() -> Self {
        Self::named(*b"Noise_IK_25519_AESGCM_SHA256\0\0\0\0")
    }

    /// Continues as XX when the server's static key was not the expected one. The client's hello stays as it was.
    /// The name is too long to be used unhashed.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn xx_fallback() -> Self {
        Self::named(crypto::sha256(&[b"Noise_XXfallback_25519_AESGCM_SHA256"]))
    }

    fn named(name: [u8; 32]) -> Self {
        let mut state = Self {
            hash: name,
            chaining_key: Zeroizing::new(name),
            cipher: Aes256Gcm::new((&name).into()),
            counter: 0,
        };
        state.mix_hash(&super::HEADER);
        state
    }

    pub(crate) fn mix_hash(&mut self, data: &[u8]) {
        self.hash = crypto::sha256(&[&self.hash, data]);
    }

    /// Mixes an agreement in; the cipher starts again at counter 0.
    pub(crate) fn mix_key(&mut self, shared: &SharedSecret) {
        let derived = crypto::hkdf::<64>(&shared[..], &self.chaining_key[..], &[]);
        self.chaining_key.copy_from_slice(&derived[..32]);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&derived[32..]);
        self.cipher = Aes256Gcm::new((&*key).into());
        self.counter = 0;
    }

    pub(crate) fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut buffer = plaintext.to_vec();
        self.cipher
            .encrypt_in_place(&nonce(self.counter).into(), &self.hash, &mut buffer)
            .expect("handshake messages are within GCM's limit");
        self.counter += 1;
        self.mix_hash(&buffer);
        buffer
    }

    /// # Errors
    /// When the ciphertext was not made by the peer of this handshake.
    pub(crate) fn decrypt(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut buffer = ciphertext.to_vec();
        self.cipher
            .decrypt_in_place(&nonce(self.counter).into(), &self.hash, &mut buffer)
            .map_err(|_| CipherError)?;
        self.counter += 1;
        self.mix_hash(ciphertext);
        Ok(buffer)
    }

    /// The end: keys for both directions, the client's writing key first.
    pub(crate) fn split(self, is_client: bool) -> Transport {
        let derived = crypto::hkdf::<64>(&[], &self.chaining_key[..], &[]);
        let (mut first, mut second) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        first.copy_from_slice(&derived[..32]);
        second.copy_from_slice(&derived[32..]);
        let (write, read) = if is_client { (first, second) } else { (second, first) };
        Transport::new(&write, &read)
    }
}

impl std::fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Symmetric(..)")
    }
}
