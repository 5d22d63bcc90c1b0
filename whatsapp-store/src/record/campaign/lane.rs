use std::fmt;

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
use super::{Error, ErrorKind, Outcome, Result};

/// A part of a campaign's audience that is sent in order, such as those of one time zone by one sender.
#[derive(Clone, PartialEq, Eq)]
pub struct LaneRecord {
    /// The campaign.
    pub campaign: String,
    /// Its number in the campaign.
    pub lane: i32,
    /// The place of the first recipient that was never leased.
    pub next: u32,
    /// Behind the last recipient; at most `i32::MAX`.
    pub end: u32,
    /// Zone, sender, variant: JSON, which the store does not look into.
    pub definition: String,
}

impl fmt::Debug for LaneRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneRecord")
            .field("campaign", &self.campaign)
            .field("lane", &self.lane)
            .field("next", &self.next)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// A sender's request for places to send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeClaim {
    /// The campaign.
    pub campaign: String,
    /// The lane.
    pub lane: i32,
    /// The sender.
    pub owner: String,
    /// The time, milliseconds since the Unix epoch.
    pub now: i64,
    /// When the lease is to end, milliseconds since the Unix epoch.
    pub until: i64,
    /// How many recipients at most, of those that were never leased.
    pub limit: u32,
}

/// The right to send to a range of a lane, `lo` up to but without `hi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeLease {
    /// The campaign.
    pub campaign: String,
    /// The lane.
    pub lane: i32,
    /// The first place.
    pub lo: u32,
    /// Behind the last place.
    pub hi: u32,
    /// The holder; see [`RangeClaim::owner`].
    pub owner: String,
    /// Names the lease within the lane. Every lease has a higher epoch than all before it, also when it is taken over. Writes
    /// under the lease carry it.
    pub epoch: i64,
    /// When it ends, milliseconds since the Unix epoch. After that another sender may take it over.
    pub until: i64,
    /// An earlier holder did not give it back: a place without an outcome may have been sent to.
    pub reclaimed: bool,
    /// It is a lease of [retries](RetryLease): only some of the places between `lo` and `hi`.
    pub retry: bool,
}

/// The right to try again with some recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryLease {
    /// The lease.
    pub lease: RangeLease,
    /// The places, in order.
    pub seqs: Vec<u32>,
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
impl RangeClaim {
    /// The lease for this request, of places that were never leased.
    pub(crate) fn lease(&self, range: std::ops::Range<u32>, epoch: i64) -> RangeLease {
        RangeLease {
            campaign: self.campaign.clone(),
            lane: self.lane,
            lo: range.start,
            hi: range.end,
            owner: self.owner.clone(),
            epoch,
            until: self.until,
            reclaimed: false,
            retry: false,
        }
    }
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
impl RangeLease {
    /// Are all these outcomes of places between `lo` and `hi`?
    pub(crate) fn check(lo: u32, hi: u32, outcomes: &[Outcome]) -> Result<()> {
        if outcomes.iter().all(|outcome| (lo..hi).contains(&outcome.seq)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "writing to a lane of a campaign")
            .because("an outcome is outside of the range of its lease"))
    }
}
