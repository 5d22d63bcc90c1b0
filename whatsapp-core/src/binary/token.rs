//! Token tables.
