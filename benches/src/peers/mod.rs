//! The peers' crates on the same work, through their public interfaces.
pub(crate) mod codec;
pub(crate) mod noise;
pub(crate) mod signal;
