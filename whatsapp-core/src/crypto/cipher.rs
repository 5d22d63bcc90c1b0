//! AES in the three modes that the protocol uses.
use aes::Aes256;
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher, block_padding::Pkcs7};
use zeroize::Zeroize;

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
    let plaintext = cbc::Decryptor::<Aes256>::new(key.into(), iv.into()).decrypt_padded::<Pkcs7>(&mut buffer);
    let Ok(length) = plaintext.map(<[u8]>::len) else {
        buffer.zeroize();
        return Err(CipherError);
    };
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

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    const KEY: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
    const TEXT: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
        30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    /// NIST SP 800-38A, F.2.5 and F.2.6; the padding that is ours is one more block.
    #[test]
    fn nist_cbc() {
        let iv = hex("000102030405060708090a0b0c0d0e0f");
        let text: [u8; 64] = hex(TEXT);
        let sealed = aes_cbc_encrypt(&hex(KEY), &iv, &text);
        let expected = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
            39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b";
        assert_eq!(HEXLOWER.encode(&sealed[..64]), expected);
        assert_eq!(sealed.len(), 80);
        assert_eq!(aes_cbc_decrypt(&hex(KEY), &iv, &sealed).unwrap(), text);
    }

    /// NIST SP 800-38A, F.5.5.
    #[test]
    fn nist_ctr() {
        let mut text: [u8; 64] = hex(TEXT);
        aes_ctr(&hex(KEY), &hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), &mut text);
        let expected = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
            2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";
        assert_eq!(HEXLOWER.encode(&text), expected);
    }

    /// The GCM specification's test cases 14 and 16.
    #[test]
    fn nist_gcm() {
        let mut buffer = vec![0; 16];
        aes_gcm_seal(&[0; 32], &[0; 12], &[], &mut buffer);
        assert_eq!(
            HEXLOWER.encode(&buffer),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
        let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce = hex("cafebabefacedbaddecaf888");
        let aad: [u8; 20] = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let text: [u8; 60] = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
            1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        let mut buffer = text.to_vec();
        aes_gcm_seal(&key, &nonce, &aad, &mut buffer);
        let expected = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
            8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
        assert_eq!(HEXLOWER.encode(&buffer), expected);
        let mut forged = buffer.clone();
        forged[0] ^= 1;
        let before = forged.clone();
        assert_eq!(aes_gcm_open(&key, &nonce, &aad, &mut forged), Err(CipherError));
        assert_eq!(forged, before, "nothing of the plaintext comes out");
        aes_gcm_open(&key, &nonce, &aad, &mut buffer).unwrap();
        assert_eq!(buffer, text);
    }

    proptest! {
        #[test]
        fn cbc_round_trip(key: [u8; 32], iv: [u8; 16], text in prop::collection::vec(any::<u8>(), 0..100)) {
            let sealed = aes_cbc_encrypt(&key, &iv, &text);
            prop_assert_eq!(sealed.len(), (text.len() / 16 + 1) * 16);
            prop_assert_eq!(aes_cbc_decrypt(&key, &iv, &sealed), Ok(text));
            prop_assert!(aes_cbc_decrypt(&key, &iv, &sealed[..sealed.len() - 1]).is_err());
        }

        #[test]
        fn arbitrary_ciphertext_never_panics(key: [u8; 32], bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = aes_cbc_decrypt(&key, &[0; 16], &bytes);
            let _ = aes_gcm_open(&key, &[0; 12], &[], &mut bytes.clone());
        }
    }
}
