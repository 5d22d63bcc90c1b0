//! Which variant is better, and whether that can be said yet.
use serde::{Deserialize, Serialize};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// How many read it. People who hide that they read are not counted, in all variants alike.
    Read,
    /// How many answered.
    Replied,
    /// How many followed a link or pressed a button.
    Clicked,
    /// How many want no more of it; fewer is better.
    OptedOut,
}

/// How the better variant is found: a two-proportion z-test of the best against each of the others.
///
/// To ask again and again and stop at the first yes finds winners where there are none: ask once, when the messages of the
/// test have had their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WinnerRule {
    /// What is compared.
    pub metric: Metric,
    /// So many of each variant must have been sent; at least 30.
    #[serde(default = "min_sample")]
    pub min_sample: u32,
    /// How sure, in percent: 50 to 99. With several variants, of all comparisons together.
    #[serde(default = "confidence")]
    pub confidence: u8,
    /// Minutes from the last message of the test to the question; 4 hours if not given.
    #[serde(default = "after_minutes", skip_serializing_if = "is_usual")]
    pub after_minutes: u32,
}

fn min_sample() -> u32 {
    200
}

fn confidence() -> u8 {
    95
}

fn after_minutes() -> u32 {
    240
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_usual(minutes: &u32) -> bool {
    *minutes == after_minutes()
}

impl WinnerRule {
    pub(super) fn wrong(&self, variants: usize) -> Option<&'static str> {
        Some(match self {
            _ if variants < 2 => "a winner is found among two variants or more",
            Self { min_sample: ..30, .. } => "minSample is at least 30",
            Self { confidence: ..50 | 100.., .. } => "confidence is 50 to 99 percent",
            _ => return None,
        })
    }

    /// Which variant is better, from what was counted of each, in their order.
    pub fn decide(&self, counts: &[Count]) -> Decision {
        if counts.len() < 2 {
            return Decision::NotYet(NotYet::NothingToCompare);
        }
        if let Some((variant, count)) =
            counts.iter().enumerate().find(|(_, count)| count.sent < u64::from(self.min_sample))
        {
            let (have, need) = (count.sent, u64::from(self.min_sample));
            return Decision::NotYet(NotYet::TooFewSent { variant, have, need });
        }
        if let Some(variant) = counts.iter().position(|count| count.hits > count.sent) {
            return Decision::NotYet(NotYet::MoreThanSent { variant });
        }
        let is_better = |a: &Count, b: &Count| match self.metric {
            Metric::OptedOut => a.rate() < b.rate(),
            _ => a.rate() > b.rate(),
        };
        let (best, count) = counts
            .iter()
            .enumerate()
            .skip(1)
            .fold((0, &counts[0]), |best, other| if is_better(other.1, best.1) { other } else { best });
        // Bonferroni: the chance to be wrong is shared among the comparisons.
        let allowed = (1.0 - f64::from(self.confidence) / 100.0) / (counts.len() - 1) as f64;
        let others = counts.iter().enumerate().filter(|(place, _)| *place != best);
        let mut least_sure: f64 = 0.0;
        for (other, than) in others {
            match chance(count, than) {
                None => return Decision::NotYet(NotYet::TooFewHits { variant: other }),
                Some(chance) => least_sure = least_sure.max(chance),
            }
            if least_sure > allowed {
                return Decision::NotYet(NotYet::NotSure { best, other, chance: least_sure, allowed });
            }
        }
        Decision::Winner { variant: best, chance: least_sure }
    }
}

/// What was counted of one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Messages sent.
    pub sent: u64,
    /// Those of them that count for the metric.
    pub hits: u64,
}

impl Count {
    fn rate(&self) -> f64 {
        self.hits as f64 / self.sent as f64
    }
}

/// What the counts say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// This variant is better than each of the others.
    Winner {
        /// Its place.
        variant: usize,
        /// How likely a difference as large as this is by chance, at most.
        chance: f64,
    },
    /// Nothing can be said yet.
    NotYet(NotYet),
}

/// Why no winner can be named yet.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NotYet {
    /// There are not two variants.
    #[error("there is only one variant")]
    NothingToCompare,
    /// A variant was sent to too few.
    #[error("variant {variant} was sent to {have} people, {need} are needed")]
    TooFewSent {
        /// Its place.
        variant: usize,
        /// So many.
        have: u64,
        /// So many are needed.
        need: u64,
    },
    /// The counts cannot be right.
    #[error("of variant {variant} more is counted than was sent")]
    MoreThanSent {
        /// Its place.
        variant: usize,
    },
    /// So few, or so nearly all, did it that the test does not hold.
    #[error("too few people did it, or too few did not, to compare with variant {variant}")]
    TooFewHits {
        /// The place of the other one.
        variant: usize,
    },
    /// The difference may be chance.
    #[error(
        "variant {best} is ahead of variant {other}, but that may be chance ({chance:.3}, at most {allowed:.3})"
    )]
    NotSure {
        /// The place of the one ahead.
        best: usize,
        /// The place of the one it is compared with.
        other: usize,
        /// How likely such a difference is by chance.
        chance: f64,
        /// How likely it may be.
        allowed: f64,
    },
}

