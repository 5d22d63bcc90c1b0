//! Stanzas and their binary form.
//!
//! Outgoing stanzas are built as a [`Node`] tree and [`encode`]d; incoming bytes are [`decode`]d to a
//! [`Stanza`], a flat read-only form that costs a handful of allocations whatever its size, and is read
//! through the small copyable [`NodeRef`].
mod attrs;
mod decode;
mod encode;
mod node;
mod packed;
mod reader;
mod stanza;
#[cfg(test)]
mod tests;
mod token;

pub use attrs::{AttrError, AttrReader};
pub use decode::{DecodeError, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_INFLATED, decode, unpack};
pub use encode::{EncodeError, encode};
pub use node::{Attr, Content, Node, Value};
pub use stanza::{Attributes, Children, NodeRef, Stanza};
