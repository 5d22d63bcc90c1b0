//! What is believed of the network: chances and delays.
use serde::{Deserialize, Serialize};
use whatsapp_store::hash::SplitMix64;

use super::forecast::ForecastError;
use crate::{outcome::Code, pacing::Micros, window::Millis};

/// Delays are at most this: 30 days.
const LONGEST: Millis = 30 * 24 * 3_600_000;

/// What is believed of the network. Chances are in thousandths. In JSON, in camelCase; what is missing is as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Transport {
    /// Of all tries: refused for good, such as a number without an account.
    pub failed_permille: u32,
    /// Of all tries: refused for a moment.
    pub retry_permille: u32,
    /// Of all tries: the server says that the sender is too fast. It sends at half its rate for a while then, so that more than
    /// one in some thousands means crawling.
    pub throttle_permille: u32,
    /// Of messages sent: never delivered.
    pub undelivered_permille: u32,
    /// Of messages delivered: read.
    pub read_permille: u32,
    /// From handing a message over to its answer.
    pub answer: Delay,
    /// From sent to delivered.
    pub deliver: Delay,
    /// From delivered to read.
    pub read: Delay,
    /// What the server says to senders at certain times.
    pub incidents: Vec<Incident>,
}

/// From the one to the other, each as likely; milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// At least.
    pub from: Millis,
    /// At most.
    pub to: Millis,
}

/// The server says something to a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incident {
    /// When, milliseconds since the Unix epoch.
    pub at: Millis,
    /// To which sender, by its place; to all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<usize>,
    /// What.
    pub what: Trouble,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Trouble {
    /// Too fast.
    SlowDown,
    /// It may not send. It is believed that a person releases it when it may.
    Stop {
        /// Until then, milliseconds since the Unix epoch; for good without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Millis>,
    },
}

impl Default for Transport {
    /// A list of fair quality: 1 % of the numbers fail, 0.5 % of the tries are repeated, 3 % are never delivered, and
    /// 60 % are read within eight hours.
    fn default() -> Self {
        Self {
            failed_permille: 10,
            retry_permille: 5,
            throttle_permille: 0,
            undelivered_permille: 30,
            read_permille: 600,
            answer: Delay { from: 50, to: 150 },
            deliver: Delay { from: 1_000, to: 60_000 },
            read: Delay { from: 30_000, to: 8 * 3_600_000 },
            ..Self::perfect()
        }
    }
}

impl Transport {
    /// All is sent, delivered and read at once.
    pub const fn perfect() -> Self {
        let none = Delay { from: 0, to: 0 };
        Self {
            failed_permille: 0,
            retry_permille: 0,
            throttle_permille: 0,
            undelivered_permille: 0,
            read_permille: 1_000,
            answer: none,
            deliver: none,
            read: none,
            incidents: Vec::new(),
        }
    }

    pub(super) fn check(&self, senders: usize) -> Result<(), ForecastError> {
        let tries: u64 =
            [self.failed_permille, self.retry_permille, self.throttle_permille].map(u64::from).iter().sum();
        if [tries, self.undelivered_permille.into(), self.read_permille.into()].iter().any(|all| *all > 1_000)
        {
            return Err(ForecastError::Transport(
                "…Permille: chances are 1,000 thousandths at most, together",
            ));
        }
        let is_right =
            |delay: Delay| (0..=LONGEST).contains(&delay.from) && (delay.from..=LONGEST).contains(&delay.to);
        if ![self.answer, self.deliver, self.read].into_iter().all(is_right) {
            return Err(ForecastError::Transport(
                "answer, deliver, read: from 0 to 30 days, and `from` is not more than `to`",
            ));
        }
        let is_there = |incident: &Incident| incident.sender.is_none_or(|sender| sender < senders);
        if !self.incidents.iter().all(is_there) {
            return Err(ForecastError::Transport("incidents: no such place among the senders"));
        }
        Ok(())
    }

    /// What becomes of a try; `None` when the server takes it.
    pub(super) fn refusal(&self, dice: &mut Dice) -> Option<Code> {
        let number = dice.below(1_000);
        let failed = u64::from(self.failed_permille);
        let retried = failed + u64::from(self.retry_permille);
        let throttled = retried + u64::from(self.throttle_permille);
        match number {
            number if number < failed => Some(Code::NoAccount),
            number if number < retried => Some(Code::Unsent),
            // What the server says to who is too fast.
            number if number < throttled => Some(Code::Cloud(130_429)),
            _ => None,
        }
    }
}

impl Delay {
    pub(super) fn draw(self, dice: &mut Dice) -> Micros {
        let (from, to) = (self.from.unsigned_abs(), self.to.unsigned_abs());
        if from == to { from * 1_000 } else { from * 1_000 + dice.below((to - from) * 1_000 + 1) }
    }
}

/// Numbers that look random and follow from a seed.
///
/// Each try of a row has its own: what becomes of it does not depend on what happened to others.
#[derive(Clone, Debug)]
pub(super) struct Dice(SplitMix64);

impl Dice {
    pub(super) fn new(seed: u64, campaign: usize, lane: u16, seq: u32, tries: u8) -> Self {
        let row = u64::from(seq) | u64::from(lane) << 24 | (campaign as u64) << 40 | u64::from(tries) << 56;
        Self(SplitMix64::new(SplitMix64::new(seed).next_u64() ^ row))
    }

    /// From 0 up to but without `end`, which is below 2^32 or rounds a little.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.0.next_u64()) * u128::from(end)) >> 64).unwrap_or_default()
    }

    pub(super) fn permille(&mut self, chance: u32) -> bool {
        self.below(1_000) < u64::from(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_come_out() {
        let transport = Transport { failed_permille: 100, retry_permille: 50, ..Transport::perfect() };
        let all: Vec<_> = (0..100_000)
            .map(|seq| {
                let mut dice = Dice::new(1, 0, 0, seq, 0);
                (transport.refusal(&mut dice), Delay { from: 2, to: 4 }.draw(&mut dice))
            })
            .collect();
        let count = |code| all.iter().filter(|(refusal, _)| *refusal == code).count();
        assert!((9_500..10_500).contains(&count(Some(Code::NoAccount))));
        assert!((4_600..5_400).contains(&count(Some(Code::Unsent))));
        assert!(all.iter().all(|(_, delay)| (2_000..=4_000).contains(delay)));
        let mean = all.iter().map(|(_, delay)| delay).sum::<u64>() / 100_000;
        assert!((2_980..3_020).contains(&mean), "{mean}");
    }

    #[test]
    fn wrong_ones_are_refused() {
        let wrong = |transport: Transport| transport.check(1).unwrap_err().to_string();
        let perfect = Transport::perfect();
        assert!(
            wrong(Transport { failed_permille: 600, retry_permille: 600, ..perfect.clone() })
                .contains("1,000")
        );
        assert!(wrong(Transport { read: Delay { from: 2, to: 1 }, ..perfect.clone() }).contains("`from`"));
        let incidents = vec![Incident { at: 0, sender: Some(1), what: Trouble::SlowDown }];
        assert!(wrong(Transport { incidents, ..perfect.clone() }).contains("incidents"));
        let json = r#"{"readPermille":5,"incidents":[{"at":7,"what":{"type":"stop"}}]}"#;
        let read: Transport = serde_json::from_str(json).unwrap();
        assert_eq!((read.read_permille, read.failed_permille, read.incidents.len()), (5, 10, 1));
        assert_eq!(read.incidents[0].what, Trouble::Stop { until: None });
    }
}
