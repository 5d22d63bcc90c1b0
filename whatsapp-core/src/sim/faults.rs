//! What can go wrong on purpose.
use std::time::Duration;

use rand::{RngExt, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// Which way a stanza goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// From clients to the service.
    ToService,
    /// From the service to clients.
    ToClient,
}

/// Chances between 0 and 1, for each message and receipt stanza on its own. Requests and what belongs to the
/// connection are spared: their loss is a cut, which is asked for by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Faults {
    /// It is lost. The service hands over again what is not answered.
    pub drop: f64,
    /// It comes twice.
    pub duplicate: f64,
    /// It comes late, and so behind others.
    pub reorder: f64,
    /// Its ciphertext is damaged.
    pub corrupt: f64,
    /// Every stanza to clients is late by so many milliseconds.
    pub slow_ms: u64,
}

/// What becomes of one stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Once(Duration),
    Twice(Duration),
}

impl Faults {
    /// How late a reordered stanza comes at the most.
    const LATE_MS: u64 = 400;

    pub(super) fn fate(&self, side: Side, rng: &mut StdRng) -> Fate {
        let mut delay = if side == Side::ToClient { self.slow_ms } else { 0 };
        if chance(self.drop, rng) {
            return Fate::Lost;
        }
        if chance(self.reorder, rng) {
            delay += rng.random_range(1..=Self::LATE_MS);
        }
        let delay = Duration::from_millis(delay);
        if chance(self.duplicate, rng) { Fate::Twice(delay) } else { Fate::Once(delay) }
    }

    pub(super) fn corrupts(&self, rng: &mut StdRng) -> bool {
        chance(self.corrupt, rng)
    }
}

fn chance(probability: f64, rng: &mut StdRng) -> bool {
    probability > 0.0 && rng.random_bool(probability.min(1.0))
}
