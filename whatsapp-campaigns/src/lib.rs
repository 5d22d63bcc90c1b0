//! Campaign scheduler.
