//! Node to bytes.
use bytes::BytesMut;

use super::Node;

/// Appends the flag byte (0: not compressed) and the encoded node to `out`: the payload of one frame.
pub fn encode(_node: &Node, _out: &mut BytesMut) {}
