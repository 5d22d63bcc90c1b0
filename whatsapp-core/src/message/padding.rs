//! Padding of plaintexts: n bytes of value n, n from 1 to 16.
use rand::{CryptoRng, RngExt};

/// The padding is not n bytes of value n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plaintext's padding is malformed")]
pub struct PaddingError;

/// Pads with 1 to 15 bytes: 16 is accepted, but not sent by all.
pub fn pad(plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let length: u8 = rng.random_range(1..=15);
    let mut padded = Vec::with_capacity(plaintext.len() + usize::from(length));
    padded.extend_from_slice(plaintext);
    padded.resize(plaintext.len() + usize::from(length), length);
    padded
}

/// Removes the padding.
///
/// # Errors
/// When it is not padding of [`pad`]'s form.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let last = *padded.last().ok_or(PaddingError)?;
    let length = padded.len().checked_sub(usize::from(last)).ok_or(PaddingError)?;
    let (plaintext, padding) = padded.split_at(length);
    if !(1..=16).contains(&last) || padding.iter().any(|byte| *byte != last) {
        return Err(PaddingError);
    }
    Ok(plaintext)
}
