//! The one place that reads clocks.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::Timestamp;

/// Wall-clock time that never runs backwards: one reading of the wall, then monotonic progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
    pub(crate) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { wall: Timestamp::from_millis(since.as_millis() as u64), start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
    pub(crate) fn now(&self) -> Timestamp {
        self.wall + (Instant::now() - self.start)
    }

    /// The instant of a timestamp; those in the past are now.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.start + at.since(self.wall)
    }
}
