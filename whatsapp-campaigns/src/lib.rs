#![cfg_attr(feature = "runner", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "runner"),
    doc = "The campaign scheduler of a WhatsApp manager, without its runner."
)]
#![cfg_attr(
    not(feature = "runner"),
    allow(dead_code, unused_imports, reason = "the service and the runner use it")
)]
pub mod audience;
#[cfg(feature = "runner")]
mod changes;
pub mod clock;
pub mod consent;
pub mod content;
mod csv;
pub mod dispatch;
mod error_kind;
pub mod id;
#[cfg(feature = "runner")]
mod keys;
pub mod lattice;
pub mod model;
pub mod outcome;
pub mod pacing;
pub mod person;
#[cfg(feature = "runner")]
pub mod runner;
pub mod scheduler;
#[cfg(feature = "runner")]
pub mod service;
pub mod simulate;
#[cfg(feature = "runner")]
mod stopped;
pub mod window;

pub use self::error_kind::ErrorKind;
