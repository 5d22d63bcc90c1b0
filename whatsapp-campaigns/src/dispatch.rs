//! How rows are leased and handed over: one set of numbers for the runner and for the simulation of it.
use crate::{
    pacing::{Micros, Rate},
    window::Millis,
};

/// Rows are leased again when fewer are left.
const LOW: usize = 200;
/// A lease has this many rows at least, however slow the sender is.
const SMALLEST: u32 = 20;

/// How a runner leases rows and hands messages over. A dry run that is to come out as the run does needs the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// How often outcomes are written and campaigns are read again, milliseconds.
    pub tick: Millis,
    /// How long a lease lasts that is not renewed, milliseconds. A sender whose node dies rests that long.
    pub lease_term: Millis,
    /// Rows leased at once, at most.
    pub window: u32,
    /// Messages of one sender that may be without an answer at once; 0 is taken as 1.
    pub in_flight: usize,
    /// All campaigns of a workspace together, at most. Each of its senders has an equal part.
    pub workspace_rate: Option<Rate>,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self { tick: 150, lease_term: 15_000, window: 1_000, in_flight: 16, workspace_rate: None }
    }
}

impl Dispatch {
    /// How many rows a sender of that rate leases at once, and below how many it leases again. A lease is what is sent within its
    /// term.
    pub(crate) fn leases(&self, rate: Rate) -> (u32, usize) {
        let rows = micros(self.lease_term) / rate.interval.max(1);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).max(SMALLEST).min(self.window.max(1));
        (rows, LOW.min(rows as usize / 2).max(1))
    }

    /// How many messages a sender of that rate may hand over within one tick.
    pub(crate) fn in_a_tick(&self, rate: Rate) -> usize {
        let rows = micros(self.tick) / rate.interval.max(1) + u64::from(rate.burst);
        usize::try_from(rows).unwrap_or(usize::MAX).min(self.window.max(1) as usize)
    }

    /// How many messages may be without an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.max(1)
    }

    /// The limit of one sender's part in a campaign that has so many senders, in a workspace that has so many.
    pub(crate) fn share(&self, campaign: Option<Rate>, senders: usize, in_workspace: usize) -> Option<Rate> {
        let campaign = campaign.map(|rate| rate.divided_by(senders));
        let workspace = self.workspace_rate.map(|rate| rate.divided_by(in_workspace));
        campaign.into_iter().chain(workspace).max_by_key(|rate| rate.interval)
    }
}

fn micros(at: Millis) -> Micros {
    Micros::try_from(at).unwrap_or_default().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::SECOND;

    #[test]
    fn a_lease_is_what_is_sent_within_its_term() {
        let dispatch = Dispatch::default();
        let leases = |count, period| dispatch.leases(Rate::per(count, period, 1));
        assert_eq!(leases(20, SECOND), (300, 150));
        assert_eq!(leases(10_000, SECOND), (1_000, 200));
        assert_eq!(leases(1, 6 * SECOND), (20, 10), "a slow sender leases a few");
        let tiny = Dispatch { window: 5, ..dispatch };
        assert_eq!(tiny.leases(Rate::per(1, SECOND, 1)), (5, 2));
        assert_eq!(Dispatch { window: 0, ..dispatch }.leases(Rate::per(1, SECOND, 1)), (1, 1));
        assert_eq!(dispatch.in_a_tick(Rate::per(80, SECOND, 1)), 13);
        assert_eq!(dispatch.in_a_tick(Rate { interval: 6 * SECOND, burst: 3 }), 3);
        assert_eq!(dispatch.in_a_tick(Rate { interval: 0, burst: 1 }), 1_000);
    }

    #[test]
    fn a_part_is_of_the_lower_limit() {
        let dispatch = Dispatch { workspace_rate: Some(Rate::per(1, SECOND, 3)), ..Dispatch::default() };
        let interval = |campaign, senders, all| dispatch.share(campaign, senders, all).unwrap().interval;
        assert_eq!(interval(None, 1, 4), 4 * SECOND);
        assert_eq!(interval(Some(Rate::per(1, SECOND, 1)), 5, 4), 5 * SECOND);
        assert_eq!(Dispatch::default().share(None, 1, 1), None);
    }
}
