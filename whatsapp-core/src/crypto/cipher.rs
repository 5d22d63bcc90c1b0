//! AES in the three modes that the protocol uses.
use aes::Aes256;
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher, block_padding::Pkcs7};

/// A ciphertext that was made with another key, or changed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not decrypt")]
pub struct CipherError;

/// AES-256-CBC with PKCS#7 padding.
pub fn aes_cbc_encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plaintext.len() + 16);
    aes_cbc_encrypt_onto(key, iv, plaintext, &mut out);
    out
}

/// The same, appended to `out`: `(len / 16 + 1) * 16` bytes.
pub fn aes_cbc_encrypt_onto(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(plaintext);
    out.resize(start + (plaintext.len() / 16 + 1) * 16, 0);
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into())
        .encrypt_padded::<Pkcs7>(&mut out[start..], plaintext.len())
        .expect("the buffer has room for the padding");
}

/// Undoes [`aes_cbc_encrypt`]. CBC alone authenticates nothing: check the MAC first.
///
/// # Errors
/// When the length is no multiple of 16 or the padding is bad.
pub fn aes_cbc_decrypt(key: &[u8; 32], iv: &[u8; 16], ciphertext: &[u8]) -> Result<Vec<u8>, CipherError> {
    let mut buffer = ciphertext.to_vec();
    let length = cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| CipherError)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// AES-256-CTR (128-bit big-endian counter) in place; its own inverse.
pub fn aes_ctr(key: &[u8; 32], iv: &[u8; 16], buffer: &mut [u8]) {
    ctr::Ctr128BE::<Aes256>::new(key.into(), iv.into()).apply_keystream(buffer);
}

/// AES-256-GCM: encrypts `buffer` in place and appends the 16-byte tag.
pub fn aes_gcm_seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], buffer: &mut Vec<u8>) {
    Aes256Gcm::new(key.into())
        .encrypt_in_place(nonce.into(), aad, buffer)
        .expect("a message of this size is within GCM's limit");
}

/// Undoes [`aes_gcm_seal`]; `buffer` is left without the tag.
///
/// # Errors
/// When the tag does not match; `buffer` then holds nothing of the plaintext.
pub fn aes_gcm_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), CipherError> {
    Aes256Gcm::new(key.into()).decrypt_in_place(nonce.into(), aad, buffer).map_err(|_| CipherError)
}
