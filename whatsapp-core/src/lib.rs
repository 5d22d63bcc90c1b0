//! WhatsApp's multi-device protocol: a client, and a simulated network to run it against.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod binary;
pub mod crypto;
pub mod jid;
pub mod message;
pub mod noise;
pub mod pairing;
pub mod proto;
pub mod signal;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stanza;
pub mod time;
