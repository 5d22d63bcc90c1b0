use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The state of a recipient. The numbers are stored: never change one, and none reaches 64.
///
/// A recipient whose range is leased is still [`Pending`](Self::Pending). The transitions are not decided here:
/// each [`Effect`] names the states that it may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum RecipientState {
    /// Nothing was sent.
    Pending = 0,
    /// Given to the connection.
    Submitted = 2,
    /// The server has it.
    Acked = 3,
    /// It reached a device.
    Delivered = 4,
    /// It was read.
    Read = 5,
    /// Waits to be tried again.
    Retry = 8,
    /// May have been sent, or not.
    InDoubt = 9,
    /// Given up.
    Failed = 10,
    /// On the list of those not to be written to.
    Suppressed = 11,
    /// Did not agree to be written to.
    NoConsent = 12,
    /// The address is malformed.
    Invalid = 13,
    /// A variable of the template has no value.
    MissingVariable = 14,
    /// The time for it went by.
    Expired = 15,
    /// The campaign ended before.
    Cancelled = 16,
}

impl RecipientState {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Pending,
            2 => Self::Submitted,
            3 => Self::Acked,
            4 => Self::Delivered,
            5 => Self::Read,
            8 => Self::Retry,
            9 => Self::InDoubt,
            10 => Self::Failed,
            11 => Self::Suppressed,
            12 => Self::NoConsent,
            13 => Self::Invalid,
            14 => Self::MissingVariable,
            15 => Self::Expired,
            16 => Self::Cancelled,
            _ => return None,
        })
    }

    /// A set of states as one number, as in [`Effect::from`].
    pub const fn bits(states: &[Self]) -> u64 {
        let (mut bits, mut place) = (0, 0);
        while place < states.len() {
            bits |= 1 << states[place].code();
            place += 1;
        }
        bits
    }

    /// Is this state in the set?
    pub const fn is_in(self, bits: u64) -> bool {
        bits & (1 << self.code()) != 0
    }
}

/// What a recipient did apart from the state; flags combine freely. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum RecipientFlag {
    /// Answered.
    Replied = 1,
    /// Followed a link or pressed a button.
    Clicked = 2,
    /// Asked for no further messages.
    OptedOut = 4,
    /// Complained, or blocked the sender.
    Reported = 8,
    /// Played the recording.
    Played = 16,
}

impl RecipientFlag {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Replied, Self::Clicked, Self::OptedOut, Self::Reported, Self::Played];

    /// Its bit in [`Effect::flags`] and [`RecipientRecord::flags`].
    pub const fn bit(self) -> u8 {
        self as u8
    }
}

/// A time that is kept of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stamp {
    /// [`RecipientRecord::sent_at`].
    Sent = 1,
    /// [`RecipientRecord::delivered_at`].
    Delivered = 2,
    /// [`RecipientRecord::read_at`].
    Read = 3,
}

/// What an outcome does to its recipient. Outcomes with the same effect are written together, so a batch with few
/// different ones is faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effect {
    /// The new state; `None` keeps the present one.
    pub state: Option<RecipientState>,
    /// The states in which this has any effect, by their [bits](RecipientState::bits). In all others the outcome is ignored,
    /// so that one that comes twice or too late does no harm.
    pub from: u64,
    /// The server's code; `None` keeps the present one.
    pub code: Option<u16>,
    /// The sender, by the campaign's own numbers from 1; `None` keeps the present one.
    pub sender: Option<u16>,
    /// [Flags](RecipientFlag) to set.
    pub flags: u8,
    /// Added to the number of tries, which ends at 255.
    pub tries: u8,
    /// The time to be set.
    pub stamp: Option<Stamp>,
}

/// The outcome of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The recipient's place in the lane. One that is nowhere is ignored.
    pub seq: u32,
    /// Its effect.
    pub effect: Effect,
    /// When it is to be tried again, milliseconds since the Unix epoch; given with [`RecipientState::Retry`] and no other.
    pub retry_at: Option<i64>,
}

impl Outcome {
    /// Does the time go with the state?
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn is_sound(&self) -> bool {
        self.retry_at.is_some() == (self.effect.state == Some(RecipientState::Retry))
    }
}

/// Outcomes by effect, by place in each group. No group has the same place twice, and outcomes of the same place are in groups
/// that follow each other in the order given: to apply one group after the other is to apply one outcome after the other.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn groups(outcomes: &[Outcome]) -> Vec<(Effect, Vec<Outcome>)> {
    let mut times = std::collections::HashMap::<u32, u32>::with_capacity(outcomes.len());
    let mut groups = BTreeMap::<(u32, Effect), Vec<Outcome>>::new();
    for outcome in outcomes {
        let time = times.entry(outcome.seq).or_default();
        groups.entry((*time, outcome.effect)).or_default().push(*outcome);
        *time += 1;
    }
    let sorted = |mut group: Vec<Outcome>| {
        group.sort_unstable_by_key(|outcome| outcome.seq);
        group
    };
    groups.into_iter().map(|((_, effect), group)| (effect, sorted(group))).collect()
}

