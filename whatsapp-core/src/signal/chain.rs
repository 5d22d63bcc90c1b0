//! Symmetric chains: each message key from the chain key before it (Double Ratchet, section 2.2).
use zeroize::{Zeroize, Zeroizing};

use super::SignalError;
use crate::crypto::{self, Hmac, macs_equal};

/// A chain key and how many message keys it has given.
#[derive(Clone)]
pub(super) struct ChainKey {
    pub(super) key: [u8; 32],
    pub(super) counter: u32,
}

/// The seed of one message's keys.
pub(super) type Seed = Zeroizing<[u8; 32]>;

/// The key of a skipped message that has not come yet.
#[derive(Clone)]
pub(super) struct Skipped {
    pub(super) counter: u32,
    pub(super) seed: [u8; 32],
}

/// A message may be that far ahead of the last one of its chain.
pub(super) const MAX_FORWARD: u32 = 2000;
/// The number of skipped keys that are kept.
pub(super) const MAX_SKIPPED: usize = 2000;

impl Drop for ChainKey {
    fn drop(&mut self) {
        self.key[..].zeroize();
    }
}

impl Drop for Skipped {
    fn drop(&mut self) {
        self.seed[..].zeroize();
    }
}

impl ChainKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { key: *key, counter: 0 }
    }

    /// The seed of the next message's keys; the chain moves on.
    ///
    /// `None` at the end of the counter, which no chain reaches.
    pub(super) fn step(&mut self) -> Option<Seed> {
        let next = self.counter.checked_add(1)?;
        let keyed = Hmac::new(&self.key);
        let seed = Zeroizing::new(keyed.compute(&[&[1]]));
        self.key = keyed.compute(&[&[2]]);
        self.counter = next;
        Some(seed)
    }

    /// Advances to the message with that counter, which is not behind. Returns its seed, the chain after it, and the
    /// skipped keys.
    pub(super) fn forward(mut self, counter: u32) -> Result<(Seed, Self, Vec<Skipped>), SignalError> {
        let ahead = counter.checked_sub(self.counter).ok_or(SignalError::Duplicate)?;
        if ahead > MAX_FORWARD {
            return Err(SignalError::TooFarAhead);
        }
        let mut skipped = Vec::with_capacity(ahead as usize);
        while self.counter < counter {
            let at = self.counter;
            let seed = self.step().ok_or(SignalError::TooFarAhead)?;
            skipped.push(Skipped { counter: at, seed: *seed });
        }
        let seed = self.step().ok_or(SignalError::TooFarAhead)?;
        Ok((seed, self, skipped))
    }

    /// Is `other` this chain, at an earlier point or at one not too far ahead?
    ///
    /// The former cannot be checked, as no chain runs backwards: then it is taken for granted.
    pub(super) fn leads_to(&self, other: &Self) -> bool {
        let Some(ahead) = other.counter.checked_sub(self.counter) else { return true };
        if ahead > MAX_FORWARD {
            return false;
        }
        let mut chain = self.clone();
        while chain.counter < other.counter && chain.step().is_some() {}
        macs_equal(&chain.key, &other.key)
    }
}

/// Keys of one pairwise message.
pub(super) struct MessageKeys(Zeroizing<[u8; 80]>);

impl MessageKeys {
    pub(super) fn derive(seed: &[u8; 32]) -> Self {
        Self(crypto::hkdf(seed, &[], b"WhisperMessageKeys"))
    }

    pub(super) fn cipher(&self) -> &[u8; 32] {
        part(&self.0[..32])
    }

    pub(super) fn mac(&self) -> &[u8; 32] {
        part(&self.0[32..64])
    }

    pub(super) fn iv(&self) -> &[u8; 16] {
        part(&self.0[64..])
    }
}

/// Keys of one group message.
pub(super) struct GroupKeys(Zeroizing<[u8; 48]>);

impl GroupKeys {
    pub(super) fn derive(seed: &[u8; 32]) -> Self {
        Self(crypto::hkdf(seed, &[], b"WhisperGroup"))
    }

    pub(super) fn iv(&self) -> &[u8; 16] {
        part(&self.0[..16])
    }

    pub(super) fn cipher(&self) -> &[u8; 32] {
        part(&self.0[16..])
    }
}

fn part<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.try_into().expect("the callers cut at constants")
}

/// Splits 64 derived bytes into two keys.
pub(super) fn split(bytes: &[u8; 64]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (mut first, mut second) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    first.copy_from_slice(&bytes[..32]);
    second.copy_from_slice(&bytes[32..]);
    (first, second)
}
