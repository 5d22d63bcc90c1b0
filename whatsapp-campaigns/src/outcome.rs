//! What follows when the server refuses a message: one table from codes to classes, one from classes to reactions.
//!
//! Only refusals come here, and messages that surely never left. A message that was submitted and has no answer was not
//! refused: it is in doubt, and may never be sent again under another id.
mod code;

pub use code::{Class, Code};

use whatsapp_store::hash::SplitMix64;

use crate::{id::RowId, window::Millis};

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;
const DAY: Millis = 24 * HOUR;

impl Class {
    /// How often a row is tried at most, the first time counted.
    pub const fn most_tries(self) -> u8 {
        match self {
            Self::SlowDown => 10,
            Self::Pair => 6,
            Self::UserMarketing => 2,
            Self::Sender | Self::Template | Self::Money => 3,
            Self::Transient => 5,
            Self::Recipient | Self::OptedOut | Self::Window | Self::Experiment => 1,
        }
    }

    /// From a refusal to the next try: the first time, and the factor from each to the next.
    const fn wait(self) -> (Millis, Millis) {
        match self {
            // Each refusal halves the rate besides.
            Self::SlowDown => (10 * SECOND, 2),
            // As the server asks for: 4 to the n seconds.
            Self::Pair => (4 * SECOND, 4),
            Self::UserMarketing => (DAY, 1),
            // Nothing goes before the pause is over; these only keep the rows from coming all at once.
            Self::Sender | Self::Template | Self::Money => (HOUR, 2),
            Self::Transient => (5 * SECOND, 4),
            Self::Recipient | Self::OptedOut | Self::Window | Self::Experiment => (0, 1),
        }
    }
}

/// What follows for the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowReaction {
    /// Try again, not before this.
    Retry {
        /// When.
        at: Millis,
    },
    /// Give it up.
    Fail,
}

/// What stops besides the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing.
    Nothing,
    /// The sender goes on at half the rate.
    Halve,
    /// The sender is paused at once. It goes on after that time, if one is stated, **and** by a person's act. A campaign that has no
    /// other sender is paused with it.
    Sender {
        /// Until then at least.
        until: Option<Millis>,
    },
    /// The campaign is paused, until a person lets it go on.
    Campaign,
    /// All campaigns of the workspace are paused, until a person lets them go on.
    Workspace,
}

/// What follows of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// What it was about.
    pub class: Class,
    /// For the row.
    pub row: RowReaction,
    /// For others.
    pub stop: Stop,
    /// The person is put on the list of those not to be written to.
    pub suppress: bool,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// Which row.
    pub row: RowId,
    /// How often the row was tried, this time counted.
    pub tries: u8,
    /// When.
    pub at: Millis,
    /// Until when the server says that the sender may not send, if it does.
    pub until: Option<Millis>,
}

impl Refusal {
    /// What follows of it. The same refusal always leads to the same.
    pub fn reaction(&self) -> Reaction {
        let class = Class::of(self.code);
        let stop = match class {
            Class::SlowDown => Stop::Halve,
            Class::Sender => Stop::Sender { until: self.until },
            Class::Template => Stop::Campaign,
            Class::Money => Stop::Workspace,
            _ => Stop::Nothing,
        };
        let row = match self.tries < class.most_tries() {
            true => RowReaction::Retry { at: self.next(class) },
            false => RowReaction::Fail,
        };
        Reaction { class, row, stop, suppress: class == Class::OptedOut }
    }

    /// When the next try may be: the class's wait, and up to a quarter more, so that rows refused together do not come back
    /// together. Never less, so that no limit is tried early.
    fn next(&self, class: Class) -> Millis {
        let (first, factor) = class.wait();
        let again = u32::from(self.tries.saturating_sub(1)).min(12);
        let wait = first.saturating_mul(factor.saturating_pow(again)).min(DAY);
        let jitter =
            Millis::try_from(spread(self.row, self.tries) % (wait.unsigned_abs() / 4 + 1)).unwrap_or(0);
        let after = self.until.filter(|_| class == Class::Sender).map_or(self.at, |until| until.max(self.at));
        after.saturating_add(wait).saturating_add(jitter)
    }
}

