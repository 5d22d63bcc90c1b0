//! When the next message may go: pure arithmetic on the time that it is given.
//!
//! All limits are asked at once: a send needs every one of them, and the next moment is the latest of theirs, so that
//! nobody sleeps and looks again. Times are microseconds since the Unix epoch, which makes 80 messages a second exact.
mod cap;
mod gcra;
mod governor;
mod hash;
mod warmup;

pub(crate) use cap::REMEMBERED;
pub use cap::{DAY, UniqueCap};
pub use gcra::{Gcra, Rate};
pub use governor::{Governor, Verdict};
pub(crate) use hash::PeopleMap;
pub use warmup::WarmUp;

/// Microseconds since the Unix epoch.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;
