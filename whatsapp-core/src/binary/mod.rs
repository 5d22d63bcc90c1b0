//! Stanzas and their binary form.
//!
//! Outgoing stanzas are built as a [`Node`] tree and [`encode`]d; incoming bytes are [`decode`]d to a
//! [`Stanza`], a flat read-only form that costs a handful of allocations whatever its size, and is read
//! through the small copyable [`NodeRef`].
//!
//! ```
//! use bytes::BytesMut;
//! use whatsapp_core::{binary::{Node, encode, unpack}, jid::Jid};
//!
//! let node = Node::new("receipt").attr("to", Jid::pn("919876500001")).attr("id", "3EB0A1B2C3D4").attr("t", 1_700_000_000u64);
//! let mut frame = BytesMut::new();
//! encode(&node, &mut frame)?;
//!
//! let stanza = unpack(frame.freeze())?;
//! let mut reader = stanza.root().reader();
//! let (to, id, t) = (reader.jid("to"), reader.text("id"), reader.time("t"));
//! reader.finish()?;
//! assert_eq!((to, id.as_str(), t.as_secs()), (Jid::pn("919876500001"), "3EB0A1B2C3D4", 1_700_000_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
pub use decode::{
    DecodeError, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_INFLATED, MAX_RETAINED, MAX_STRINGS, decode,
    unpack,
};
pub use encode::{EncodeError, encode};
pub use node::{Attr, Content, Node, Value};
pub use stanza::{Attributes, Children, NodeRef, Stanza};
