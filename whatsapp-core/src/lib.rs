//! WhatsApp's multi-device protocol: a client, and a simulated network to run it against.
//!
//! What it is: the stanza codec ([`binary`]), the encrypted socket ([`noise`]), end-to-end encryption ([`signal`]),
//! linking to a phone ([`pairing`]), and a network-free [`engine`] that ties them together; with feature `client`
//! (on by default) a tokio client around the engine, with feature `sim` the other side of the wire.
//!
//! What it is not: a host with an API (that is `host-http`), or a way around the service's limits.

pub mod binary;
#[cfg(feature = "client")]
pub mod client;
pub mod config;
pub mod crypto;
pub mod engine;
pub mod error;
pub mod event;
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

pub use config::Config;
pub use error::Error;
