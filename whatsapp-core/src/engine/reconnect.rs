//! When to connect again after a connection ended.
//!
//! ```text
//!            ┌────────── transport loss, 500, 503, silence ──► Retry (Fibonacci backoff, reset when stable)
//!  ended ────┼────────── 515, pairing refs used up ──────────► Retry at once
//!            ├────────── certificate not trusted ─────────────► CoolDown (minutes, doubled each time up to an hour)
//!            ├────────── 429, temporary ban ─────────────────► CoolDown (until a stated time)
//!            └────────── logged out, replaced, outdated … ───► Terminal (never by itself)
//! ```
use std::time::Duration;

use rand::{Rng, RngExt};

use super::backoff;
use crate::time::Timestamp;

/// A connection that lived this long clears the backoff.
const STABLE: Duration = Duration::from_secs(30);
/// The longest wait between two attempts.
const LONGEST: u64 = 900;

/// The first and the longest pause after a server failed to prove its identity.
const UNTRUSTED: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(3600));

/// The reaction to the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// A temporary failure: retry, with growing pauses.
    Passing,
    /// The server asked for a new connection: at once.
    Restart,
    /// The server failed to prove its identity: retry after minutes, with growing pauses.
    Untrusted,
    /// Not before this time has passed.
    CoolDown(Duration),
    /// Never by itself.
    Terminal,
}

/// The backoff across connections.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    last: u64,
    current: u64,
    connected_at: Option<Timestamp>,
    /// Connections in a row that ended because the server failed to prove its identity.
    untrusted: u32,
}

impl Reconnect {
    /// The server accepted us.
    pub(super) fn connected(&mut self, now: Timestamp) {
        self.connected_at = Some(now);
    }

    /// The server proved its identity.
    pub(super) fn verified(&mut self) {
        self.untrusted = 0;
    }

    /// When to retry; `None` for never.
    pub(super) fn ended(
        &mut self,
        now: Timestamp,
        recovery: Recovery,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        if self.connected_at.take().is_some_and(|at| now.since(at) >= STABLE) {
            (self.last, self.current) = (0, 0);
        }
        match recovery {
            Recovery::Restart => Some(now),
            Recovery::CoolDown(pause) => Some(now + pause),
            Recovery::Terminal => None,
            Recovery::Untrusted => {
                let (first, longest) = UNTRUSTED;
                let pause = backoff::doubled(first, longest, self.untrusted);
                self.untrusted = self.untrusted.saturating_add(1);
                // Shorter, for the stated time is the longest.
                Some(now + pause.mul_f64(1.0 - backoff::jitter(rng)))
            }
            Recovery::Passing => {
                let next = (self.last + self.current).clamp(1, LONGEST);
                (self.last, self.current) = (self.current, next);
                let millis = next * 1000;
                Some(now + Duration::from_millis(millis + rng.random_range(0..=millis / 10)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn pauses_grow_and_reset() {
        let mut rng = StdRng::seed_from_u64(5);
        let now = Timestamp::from_secs(5000);
        let mut reconnect = Reconnect::default();
        let mut pause =
            |r: &mut Reconnect, at| r.ended(at, Recovery::Passing, &mut rng).unwrap().since(at).as_secs_f64();
        for expected in [1.0, 1.0, 2.0, 3.0, 5.0, 8.0] {
            let got = pause(&mut reconnect, now);
            assert!((expected..=expected * 1.1).contains(&got), "{got} for {expected}");
        }
        for _ in 0..20 {
            assert!(pause(&mut reconnect, now) <= 990.0);
        }
        reconnect.connected(now);
        assert!(pause(&mut reconnect, now + Duration::from_secs(29)) > 800.0, "not stable yet");
        reconnect.connected(now);
        assert!(pause(&mut reconnect, now + Duration::from_secs(31)) < 2.0);
    }

    #[test]
    fn unauthenticated_servers_are_retried_ever_less_often() {
        let mut rng = StdRng::seed_from_u64(5);
        let now = Timestamp::from_secs(5000);
        let mut reconnect = Reconnect::default();
        let mut pause = |r: &mut Reconnect| {
            r.ended(now, Recovery::Untrusted, &mut rng).unwrap().since(now).as_secs_f64() / 60.0
        };
        for minutes in [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let got = pause(&mut reconnect);
            assert!((minutes * 0.75..=minutes).contains(&got), "{got} for {minutes}");
        }
        let pauses: Vec<f64> = (0..10).map(|_| pause(&mut reconnect)).collect();
        assert!(pauses.iter().all(|pause| *pause <= 60.0) && pauses[0] != pauses[1]);
        reconnect.verified();
        assert!(pause(&mut reconnect) <= 2.0, "a success resets");
    }

    #[test]
    fn recoveries_give_their_retry_time() {
        let mut rng = StdRng::seed_from_u64(5);
        let now = Timestamp::from_secs(5000);
        let mut reconnect = Reconnect::default();
        assert_eq!(reconnect.ended(now, Recovery::Restart, &mut rng), Some(now));
        assert_eq!(reconnect.ended(now, Recovery::Terminal, &mut rng), None);
        let pause = Duration::from_secs(600);
        assert_eq!(reconnect.ended(now, Recovery::CoolDown(pause), &mut rng), Some(now + pause));
    }
}
