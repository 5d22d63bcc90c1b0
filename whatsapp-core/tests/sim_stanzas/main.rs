//! The simulated network as a client sees it, stanza by stanza.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test, a panic is the report")]
mod answers;
mod client;
mod faults;
mod forgery;
mod groups;
mod hostile;
mod linking;
mod prekeys;
mod queue;
mod routing;
