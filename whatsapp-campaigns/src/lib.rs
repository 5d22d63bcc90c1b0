//! The campaign scheduler of a WhatsApp manager.
//!
//! **Under way.** But for [`audience`], which turns files into numbered rows, what is here is pure: it reads no clock, opens
//! nothing, and is handed the time. [`id`] makes message ids that lead back to their row, [`scheduler`] says which row goes
//! next, [`pacing`] when the next message may go, [`window`] when a recipient may be written to, [`content`] what they are
//! sent, [`consent`] how they stop it, [`outcome`] what follows of a refusal, and [`lattice`] which state may follow which.
//! The runner over `whatsapp-store` and a port for sending comes next.
pub mod audience;
pub mod consent;
pub mod content;
pub mod desk;
pub mod id;
pub mod lattice;
pub mod model;
pub mod outcome;
pub mod pacing;
pub mod runner;
pub mod scheduler;
pub mod simulate;
pub mod window;