/// How likely such a difference is when there is none: both sides of a normal distribution, which needs five of each kind.
fn chance(a: &Count, b: &Count) -> Option<f64> {
    let (sent_a, sent_b) = (a.sent as f64, b.sent as f64);
    let pooled = (a.hits + b.hits) as f64 / (sent_a + sent_b);
    let least = sent_a.min(sent_b) * pooled.min(1.0 - pooled);
    if least < 5.0 {
        return None;
    }
    let z = (a.rate() - b.rate()) / (pooled * (1.0 - pooled) * (1.0 / sent_a + 1.0 / sent_b)).sqrt();
    Some(error_function_complement(z.abs() / std::f64::consts::SQRT_2))
}

/// erfc of a number that is not negative: Abramowitz and Stegun, 7.1.26, to 1.5e-7.
fn error_function_complement(x: f64) -> f64 {
    const TERMS: [f64; 5] = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = TERMS.iter().fold(0.0, |sum, term| (sum + term) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: WinnerRule =
        WinnerRule { metric: Metric::Replied, min_sample: 200, confidence: 95, after_minutes: 240 };

    fn decide(rule: WinnerRule, counts: &[(u64, u64)]) -> Decision {
        let counts: Vec<_> = counts.iter().map(|(hits, sent)| Count { sent: *sent, hits: *hits }).collect();
        rule.decide(&counts)
    }

    #[test]
    fn the_test_agrees_with_a_table() {
        // z = 1.96 leaves 5 %, z = 2.5758 leaves 1 %.
        for (z, expected) in [(0.0, 1.0), (1.0, 0.317_310_5), (1.959_964, 0.05), (2.575_829, 0.01)] {
            let chance = error_function_complement(z / std::f64::consts::SQRT_2);
            assert!((chance - expected).abs() < 1e-6, "{z}: {chance}");
        }
        // 120 of 1,000 against 90 of 1,000: z = 2.1881, p = 0.02866.
        let p = chance(&Count { sent: 1_000, hits: 120 }, &Count { sent: 1_000, hits: 90 }).unwrap();
        assert!((p - 0.028_66).abs() < 1e-4, "{p}");
    }

    #[test]
    fn a_clear_difference_wins_and_a_small_one_does_not() {
        assert!(matches!(decide(RULE, &[(90, 1_000), (120, 1_000)]), Decision::Winner { variant: 1, .. }));
        let fewer = WinnerRule { metric: Metric::OptedOut, ..RULE };
        assert!(matches!(decide(fewer, &[(90, 1_000), (120, 1_000)]), Decision::Winner { variant: 0, .. }));
        let surer = WinnerRule { confidence: 99, ..RULE };
        let not = decide(surer, &[(90, 1_000), (120, 1_000)]);
        assert!(matches!(not, Decision::NotYet(NotYet::NotSure { best: 1, other: 0, .. })), "{not:?}");
        assert!(matches!(
            decide(RULE, &[(100, 1_000), (100, 1_000)]),
            Decision::NotYet(NotYet::NotSure { .. })
        ));
        // With a third variant, each comparison must be surer: 0.0287 is not below 0.025.
        let three = decide(RULE, &[(90, 1_000), (120, 1_000), (40, 1_000)]);
        assert!(matches!(three, Decision::NotYet(NotYet::NotSure { best: 1, other: 0, .. })), "{three:?}");
    }

    #[test]
    fn it_says_why_not_yet() {
        let why = |counts: &[(u64, u64)]| match decide(RULE, counts) {
            Decision::NotYet(why) => why.to_string(),
            Decision::Winner { .. } => panic!("{counts:?}"),
        };
        assert_eq!(why(&[(1, 500), (90, 199)]), "variant 1 was sent to 199 people, 200 are needed");
        assert_eq!(why(&[(600, 500), (9, 200)]), "of variant 0 more is counted than was sent");
        assert_eq!(why(&[(5, 500)]), "there is only one variant");
        assert!(why(&[(3, 500), (0, 500)]).starts_with("too few people did it"));
        assert!(why(&[(500, 500), (499, 500)]).starts_with("too few people did it"));
        assert!(
            why(&[(101, 1_000), (100, 1_000)])
                .starts_with("variant 0 is ahead of variant 1, but that may be chance")
        );
    }

    #[test]
    fn rules_that_do_not_work() {
        assert_eq!(RULE.wrong(2), None);
        assert!(RULE.wrong(1).is_some());
        assert!(WinnerRule { min_sample: 29, ..RULE }.wrong(2).is_some());
        assert!(WinnerRule { confidence: 100, ..RULE }.wrong(2).is_some());
    }

    proptest! {
        #[test]
        fn the_winner_has_the_best_rate(counts in prop::collection::vec((0..2_000_u64, 200..2_000_u64), 2..5)) {
            let counts: Vec<_> = counts.into_iter().map(|(hits, sent)| (hits.min(sent), sent)).collect();
            if let Decision::Winner { variant, chance } = decide(RULE, &counts) {
                prop_assert!(chance <= 0.05);
                let rate = |(hits, sent): (u64, u64)| hits as f64 / sent as f64;
                prop_assert!(counts.iter().all(|count| rate(*count) <= rate(counts[variant])));
            }
        }
    }
}
