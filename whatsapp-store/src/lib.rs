//! Records, storage traits and storage backends of a WhatsApp manager.
//!
//! Reads are small methods, one trait per domain. Writes go through one [`Store::commit`] of [`Changes`], which is
//! one transaction: all or nothing. An absent record is `None`. A record that cannot be read is an [`Error`], never
//! `None`, so a broken disk does not look like an empty store.
//!
//! This crate knows bytes, ids and text, not the protocol. It does not cache: every read goes to the backend.
//!
//! ```
//! use whatsapp_store::{AccountId, Change, Changes, SignalKey, SignalKind};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "memory")] {
//! let store = whatsapp_store::open("memory:").await?; // or "sqlite://bot.db"
//! let shop: AccountId = "shop".parse()?;
//! let key = SignalKey::new(SignalKind::PreKey, "1");
//!
//! let mut changes = Changes::new(shop.clone());
//! changes.push(Change::PutSignal(key.clone(), "a serialized key".into()));
//! store.commit(changes).await?;
//!
//! let absent = SignalKey::new(SignalKind::PreKey, "2");
//! let found = store.signal(&shop, &[key, absent]).await?;
//! assert_eq!(found, [Some("a serialized key".into()), None]);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! Features: `memory` (default), `sqlite` and `postgres` are backends; `conformance` is the list of cases that every backend passes.
//! Without features this crate contains only records and traits. To write a backend, see
//! `docs/guides/storage-backend.md` in the repository.
mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
mod contacts;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
mod cursor;
#[macro_use]
pub mod delegate;
mod error;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
mod merge;
mod open;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod record;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
mod revision;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
mod tokenizer;
mod traits;

pub use changes::{Change, Changes, Scope};
pub use error::{Error, ErrorKind, Result};
pub use open::open;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use open::open_sealed;
pub use record::*;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::vault::Keyring;
pub use traits::*;

/// The example in the README compiles and runs.
#[cfg(all(doctest, feature = "memory"))]
#[doc = include_str!("../README.md")]
struct Readme;
