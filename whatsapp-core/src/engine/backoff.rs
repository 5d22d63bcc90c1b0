//! Pauses that grow with each failure in a row.
use std::time::Duration;

use rand::{Rng, RngExt};

/// `first`, doubled once for each failure before, and never longer than `longest`.
pub(super) fn doubled(first: Duration, longest: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(16)).min(longest)
}

/// A random change of a pause by up to a quarter, so that many accounts do not return at the same time.
pub(super) fn jitter(rng: &mut impl Rng) -> f64 {
    rng.random_range(0.0..=0.25)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(5), Duration::from_secs(900));
        let pauses = [0, 1, 2, 7, 8, u32::MAX].map(|failures| doubled(first, longest, failures).as_secs());
        assert_eq!(pauses, [5, 10, 20, 640, 900, 900]);
    }

    #[test]
    fn jitter_is_a_quarter_at_most() {
        let mut rng = StdRng::seed_from_u64(3);
        assert!((0..1000).map(|_| jitter(&mut rng)).all(|share| (0.0..=0.25).contains(&share)));
    }
}
