//! The time, as an argument of what needs it.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{pacing::Micros, window::Millis};

/// Tells the time. The runner sleeps by tokio's clock, so a test may pause that one and read this one from it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> Millis;

    /// The same in microseconds, as far as they are known.
    fn micros(&self) -> Micros {
        u64::try_from(self.now()).unwrap_or_default().saturating_mul(1_000)
    }
}

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis::try_from(since_epoch().as_millis()).unwrap_or(Millis::MAX)
    }

    fn micros(&self) -> Micros {
        Micros::try_from(since_epoch().as_micros()).unwrap_or(Micros::MAX)
    }
}
