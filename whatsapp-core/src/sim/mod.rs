//! The other side of the wire: a simulated WhatsApp network.
pub mod primary;
pub mod responder;
