//! The generic cell rate algorithm: a rate and a burst in one number.
use super::Micros;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// From one to the next, on average.
    pub interval: Micros,
    /// How many may come at once after a quiet time; at least 1.
    pub burst: u32,
}

impl Rate {
    /// `count` in each `period`, and `burst` at once. A count or a burst of 0 is taken as 1.
    pub fn per(count: u32, period: Micros, burst: u32) -> Self {
        Self { interval: period / Micros::from(count.max(1)), burst: burst.max(1) }
    }

    /// An equal part for each of so many: together they never exceed it, on however many nodes they are.
    pub(crate) fn divided_by(self, parts: usize) -> Self {
        Self { interval: self.interval.saturating_mul(parts.max(1) as u64), burst: 1 }
    }

    /// How far the clock may run ahead.
    pub(crate) fn tolerance(self) -> Micros {
        self.interval.saturating_mul(Micros::from(self.burst.max(1) - 1))
    }
}

/// One limit's state: the time at which it would be used up. Exact, however long the pauses are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gcra {
    /// What to store to remember it.
    pub tat: Micros,
}

impl Gcra {
    /// The first moment, not before `now`, at which one more may come.
    pub fn ready(self, rate: Rate, now: Micros) -> Micros {
        self.tat.saturating_sub(rate.tolerance()).max(now)
    }

    /// Counts one that comes now. It is the caller's to have asked [`Gcra::ready`].
    pub fn take(&mut self, rate: Rate, now: Micros) {
        self.tat = self.tat.max(now).saturating_add(rate.interval);
    }

    /// As [`Gcra::take`], for one who was woken a little late: the next turn counts from when this one was due, so that a rate is
    /// kept on average and not only never exceeded. That is for 3 milliseconds at most, and for less than one turn: what is lost beyond
    /// that is lost, so that no window ever has one more.
    pub fn take_late(&mut self, rate: Rate, now: Micros) {
        let is_in_turn = self.tat.saturating_add(LATE.min(rate.interval)) >= now;
        let due = if is_in_turn { self.tat } else { now };
        self.tat = due.saturating_add(rate.interval);
    }
}

/// Timers wake whom they wake up to so much late, when the machine is not overloaded.
const LATE: Micros = 3_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::SECOND, *};

    /// Sends as early as it may, with pauses in between, and says when.
    fn sends(rate: Rate, pauses: &[Micros]) -> Vec<Micros> {
        let (mut limit, mut now) = (Gcra::default(), 1_000 * SECOND);
        pauses
            .iter()
            .map(|pause| {
                now = limit.ready(rate, now + pause);
                limit.take(rate, now);
                now
            })
            .collect()
    }

    #[test]
    fn an_hour_at_eighty_a_second_is_exact() {
        let rate = Rate::per(80, SECOND, 1);
        let times = sends(rate, &vec![0; 80 * 3600]);
        assert_eq!(times[times.len() - 1] - times[0], 3600 * SECOND - rate.interval);
    }

    #[test]
    fn late_wake_ups_keep_the_rate_without_a_burst() {
        let rate = Rate::per(80, SECOND, 1);
        let (mut limit, mut now, mut sent) = (Gcra::default(), SECOND, 0_u64);
        while now < 61 * SECOND {
            // Every timer is up to 2 ms late, in whole milliseconds.
            now = limit.ready(rate, now).div_ceil(1_000) * 1_000 + (sent % 3) * 1_000;
            limit.take_late(rate, now);
            sent += 1;
        }
        assert!(sent.abs_diff(80 * 60) <= 1, "{sent} in a minute");
        // A second in which nobody asked is gone.
        let late = now + SECOND;
        limit.take_late(rate, late);
        assert_eq!(limit.ready(rate, late), late + rate.interval);
    }

    proptest! {
        #[test]
        fn no_window_ever_has_more_than_rate_and_burst(
            count in 1..50_u32,
            burst in 1..20_u32,
            pauses in prop::collection::vec(0..3 * SECOND, 1..200),
            window in 1..20 * SECOND,
        ) {
            let rate = Rate::per(count, SECOND, burst);
            let times = sends(rate, &pauses);
            let most = window / rate.interval + u64::from(burst) + 1;
            for (place, start) in times.iter().enumerate() {
                let inside = times[place..].iter().take_while(|time| **time < start + window).count() as u64;
                prop_assert!(inside <= most, "{inside} in {window} µs, {most} allowed");
            }
        }

        #[test]
        fn a_pause_longer_than_the_interval_needs_no_wait(pause in SECOND..100 * SECOND) {
            let rate = Rate::per(1, SECOND, 3);
            let mut limit = Gcra::default();
            let mut now = SECOND;
            for _ in 0..10 {
                prop_assert_eq!(limit.ready(rate, now), now);
                limit.take(rate, now);
                now += pause;
            }
        }
    }
}
