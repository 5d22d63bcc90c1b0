use serde::{Deserialize, Serialize};

/// The state of a campaign. The numbers are stored: never change one.
///
/// ```text
/// Draft ─► Approved ─► Freezing ─► Scheduled ─► Running ─► Draining ─► Finished
///                                               ▲    │
///                                               │    ▼                Cancelled, from everywhere before
///                                               Paused
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum CampaignState {
    /// Being written.
    Draft = 1,
    /// A second person agreed.
    Approved = 2,
    /// Its audience is being written down.
    Freezing = 3,
    /// Waits for its time.
    Scheduled = 4,
    /// Sends: ranges are leased, new ones and those whose holder is gone.
    Running = 5,
    /// Sends nothing until it is resumed.
    Paused = 6,
    /// Starts no new range: only ranges whose holder is gone are leased.
    Draining = 7,
    /// Done.
    Finished = 8,
    /// Ended before it was done.
    Cancelled = 9,
}

impl CampaignState {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Draft,
            2 => Self::Approved,
            3 => Self::Freezing,
            4 => Self::Scheduled,
            5 => Self::Running,
            6 => Self::Paused,
            7 => Self::Draining,
            8 => Self::Finished,
            9 => Self::Cancelled,
            _ => return None,
        })
    }

    /// A set of states as one number, as in [`CampaignMove::from`](super::CampaignMove::from).
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

    /// May a new range be leased?
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) const fn begins(self) -> bool {
        matches!(self, Self::Running)
    }

    /// May a range be leased that had a holder before?
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) const fn goes_on(self) -> bool {
        matches!(self, Self::Running | Self::Draining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_sets_hold_their_states() {
        let all: Vec<_> = (0..64).filter_map(CampaignState::from_code).collect();
        assert_eq!(all.len(), 9);
        for state in &all {
            assert_eq!(CampaignState::from_code(state.code()), Some(*state));
            let only = CampaignState::bits(&[*state]);
            assert_eq!(all.iter().filter(|state| state.is_in(only)).collect::<Vec<_>>(), [state]);
        }
        assert!(all.iter().all(|state| state.is_in(CampaignState::bits(&all)) && !state.is_in(0)));
    }
}
