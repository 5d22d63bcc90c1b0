//! Stanzas as the client sees them: typed parse and build, one file per tag or `iq` namespace.
//!
//! Parsers are strict about what is used and tolerant of what is unknown. Builders of requests make an `iq` without
//! id, which the engine sets. Wire facts are from protocol notes 2.5 to 2.7.
pub mod ack;
pub mod connection;
pub mod iq;
pub mod message;
pub mod notification;
pub mod prekeys;
pub mod receipt;
pub mod usync;

use crate::{binary::AttrError, crypto::KeyError};

/// A malformed stanza.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StanzaError {
    /// Attributes are missing or malformed.
    #[error(transparent)]
    Attributes(#[from] AttrError),
    /// A child or its content is missing.
    #[error("<{0}> is missing")]
    Missing(&'static str),
    /// The content is not of the right form.
    #[error("<{0}> is malformed")]
    Malformed(&'static str),
    /// A key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A big-endian number of one to four bytes.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    (1..=4).contains(&bytes.len()).then(|| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// The three bytes of a prekey id.
pub(crate) fn id_bytes(id: u32) -> [u8; 3] {
    let [_, a, b, c] = id.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests;
