//! Frames: a 3-byte big-endian length, then the payload. They may span or share WebSocket messages.
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The longest payload: the largest 3-byte number.
pub const MAX_FRAME: usize = (1 << 24) - 1;

/// A frame that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Payloads are shorter than 2^24 bytes.
    #[error("a frame of 16 MiB or more")]
    TooLong,
}

/// Assembles frames from received bytes. Buffers at most 32 MiB: one frame, and what came after it in the same message.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
    /// A whole message that holds nothing but frames is not copied.
    whole: Bytes,
}

impl FrameReader {
    /// Takes the bytes of one WebSocket message.
    ///
    /// # Errors
    /// When more would be buffered than one frame and one message.
    pub fn push(&mut self, bytes: Bytes) -> Result<(), FrameError> {
        if self.buffer.len() + self.whole.len() + bytes.len() > 2 * (MAX_FRAME + 3) {
            return Err(FrameError::TooLong);
        }
        if self.buffer.is_empty() && self.whole.is_empty() {
            self.whole = bytes;
            return Ok(());
        }
        self.buffer.extend_from_slice(&std::mem::take(&mut self.whole));
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    /// Is there a complete frame?
    pub fn has_next(&self) -> bool {
        complete(&self.whole).or_else(|| complete(&self.buffer)).is_some()
    }

    /// The payload of the next complete frame.
    ///
    /// # Errors
    /// Never at present: every 3-byte length is a valid one.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not be fed in between")]
    pub fn next(&mut self) -> Result<Option<BytesMut>, FrameError> {
        if !self.whole.is_empty() {
            if let Some(length) = complete(&self.whole) {
                self.whole.advance(3);
                let frame = self.whole.split_to(length);
                return Ok(Some(BytesMut::from(frame)));
            }
            self.buffer.extend_from_slice(&std::mem::take(&mut self.whole));
            return Ok(None);
        }
        let Some(length) = complete(&self.buffer) else { return Ok(None) };
        self.buffer.advance(3);
        let frame = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // Or the memory of one long frame would stay for as long as the connection.
            self.buffer = BytesMut::new();
        }
        Ok(Some(frame))
    }
}

fn complete(bytes: &[u8]) -> Option<usize> {
    let [a, b, c, rest @ ..] = bytes else { return None };
    let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    (rest.len() >= length).then_some(length)
}

/// Appends a frame.
pub(crate) fn write_frame(payload: &[u8], out: &mut BytesMut) -> Result<(), FrameError> {
    write_length(payload.len(), out)?;
    out.extend_from_slice(payload);
    Ok(())
}

pub(super) fn write_length(length: usize, out: &mut BytesMut) -> Result<(), FrameError> {
    if length > MAX_FRAME {
        return Err(FrameError::TooLong);
    }
    out.reserve(length + 3);
    out.put_uint(length as u64, 3);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the bytes are split, the same frames come out.
        #[test]
        fn frames_survive_any_split(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..8), cuts in prop::collection::vec(0usize..40, 0..30)) {
            let mut wire = BytesMut::new();
            for frame in &frames {
                write_frame(frame, &mut wire).unwrap();
            }
            let mut wire = wire.freeze();
            let mut reader = FrameReader::default();
            let mut got = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let piece = wire.split_to(cut.min(wire.len()));
                reader.push(piece).unwrap();
                while let Some(frame) = { let ready = reader.has_next(); let frame = reader.next().unwrap(); assert_eq!(ready, frame.is_some()); frame } {
                    got.push(frame.to_vec());
                }
            }
            prop_assert_eq!(got, frames);
        }
    }

    #[test]
    fn the_buffer_is_bounded() {
        let mut reader = FrameReader::default();
        let big = Bytes::from(vec![0xff; 1 << 24]);
        reader.push(big.clone()).unwrap();
        reader.push(big.clone()).unwrap();
        assert_eq!(reader.push(big), Err(FrameError::TooLong));
        let bigger = Bytes::from(vec![0; 3 << 24]);
        assert_eq!(FrameReader::default().push(bigger), Err(FrameError::TooLong));
    }

    #[test]
    fn a_long_frame_frees_its_memory() {
        let mut wire = BytesMut::new();
        write_frame(&vec![0; 1 << 20], &mut wire).unwrap();
        let (mut reader, end) = (FrameReader::default(), wire.split_off(1000));
        for piece in [wire, end] {
            assert!(reader.next().unwrap().is_none());
            reader.push(piece.freeze()).unwrap();
        }
        assert_eq!(reader.next().unwrap().unwrap().len(), 1 << 20);
        assert_eq!(reader.buffer.capacity(), 0);
    }
}
