//! The campaign scheduler of a WhatsApp manager.
//!
//! **Under way.** What is here is pure: it reads no clock, opens nothing, and is handed the time. [`id`] makes message ids that
//! lead back to their row, [`pacing`] says when the next message may go. The scheduler and its runner over `whatsapp-store` and
//! a port for sending come next.
pub mod id;
pub mod lattice;
pub mod pacing;
pub mod scheduler;
