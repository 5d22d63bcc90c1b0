//! Encoded secrets: bytes that their last owner wipes.
use bytes::Bytes;
use prost::Message;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The encoding of a message that holds secrets, as [`Bytes`] that are wiped when the last clone or slice is dropped.
///
/// The buffer is allocated once, at the length of the encoding: a growing buffer would leave unwiped copies behind.
/// Callers must wipe their own copies.
pub(crate) fn encode_secret(message: &(impl Message + ZeroizeOnDrop)) -> Bytes {
    secret_bytes(message.encode_to_vec())
}

/// The same for bytes that were encoded already, in a buffer that never grew.
pub(crate) fn secret_bytes(encoded: Vec<u8>) -> Bytes {
    Bytes::from_owner(SecretBuffer(encoded))
}

struct SecretBuffer(Vec<u8>);

impl AsRef<[u8]> for SecretBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        // As a slice: a vector is wiped one byte at a time.
        self.0[..].zeroize();
        self.0.spare_capacity_mut().zeroize();
        #[cfg(test)]
        tests::note_dropped(&self.0);
    }
}

impl ZeroizeOnDrop for SecretBuffer {}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        /// The contents of secret buffers when their memory was freed.
        static DROPPED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn note_dropped(buffer: &[u8]) {
        DROPPED.with_borrow_mut(|dropped| dropped.push(buffer.to_vec()));
    }

    /// Drops encoded secrets and checks that their memory, and no other, held only zeros when it was given back.
    pub(crate) fn assert_wiped_when_dropped(secret: Bytes) {
        DROPPED.take();
        assert!(secret.iter().any(|byte| *byte != 0), "nothing to wipe");
        let (length, slice) = (secret.len(), secret.slice(1..));
        drop(secret);
        assert!(DROPPED.take().is_empty() && slice.iter().any(|byte| *byte != 0), "still in use");
        drop(slice);
        assert_eq!(DROPPED.take(), [vec![0; length]]);
    }

    #[test]
    fn the_last_owner_wipes() {
        assert_wiped_when_dropped(secret_bytes(vec![7; 300]));
        let message = crate::proto::record::PreKey { id: 5, private: vec![7; 32], public: vec![9; 32] };
        let encoded = message.encode_to_vec();
        assert_eq!(encoded.capacity(), encoded.len(), "allocated once");
        let secret = encode_secret(&message);
        assert_eq!(secret, encoded);
        assert_wiped_when_dropped(secret);
    }
}