/// What is stored of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipientRecord {
    /// Its place in the lane.
    pub seq: u32,
    /// Its state.
    pub state: RecipientState,
    /// Its [flags](RecipientFlag).
    pub flags: u8,
    /// How often it was tried.
    pub tries: u8,
    /// The server's last code, or 0.
    pub code: u16,
    /// The sender's number, or 0.
    pub sender: u16,
    /// When it was sent, milliseconds since the Unix epoch, to the second.
    pub sent_at: Option<i64>,
    /// When it was delivered.
    pub delivered_at: Option<i64>,
    /// When it was read.
    pub read_at: Option<i64>,
}

/// The number of recipients in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientCounts(pub BTreeMap<RecipientState, u64>);

impl RecipientCounts {
    /// Those in one state.
    pub fn of(&self, state: RecipientState) -> u64 {
        self.0.get(&state).copied().unwrap_or_default()
    }

    /// All.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// The number of recipients with each flag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagCounts(pub BTreeMap<RecipientFlag, u64>);

impl FlagCounts {
    /// Those with one flag, whatever other flags they have.
    pub fn of(&self, flag: RecipientFlag) -> u64 {
        self.0.get(&flag).copied().unwrap_or_default()
    }

    /// From the stored numbers by bit. Unknown bits of a later version are skipped.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn by_bit(count: impl Fn(u8) -> u64) -> Self {
        let counts = RecipientFlag::ALL.map(|flag| (flag, count(flag.bit())));
        Self(counts.into_iter().filter(|(_, count)| *count > 0).collect())
    }
}

/// How many recipients came into a state in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipientMinute {
    /// The minute's start, milliseconds since the Unix epoch.
    pub at: i64,
    /// The state.
    pub state: RecipientState,
    /// How many.
    pub count: u64,
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
impl RecipientMinute {
    /// The minute of a time, as a number since the Unix epoch.
    pub(crate) const fn of(at: i64) -> i64 {
        at.div_euclid(60_000)
    }

    /// The first minute that does not begin before a time.
    pub(crate) const fn from(at: i64) -> i64 {
        Self::of(at) + (at.rem_euclid(60_000) > 0) as i64
    }
}

/// The bits of some flags, one by one.
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) fn bits(flags: u8) -> impl Iterator<Item = u8> {
    (0..8).map(|place| 1 << place).filter(move |bit| flags & bit != 0)
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) mod offset {
    /// No time.
    pub(crate) const NONE: i32 = i32::MIN;

    /// A time as it is stored: seconds since `base`.
    #[allow(clippy::cast_possible_truncation, reason = "clamped")]
    pub(crate) fn of(at: i64, base: i64) -> i32 {
        let seconds = at.saturating_sub(base).div_euclid(1000);
        seconds.clamp(i64::from(NONE) + 1, i64::from(i32::MAX)) as i32
    }

    /// Back again.
    pub(crate) fn at(offset: i32, base: i64) -> Option<i64> {
        (offset != NONE).then(|| base.saturating_add(i64::from(offset) * 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_fit_into_a_set() {
        let all: Vec<_> = (0..=u8::MAX).filter_map(RecipientState::from_code).collect();
        assert_eq!(all.len(), 14);
        for state in &all {
            assert_eq!(RecipientState::from_code(state.code()), Some(*state));
            let only = RecipientState::bits(&[*state]);
            assert_eq!(all.iter().filter(|state| state.is_in(only)).collect::<Vec<_>>(), [state]);
        }
    }

    #[test]
    fn flags_are_one_bit_each() {
        let bits = RecipientFlag::ALL.map(RecipientFlag::bit);
        assert!(bits.iter().all(|bit| bit.is_power_of_two()));
        assert_eq!(bits.iter().fold(0, |all, bit| all | bit).count_ones() as usize, bits.len());
    }

    #[test]
    #[cfg(feature = "memory")]
    fn times_are_kept_to_the_second_from_the_base() {
        let base = 1_790_000_000_123;
        for (at, kept) in [(0, 0), (999, 0), (1000, 1000), (-1, -1000), (86_400_500, 86_400_000)] {
            assert_eq!(offset::at(offset::of(base + at, base), base), Some(base + kept));
        }
        assert_eq!(offset::at(offset::NONE, base), None);
        assert!(offset::at(offset::of(i64::MIN, base), base).is_some(), "the lowest is not none");
        assert!(offset::at(offset::of(i64::MAX, base), base) > Some(base));
    }

    #[test]
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn groups_keep_the_order_of_outcomes_of_one_place() {
        let outcome = |seq, state| Outcome {
            seq,
            effect: Effect { state: Some(state), ..Effect::default() },
            retry_at: None,
        };
        use RecipientState::{Acked, Read, Submitted};
        let outcomes = [(2, Read), (1, Acked), (1, Submitted), (2, Read), (0, Read), (1, Acked)]
            .map(|(seq, state)| outcome(seq, state));
        let groups = groups(&outcomes).into_iter().map(|(effect, group)| {
            assert!(group.iter().all(|outcome| outcome.effect == effect));
            (effect.state, group.into_iter().map(|outcome| outcome.seq).collect::<Vec<_>>())
        });
        let expected = [
            (Some(Acked), vec![1]),
            (Some(Read), vec![0, 2]),
            (Some(Submitted), vec![1]),
            (Some(Read), vec![2]),
            (Some(Acked), vec![1]),
        ];
        assert_eq!(groups.collect::<Vec<_>>(), expected);
    }
}
