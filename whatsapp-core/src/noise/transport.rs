//! Frames after the handshake: AES-256-GCM, one counter per direction, no associated data.
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use bytes::{Bytes, BytesMut};

use super::frame::{FrameError, write_length};

const TAG: usize = 16;

/// An encrypted connection. A frame that does not decrypt closes it in both directions; a counter is never used twice.
pub struct Transport {
    write: Aes256Gcm,
    read: Aes256Gcm,
    /// `None` when the direction is closed.
    write_counter: Option<u32>,
    read_counter: Option<u32>,
}

/// The connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The frame was not made by the peer of this connection, or out of order.
    #[error("a frame does not decrypt")]
    Unreadable,
    /// 2^32 frames, or a failure before this one.
    #[error("the connection is closed: its counter is used up or an earlier frame failed")]
    Closed,
    /// The payload does not fit a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Eight zero bytes, then the counter.
pub(super) fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

impl Transport {
    pub(super) fn new(write: &[u8; 32], read: &[u8; 32]) -> Self {
        let (write, read) = (Aes256Gcm::new(write.into()), Aes256Gcm::new(read.into()));
        Self { write, read, write_counter: Some(0), read_counter: Some(0) }
    }

    /// Appends one whole frame (length and ciphertext) to `out`.
    ///
    /// # Errors
    /// When the payload is too long or the counter is used up; nothing is appended then.
    pub fn seal(&mut self, payload: &[u8], out: &mut BytesMut) -> Result<(), TransportError> {
        let counter = self.write_counter.ok_or(TransportError::Closed)?;
        write_length(payload.len() + TAG, out)?;
        let start = out.len();
        out.extend_from_slice(payload);
        self.write_counter = counter.checked_add(1);
        let tag = self
            .write
            .encrypt_inout_detached(&nonce(counter).into(), &[], (&mut out[start..]).into())
            .expect("a frame is within GCM's limit");
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Decrypts the payload of one frame.
    ///
    /// # Errors
    /// When it does not decrypt; the connection is closed then, for sending as well.
    pub fn open(&mut self, frame: BytesMut) -> Result<Bytes, TransportError> {
        let opened = self.open_next(frame);
        if opened.is_err() {
            self.write_counter = None;
        }
        opened
    }

    fn open_next(&mut self, mut frame: BytesMut) -> Result<Bytes, TransportError> {
        let counter = self.read_counter.take().ok_or(TransportError::Closed)?;
        let length = frame.len().checked_sub(TAG).ok_or(TransportError::Unreadable)?;
        let tag = frame.split_off(length);
        let tag = (&tag[..]).try_into().map_err(|_| TransportError::Unreadable)?;
        self.read
            .decrypt_inout_detached(&nonce(counter).into(), &[], (&mut frame[..]).into(), tag)
            .map_err(|_| TransportError::Unreadable)?;
        self.read_counter = counter.checked_add(1);
        Ok(frame.freeze())
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("sent", &self.write_counter)
            .field("received", &self.read_counter)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Transport, Transport) {
        (Transport::new(&[1; 32], &[2; 32]), Transport::new(&[2; 32], &[1; 32]))
    }

    fn frame(transport: &mut Transport, payload: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        transport.seal(payload, &mut out).unwrap();
        assert_eq!(out.len(), payload.len() + 3 + TAG);
        out.split_off(3)
    }

    #[test]
    fn both_directions_in_order() {
        let (mut client, mut server) = pair();
        for size in [0, 1, 1000, 70_000] {
            let payload = vec![7; size];
            assert_eq!(server.open(frame(&mut client, &payload)).unwrap(), payload);
            assert_eq!(client.open(frame(&mut server, &payload)).unwrap(), payload);
        }
    }

    #[test]
    fn a_failure_closes_for_good() {
        let (mut client, mut server) = pair();
        let (first, second) = (frame(&mut client, b"1"), frame(&mut client, b"2"));
        assert_eq!(server.open(second), Err(TransportError::Unreadable));
        assert_eq!(server.open(first), Err(TransportError::Closed));
        let mut out = BytesMut::new();
        assert_eq!(server.seal(b"x", &mut out), Err(TransportError::Closed));
        assert!(out.is_empty());
    }

    #[test]
    fn counters_never_wrap() {
        let (mut client, mut server) = pair();
        client.write_counter = Some(u32::MAX);
        server.read_counter = Some(u32::MAX);
        let last = frame(&mut client, b"last");
        assert_eq!(server.open(last).unwrap(), "last");
        assert_eq!(client.seal(b"x", &mut BytesMut::new()), Err(TransportError::Closed));
        assert_eq!(server.open(BytesMut::new()), Err(TransportError::Closed));
    }

    #[test]
    fn oversized_payloads_are_refused_and_use_no_counter() {
        let (mut client, mut server) = pair();
        let mut out = BytesMut::new();
        let too_long = vec![0; super::super::MAX_FRAME - TAG + 1];
        assert_eq!(client.seal(&too_long, &mut out), Err(TransportError::Frame(FrameError::TooLong)));
        assert!(out.is_empty());
        assert_eq!(server.open(frame(&mut client, b"x")).unwrap(), "x");
    }
}
