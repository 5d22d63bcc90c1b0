//! Pings, and the rule by which a socket counts as dead (protocol notes 2.5).
use std::time::Duration;

use rand::{Rng, RngExt};

use crate::time::Timestamp;

/// The smallest and the largest pause between pings; the actual pause is random.
const INTERVAL_SECS: std::ops::RangeInclusive<u64> = 15..=30;
/// The socket is dead when nothing came for this long since the first send after the last receive.
const SILENCE: Duration = Duration::from_secs(20);

/// One connection's liveness.
#[derive(Debug)]
pub(super) struct Keepalive {
    next_ping: Timestamp,
    unanswered_since: Option<Timestamp>,
}

impl Keepalive {
    pub(super) fn new(now: Timestamp, rng: &mut impl Rng) -> Self {
        Self { next_ping: now + interval(rng), unanswered_since: None }
    }

    pub(super) fn sent(&mut self, now: Timestamp) {
        self.unanswered_since.get_or_insert(now);
    }

    pub(super) fn received(&mut self) {
        self.unanswered_since = None;
    }

    pub(super) fn is_dead(&self, now: Timestamp) -> bool {
        self.unanswered_since.is_some_and(|since| since + SILENCE <= now)
    }

    /// Is a ping due? If so the next one is planned.
    pub(super) fn ping_due(&mut self, now: Timestamp, rng: &mut impl Rng) -> bool {
        let due = self.next_ping <= now;
        if due {
            self.next_ping = now + interval(rng);
        }
        due
    }

    pub(super) fn next_timeout(&self) -> Timestamp {
        let death = self.unanswered_since.map(|since| since + SILENCE);
        death.map_or(self.next_ping, |death| death.min(self.next_ping))
    }
}

fn interval(rng: &mut impl Rng) -> Duration {
    Duration::from_secs(rng.random_range(INTERVAL_SECS))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn silence_counts_from_the_first_send_after_the_last_receive() {
        let mut rng = StdRng::seed_from_u64(3);
        let start = Timestamp::from_secs(1000);
        let at = |secs| start + Duration::from_secs(secs);
        let mut keepalive = Keepalive::new(start, &mut rng);
        assert!(!keepalive.is_dead(at(3600)), "nothing was sent");
        keepalive.sent(at(10));
        keepalive.sent(at(25));
        assert!(!keepalive.is_dead(at(29)));
        assert!(keepalive.is_dead(at(30)));
        keepalive.received();
        assert!(!keepalive.is_dead(at(60)));
        assert!(keepalive.ping_due(at(60), &mut rng));
        assert!(!keepalive.ping_due(at(74), &mut rng));
        assert!(keepalive.ping_due(at(90), &mut rng));
    }
}
