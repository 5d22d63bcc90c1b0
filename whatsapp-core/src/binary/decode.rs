//! Bytes to stanza.
use bytes::Bytes;

use super::Stanza;

/// Why bytes are no stanza.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside an element.
    #[error("the stanza is cut short")]
    Truncated,
}

/// Decodes the payload of one frame: a flag byte, then a stanza that may be zlib-compressed (flag 2).
///
/// # Errors
/// When the bytes are malformed or exceed the limits on depth and size.
pub fn unpack(_frame: Bytes) -> Result<Stanza, DecodeError> {
    Err(DecodeError::Truncated)
}

/// Decodes one stanza without flag byte; byte contents are slices of `bytes`.
///
/// # Errors
/// When the bytes are malformed or exceed the limits on depth and size.
pub fn decode(_bytes: Bytes) -> Result<Stanza, DecodeError> {
    Err(DecodeError::Truncated)
}
