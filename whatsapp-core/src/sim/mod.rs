//! The other side of the wire: a simulated WhatsApp network.
pub mod responder;
