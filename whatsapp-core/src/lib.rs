//! WhatsApp's multi-device protocol: a client, and a simulated network to run it against.
//!
//! What it is: a tokio [`client`] (feature `client`, on by default) around a network-free [`engine`], which links to a phone, logs in,
//! encrypts to every device, and answers each stanza exactly once; the stanza codec ([`binary`]); and the other side of the wire
//! ([`sim`], feature `sim`) for tests without a phone or a network.
//!
//! What it is not: a host with an API (that is `host-http`), or a way around the platform's limits.
//!
//! These pages document what this crate promises. Other public modules exist for the tests and benches of
//! the workspace, and may change at any time.

pub mod binary;
#[cfg(feature = "client")]
pub mod client;
pub mod config;
pub mod engine;
pub mod error;
pub mod event;
pub mod jid;
#[cfg(feature = "sim")]
pub mod sim;
pub mod time;

#[doc(hidden)]
pub mod crypto;
#[doc(hidden)]
pub mod message;
#[doc(hidden)]
pub mod noise;
#[doc(hidden)]
pub mod pairing;
#[doc(hidden)]
pub mod proto;
#[doc(hidden)]
pub mod signal;
#[doc(hidden)]
pub mod stanza;

pub use config::Config;
pub use error::Error;

/// The example in the README compiles.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
