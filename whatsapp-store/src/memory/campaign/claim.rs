use super::{Campaigns, Lane, Lease};
use crate::{CampaignState, RangeClaim, RangeLease, RetryLease, WorkspaceId};

/// The requested lane and the campaign's state, if the campaign sends.
fn sending<'a>(
    campaigns: &'a mut Campaigns,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Option<(CampaignState, &'a mut Lane)> {
    let campaign = campaigns.get_mut(workspace)?.list.get_mut(&claim.campaign)?;
    let state = campaign.record.state;
    // Only a lane that was put can be leased; others have at most an audience.
    let lane = campaign.lanes.get_mut(&claim.lane).filter(|lane| lane.record.is_some())?;
    state.goes_on().then_some((state, lane))
}

pub(super) fn lease_range(
    campaigns: &mut Campaigns,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Option<RangeLease> {
    let (state, lane) = sending(campaigns, workspace, claim)?;
    if let Some((_, epoch)) = lane.take_over(claim, false) {
        return lane.lease(&claim.campaign, claim.lane, epoch);
    }
    if state.begins() { lane.take_next(claim) } else { None }
}

pub(super) fn due_retries(
    campaigns: &mut Campaigns,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Option<RetryLease> {
    let (_, lane) = sending(campaigns, workspace, claim)?;
    while let Some((old, epoch)) = lane.take_over(claim, true) {
        let seqs = lane.move_retries(old, Some(epoch));
        if !seqs.is_empty() {
            let lease = lane.lease(&claim.campaign, claim.lane, epoch)?;
            return Some(RetryLease { lease, seqs });
        }
        // All places were settled, and only the end of the lease is missing.
        lane.leases.remove(&epoch);
    }
    lane.take_due(claim)
}

impl Lane {
    /// Takes an expired lease, or else one that was given back, under a new epoch. Returns both epochs.
    fn take_over(&mut self, claim: &RangeClaim, retry: bool) -> Option<(i64, i64)> {
        let over = self.leases.iter().filter(|(_, lease)| lease.retry == retry && lease.until <= claim.now);
        let (old, _) = over.min_by_key(|(_, lease)| (lease.owner.is_none(), lease.range.start))?;
        let (old, new) = (*old, self.next_epoch());
        let lease = self.leases.remove(&old)?;
        let reclaimed = lease.reclaimed || lease.owner.is_some();
        let owner = Some(claim.owner.clone());
        self.leases.insert(new, Lease { owner, until: claim.until, reclaimed, ..lease });
        Some((old, new))
    }

    /// Moves the cursor.
    fn take_next(&mut self, claim: &RangeClaim) -> Option<RangeLease> {
        let record = self.record.as_mut()?;
        let lo = record.next;
        let hi = lo.saturating_add(claim.limit).min(record.end);
        if hi <= lo {
            return None;
        }
        record.next = hi;
        Some(self.give(claim.lease(lo..hi, 0)))
    }

    fn take_due(&mut self, claim: &RangeClaim) -> Option<RetryLease> {
        let due = self.retries.iter().filter(|(_, retry)| retry.epoch.is_none() && retry.due <= claim.now);
        let mut due: Vec<(i64, u32)> = due.map(|(seq, retry)| (retry.due, *seq)).collect();
        due.sort_unstable();
        let mut seqs: Vec<u32> = due.into_iter().take(claim.limit as usize).map(|(_, seq)| seq).collect();
        seqs.sort_unstable();
        let range = *seqs.first()?..seqs.last()? + 1;
        let lease = self.give(RangeLease { retry: true, ..claim.lease(range, 0) });
        for seq in &seqs {
            if let Some(retry) = self.retries.get_mut(seq) {
                retry.epoch = Some(lease.epoch);
            }
        }
        Some(RetryLease { lease, seqs })
    }

    /// Writes a lease down under the next epoch.
    fn give(&mut self, lease: RangeLease) -> RangeLease {
        let epoch = self.next_epoch();
        let RangeLease { lo, hi, until, reclaimed, retry, .. } = lease;
        let owner = Some(lease.owner.clone());
        self.leases.insert(epoch, Lease { range: lo..hi, owner, until, reclaimed, retry });
        RangeLease { epoch, ..lease }
    }
}
