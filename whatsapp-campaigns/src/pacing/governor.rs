//! Slows down when the server says so, and stops when it means it.
use super::{Micros, Rate, SECOND};

/// What the server thinks of a sender's speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A message went through.
    Fine,
    /// Too fast: half the speed, and back by and by.
    SlowDown,
    /// Something like a restriction: stop until then, or until a person says so.
    Stop {
        /// `None` when nobody said for how long.
        until: Option<Micros>,
    },
}

/// After a slow-down, full speed is back after this time without another.
const RECOVERY: Micros = 600 * SECOND;
/// Never slower than one part in so many.
const FLOOR: u32 = 64;

/// One sender's speed: additive increase, multiplicative decrease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Governor {
    /// Slowed down to one part in so many, at that time.
    slowed: Option<(u32, Micros)>,
    stopped: Option<Option<Micros>>,
}

impl Governor {
    /// Takes in what the server said at `now`.
    pub fn apply(&mut self, verdict: Verdict, now: Micros) {
        match verdict {
            Verdict::Fine => {}
            Verdict::SlowDown => {
                let part = self.part(now).saturating_mul(2).min(FLOOR);
                self.slowed = Some((part, now));
            }
            Verdict::Stop { until } => {
                // A stop without an end outlasts one with an end.
                self.stopped = Some(match (self.stopped, until) {
                    (Some(None), _) | (_, None) => None,
                    (Some(Some(former)), Some(until)) => Some(former.max(until)),
                    (None, Some(until)) => Some(until),
                });
            }
        }
    }

    /// A person lets it go on.
    pub fn release(&mut self) {
        self.stopped = None;
    }

    /// When the next message may go as far as this goes: `None` while it is stopped for good.
    pub fn ready(&self, now: Micros) -> Option<Micros> {
        match self.stopped {
            None => Some(now),
            Some(until) => until.map(|until| until.max(now)),
        }
    }

    /// The rate to keep at `now`, of a full one.
    pub fn rate(&self, full: Rate, now: Micros) -> Rate {
        let part = self.part(now);
        if part == 1 {
            return full;
        }
        Rate { interval: full.interval.saturating_mul(Micros::from(part)), burst: 1 }
    }

    /// Slowed down to one part in so many: one step back for each equal share of the recovery.
    fn part(&self, now: Micros) -> u32 {
        let Some((part, at)) = self.slowed else { return 1 };
        let step = RECOVERY / Micros::from(part);
        let steps = u32::try_from(now.saturating_sub(at) / step).unwrap_or(u32::MAX);
        part.saturating_sub(steps).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Rate = Rate { interval: SECOND, burst: 3 };

    #[test]
    fn half_at_once_and_back_by_and_by() {
        let mut governor = Governor::default();
        assert_eq!(governor.rate(FULL, 0), FULL);
        governor.apply(Verdict::SlowDown, 0);
        assert_eq!(governor.rate(FULL, 0), Rate { interval: 2 * SECOND, burst: 1 });
        governor.apply(Verdict::SlowDown, 1);
        assert_eq!(governor.rate(FULL, 1).interval, 4 * SECOND);
        assert_eq!(governor.rate(FULL, RECOVERY / 2).interval, 3 * SECOND);
        assert_eq!(governor.rate(FULL, 2 * RECOVERY), FULL);
        (0..100).for_each(|n| governor.apply(Verdict::SlowDown, 2 * RECOVERY + n));
        assert_eq!(governor.rate(FULL, 2 * RECOVERY + 100).interval, 64 * SECOND);
    }

    #[test]
    fn a_stop_lasts() {
        let mut governor = Governor::default();
        governor.apply(Verdict::Stop { until: Some(50) }, 0);
        governor.apply(Verdict::Stop { until: Some(20) }, 1);
        assert_eq!((governor.ready(10), governor.ready(60)), (Some(50), Some(60)));
        governor.apply(Verdict::Stop { until: None }, 2);
        governor.apply(Verdict::Stop { until: Some(99) }, 3);
        assert_eq!(governor.ready(1_000), None);
        governor.release();
        assert_eq!(governor.ready(1_000), Some(1_000));
    }
}
