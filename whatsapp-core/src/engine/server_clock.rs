//! An estimate of the server's clock: messages of all devices are ordered by it.
use crate::time::Timestamp;

/// The server's statements of the time.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// The difference to our clock, milliseconds. At most a second too little, since the server sends whole seconds.
    skew: i128,
    /// The time of the latest message received, in seconds.
    latest: u64,
}

impl ServerClock {
    /// The server said at login that it is `seconds`.
    pub(super) fn set(&mut self, seconds: u64, now: Timestamp) {
        self.skew = i128::from(seconds) * 1000 - i128::from(now.as_millis());
    }

    /// A message came with that time.
    pub(super) fn heard(&mut self, seconds: u64) {
        self.latest = self.latest.max(seconds);
    }

    /// The server's time, milliseconds since the Unix epoch.
    pub(super) fn millis(&self, now: Timestamp) -> i128 {
        i128::from(now.as_millis()) + self.skew
    }

    /// The time of a message that we make now, in whole seconds as the server would give it, and never before that of a
    /// received message: within a second, the order of arrival decides. In milliseconds since the Unix epoch.
    pub(super) fn stamp(&self, now: Timestamp) -> i64 {
        let seconds = u64::try_from(self.millis(now).div_euclid(1000)).unwrap_or_default();
        i64::try_from(seconds.max(self.latest).saturating_mul(1000)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_answer_is_ordered_after_its_message() {
        let mut clock = ServerClock::default();
        let at = Timestamp::from_millis;
        assert_eq!(clock.stamp(at(5_900)), 5_000);
        // Ours is an hour ahead.
        clock.set(1_000, at(3_601_000_900));
        assert_eq!(clock.stamp(at(3_601_000_900)), 1_000_000);
        clock.heard(1_001);
        assert_eq!(clock.stamp(at(3_601_001_000)), 1_001_000);
        clock.heard(900);
        assert_eq!(clock.stamp(at(3_601_003_900)), 1_003_000);
    }
}
