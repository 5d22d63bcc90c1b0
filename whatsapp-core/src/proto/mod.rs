//! Generated from `proto/*.proto` (our own, with just the messages in use); nothing here is written by hand.
//!
//! `cargo test -p whatsapp-core --test proto_fresh` says when the files are stale;
//! with `UPDATE_PROTO=1` in the environment it rewrites them.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, unused_qualifications, clippy::all)]

#[rustfmt::skip]
#[path = "whatsapp.adv.rs"]
pub mod adv;
#[rustfmt::skip]
#[path = "whatsapp.handshake.rs"]
pub mod handshake;
#[rustfmt::skip]
#[path = "whatsapp.history.rs"]
pub mod history;
#[rustfmt::skip]
#[path = "whatsapp.message.rs"]
pub mod message;
#[rustfmt::skip]
#[path = "whatsapp.payload.rs"]
pub mod payload;
#[rustfmt::skip]
#[path = "whatsapp.record.rs"]
pub mod record;
#[rustfmt::skip]
#[path = "whatsapp.signal.rs"]
pub mod signal;
#[rustfmt::skip]
#[path = "whatsapp.session.rs"]
pub mod session;
