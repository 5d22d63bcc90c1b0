//! A campaign at one sender: its lanes, and when to look at them again.
use std::ops::Range;

use super::{
    lane::{Gate, Lane},
    report::Wait,
};
use crate::{pacing::Micros, window::Plan};

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) campaign: usize,
    first: usize,
    end: usize,
    /// The places of its lanes, by their numbers in the campaign.
    by_number: Vec<usize>,
    audience: u64,
    /// There is nothing to lease before; what that waits for.
    pub(super) look_at: Micros,
    pub(super) wait: Wait,
    /// The first end of a window of its lanes.
    pub(super) closes: Micros,
}

impl Queue {
    /// Of the lanes from a place on.
    pub(super) fn new(campaign: usize, lanes: &[Lane], first: usize, audience: u16) -> Self {
        let most = lanes[first..].iter().map(|lane| usize::from(lane.number) + 1).max().unwrap_or_default();
        let mut by_number = vec![first; most];
        for (place, lane) in lanes.iter().enumerate().skip(first) {
            by_number[usize::from(lane.number)] = place;
        }
        let (end, audience) = (lanes.len(), u64::from(audience) << 48);
        Self { campaign, first, end, by_number, audience, look_at: 0, wait: Wait::Windows, closes: 0 }
    }

    pub(super) fn lanes(&self) -> Range<usize> {
        self.first..self.end
    }

    /// The first person of a lane; the others follow row by row.
    pub(super) fn person(&self, lane: u16) -> u64 {
        self.audience | u64::from(lane) << 32
    }

    /// The place of a person's lane.
    pub(super) fn lane(&self, person: u64) -> usize {
        self.by_number[(person >> 32 & 0xffff) as usize]
    }

    /// Finds the windows that follow those that are over.
    pub(super) fn turn(&mut self, lanes: &mut [Lane], plan: &Plan, now: Micros) {
        let lanes = &mut lanes[self.lanes()];
        lanes.iter_mut().for_each(|lane| lane.look(plan, now));
        self.closes = lanes.iter().filter_map(Lane::closes).min().unwrap_or(Micros::MAX);
        self.look_at = now;
    }

    /// Nothing is left to lease now: when there may be.
    pub(super) fn look_again(&mut self, lanes: &[Lane], gate: Gate, now: Micros) {
        let next = lanes[self.lanes()].iter().filter_map(|lane| lane.may_have(gate, now)).min();
        (self.look_at, self.wait) = next.map_or((Micros::MAX, Wait::Answers), |(at, hold)| (at, hold.into()));
    }

    /// There may be something to lease at that time.
    pub(super) fn look_by(&mut self, at: Micros, wait: Wait) {
        if at < self.look_at {
            (self.look_at, self.wait) = (at, wait);
        }
    }
}
