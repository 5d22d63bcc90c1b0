#![doc = include_str!("../README.md")]
pub mod audience;
pub mod consent;
pub mod content;
mod csv;
pub mod desk;
pub mod id;
pub mod lattice;
pub mod model;
pub mod outcome;
pub mod pacing;
pub mod person;
pub mod runner;
pub mod scheduler;
pub mod simulate;
pub mod window;