/// A number that looks random and is the same for the same try of the same row.
const fn spread(row: RowId, tries: u8) -> u64 {
    let seed = (row.campaign as u64) << 40 | (row.lane as u64) << 52 | (row.seq as u64) << 8 | tries as u64;
    SplitMix64::new(seed).next_u64()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::{code::CLASSES, *};

    const NOW: Millis = 1_800_000_000_000;

    fn refusal(code: Code, tries: u8) -> Refusal {
        Refusal { code, row: RowId { campaign: 3, lane: 0, seq: 77 }, tries, at: NOW, until: None }
    }

    /// How long each try waits, until it is given up.
    fn waits(code: Code) -> Vec<Millis> {
        (1..=u8::MAX)
            .map_while(|tries| match refusal(code, tries).reaction().row {
                RowReaction::Retry { at } => Some((at - NOW) / SECOND),
                RowReaction::Fail => None,
            })
            .collect()
    }

    fn any_code() -> impl Strategy<Value = Code> {
        let known = prop::sample::select(CLASSES.map(|(code, _)| code).to_vec());
        prop_oneof![
            known,
            any::<u32>().prop_map(Code::Cloud),
            any::<u32>().prop_map(Code::Web),
            Just(Code::Unsent),
            Just(Code::NoAccount)
        ]
    }

    #[test]
    fn the_reactions_of_the_study() {
        let of = |code| {
            let reaction = refusal(code, 1).reaction();
            (matches!(reaction.row, RowReaction::Retry { .. }), reaction.stop, reaction.suppress)
        };
        assert_eq!(of(Code::Cloud(130_429)), (true, Stop::Halve, false));
        assert_eq!(of(Code::Web(429)), (true, Stop::Halve, false));
        assert_eq!(of(Code::Cloud(131_056)), (true, Stop::Nothing, false));
        assert_eq!(of(Code::Cloud(131_048)), (true, Stop::Sender { until: None }, false));
        assert_eq!(of(Code::Cloud(131_026)), (false, Stop::Nothing, false));
        assert_eq!(of(Code::Cloud(131_050)), (false, Stop::Nothing, true));
        assert_eq!(of(Code::Cloud(131_047)), (false, Stop::Nothing, false));
        assert_eq!(of(Code::Cloud(132_015)), (true, Stop::Campaign, false));
        assert_eq!(of(Code::Cloud(131_042)), (true, Stop::Workspace, false));
        assert_eq!(of(Code::Cloud(130_472)), (false, Stop::Nothing, false));
        assert_eq!(of(Code::Cloud(999_999)), (true, Stop::Nothing, false), "nobody knows it");
    }

    #[test]
    fn waits_grow_by_class() {
        let within = |code, least: &[Millis]| {
            let waits = waits(code);
            assert_eq!(waits.len(), least.len(), "{waits:?}");
            assert!(
                waits.iter().zip(least).all(|(wait, least)| (*least..=least + least / 4).contains(wait)),
                "{waits:?}"
            );
        };
        within(Code::Cloud(131_056), &[4, 16, 64, 256, 1_024]);
        within(Code::Cloud(131_049), &[86_400]);
        within(Code::Unsent, &[5, 20, 80, 320]);
        within(Code::Cloud(131_026), &[]);
    }

    #[test]
    fn a_paused_senders_rows_wait_for_the_stated_end() {
        let until = Some(NOW + 3 * DAY);
        let reaction = Refusal { until, ..refusal(Code::Web(463), 1) }.reaction();
        assert_eq!(reaction.stop, Stop::Sender { until });
        assert!(matches!(reaction.row, RowReaction::Retry { at } if at >= NOW + 3 * DAY + HOUR));
    }

    #[test]
    fn rows_refused_together_come_back_apart() {
        let back: HashSet<_> = (0..1_000)
            .map(|seq| {
                match (Refusal {
                    row: RowId { campaign: 3, lane: 0, seq },
                    ..refusal(Code::Cloud(130_429), 3)
                })
                .reaction()
                .row
                {
                    RowReaction::Retry { at } => at,
                    RowReaction::Fail => 0,
                }
            })
            .collect();
        assert!(back.len() > 900, "{}", back.len());
    }

    proptest! {
        /// Whatever codes come, in whatever order, a row has an end, and so has every wait.
        #[test]
        fn no_row_is_tried_for_ever(codes in prop::collection::vec(any_code(), 20), campaign in any::<u32>(), seq in any::<u32>()) {
            let row = RowId { campaign, lane: 0, seq };
            let mut at = NOW;
            for (tries, code) in (1..).zip(codes) {
                let refusal = Refusal { code, row, tries, at, until: None };
                prop_assert_eq!(refusal.reaction(), refusal.reaction());
                match refusal.reaction().row {
                    RowReaction::Fail => return Ok(()),
                    RowReaction::Retry { at: next } => {
                        prop_assert!(next > at && next <= at + DAY + DAY / 4);
                        at = next;
                    }
                }
            }
            prop_assert!(false, "20 tries and no end");
        }

        #[test]
        fn the_last_numbers_do_no_harm(code in any_code(), tries in any::<u8>(), at in any::<i64>(), until in any::<Option<i64>>()) {
            let row = RowId { campaign: u32::MAX, lane: 0, seq: u32::MAX };
            let reaction = Refusal { code, row, tries, at, until }.reaction();
            prop_assert!(tries < 10 || reaction.row == RowReaction::Fail);
        }
    }
}
