//! When each lane is asked for more.
use std::collections::BTreeMap;

use crate::{scheduler::QueueId, window::Millis};

/// Somebody else's ranges and retries are looked for after this time; one's own are known.
const LOOK_AGAIN: Millis = 5_000;

/// A lane by its campaign's number and its own.
pub(super) type LaneId = (QueueId, i32);

/// What is known of the lanes of one sender.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<LaneId, Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// There was no range; ask again then.
    ranges_at: Millis,
    /// There was nothing to be tried again; ask again then.
    retries_at: Millis,
}

impl Lanes {
    /// Is it worth asking for a range?
    pub(super) fn may_have_range(&self, lane: LaneId, now: Millis) -> bool {
        self.0.get(&lane).is_none_or(|known| known.ranges_at <= now)
    }

    /// Is it worth asking for rows to be tried again?
    pub(super) fn may_have_retries(&self, lane: LaneId, now: Millis) -> bool {
        self.0.get(&lane).is_none_or(|known| known.retries_at <= now)
    }

    pub(super) fn has_no_range(&mut self, lane: LaneId, now: Millis) {
        self.0.entry(lane).or_default().ranges_at = now + LOOK_AGAIN;
    }

    pub(super) fn has_no_retries(&mut self, lane: LaneId, now: Millis) {
        self.0.entry(lane).or_default().retries_at = now + LOOK_AGAIN;
    }

    /// A row is to be tried again then: ask at that time, and not later.
    pub(super) fn retry_at(&mut self, lane: LaneId, at: Millis) {
        let known = self.0.entry(lane).or_default();
        known.retries_at = known.retries_at.min(at);
    }

    /// Part of a range went back.
    pub(super) fn has_range(&mut self, lane: LaneId) {
        self.0.entry(lane).or_default().ranges_at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_asked_when_it_may_have_something() {
        let mut lanes = Lanes::default();
        let lane = (1, 0);
        assert!(lanes.may_have_range(lane, 0) && lanes.may_have_retries(lane, 0));
        lanes.has_no_range(lane, 100);
        lanes.has_no_retries(lane, 100);
        assert!(!lanes.may_have_range(lane, 5_099) && lanes.may_have_range(lane, 5_100));
        lanes.retry_at(lane, 700);
        lanes.retry_at(lane, 9_000);
        assert!(!lanes.may_have_retries(lane, 699) && lanes.may_have_retries(lane, 700));
        lanes.has_range(lane);
        assert!(lanes.may_have_range(lane, 100));
    }
}
