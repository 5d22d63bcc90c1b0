//! Records, storage traits and storage backends of a WhatsApp manager.
//!
//! Reads are small methods, one trait per domain; writes go through one [`Store::commit`] of [`Changes`], which is
//! one transaction: all of it or nothing. A record that is not there is `None`; a record that could not be read is
//! an [`Error`], never `None`, so a broken disk is not taken for an empty store.
//!
//! This crate knows bytes, ids and text, not the protocol. Without a backend feature it is traits and records alone.
mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
#[cfg(feature = "memory")]
pub mod memory;
mod open;
pub mod record;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod traits;

pub use changes::{Change, Changes};
pub use error::{Error, ErrorKind, Result};
pub use open::open;
pub use record::*;
pub use traits::{
    DeviceStore, LidStore, MessagePage, MessageQuery, MessageStore, OutgoingStore, SessionStore, SignalStore,
    Store,
};
