mod check;
mod claim;
mod read;
mod settle;

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

pub(super) use self::check::check;
use super::State;
use crate::{
    AudienceBatch, AudienceRow, CampaignChange, CampaignMove, CampaignRecord, LaneRecord, RangeLease,
    RecipientState, Scope, WorkspaceId, record::offset, revision::risen,
};

/// Campaigns by workspace.
pub(super) type Campaigns = HashMap<WorkspaceId, Workspace>;

/// The campaigns of a workspace, by id.
#[derive(Default)]
pub(super) struct Workspace {
    last_number: i64,
    list: BTreeMap<String, Campaign>,
}

struct Campaign {
    record: CampaignRecord,
    lanes: BTreeMap<i32, Lane>,
    counts: BTreeMap<RecipientState, u64>,
    minutes: BTreeMap<(i64, RecipientState), u64>,
    /// By bit.
    flags: BTreeMap<u8, u64>,
}

#[derive(Default)]
struct Lane {
    record: Option<LaneRecord>,
    last_epoch: i64,
    audience: BTreeMap<u32, AudienceRow>,
    recipients: BTreeMap<u32, Recipient>,
    leases: BTreeMap<i64, Lease>,
    retries: BTreeMap<u32, Retry>,
}

/// As stored in the databases: times count from the campaign's base.
#[derive(Clone, Copy)]
struct Recipient {
    state: RecipientState,
    flags: u8,
    tries: u8,
    code: u16,
    sender: u16,
    sent: i32,
    delivered: i32,
    read: i32,
}

impl Recipient {
    const NEW: Self = Self {
        state: RecipientState::Pending,
        flags: 0,
        tries: 0,
        code: 0,
        sender: 0,
        sent: offset::NONE,
        delivered: offset::NONE,
        read: offset::NONE,
    };
}

struct Lease {
    range: Range<u32>,
    /// `None` when it was given back.
    owner: Option<String>,
    until: i64,
    reclaimed: bool,
    retry: bool,
}

struct Retry {
    due: i64,
    /// The epoch of the lease under which it is retried.
    epoch: Option<i64>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: CampaignChange) {
    let workspace = state.campaigns.entry(scope.workspace().clone()).or_default();
    match change {
        // Checked before.
        CampaignChange::Expect { .. } => {}
        CampaignChange::Put(record) => workspace.put(record),
        CampaignChange::Delete { campaign } => drop(workspace.list.remove(&campaign)),
        CampaignChange::SetState(step) => {
            workspace.with(&step.campaign.clone(), |campaign| campaign.set_state(step));
        }
        CampaignChange::PutLane(lane) => {
            workspace.with(&lane.campaign.clone(), |campaign| campaign.lane(lane.lane).put(lane));
        }
        CampaignChange::AddAudience(batch) => {
            workspace.with(&batch.campaign.clone(), |campaign| campaign.add_audience(batch));
        }
        CampaignChange::Settle(settlement) => {
            workspace.with(&settlement.campaign, |campaign| campaign.settle(&settlement));
        }
        CampaignChange::RenewLease { campaign, lane, epoch, until } => {
            workspace.with(&campaign, |campaign| {
                if let Some(lease) = campaign.lane(lane).leases.get_mut(&epoch) {
                    lease.until = until;
                }
            });
        }
        CampaignChange::ReleaseLease { campaign, lane, epoch, unsent } => {
            workspace.with(&campaign, |campaign| campaign.lane(lane).release(epoch, unsent));
        }
    }
}

impl Workspace {
    fn with(&mut self, id: &str, change: impl FnOnce(&mut Campaign)) {
        if let Some(campaign) = self.list.get_mut(id) {
            change(campaign);
        }
    }

    fn put(&mut self, record: CampaignRecord) {
        if let Some(Campaign { record: old, .. }) = self.list.get_mut(&record.id) {
            old.updated_at = risen(old.updated_at, record.updated_at);
            (old.name, old.definition) = (record.name, record.definition);
            return;
        }
        self.last_number += 1;
        let record = CampaignRecord { number: self.last_number, ..record };
        let (lanes, counts, minutes, flags) = Default::default();
        self.list.insert(record.id.clone(), Campaign { record, lanes, counts, minutes, flags });
    }
}

impl Campaign {
    fn lane(&mut self, lane: i32) -> &mut Lane {
        self.lanes.entry(lane).or_default()
    }

    fn set_state(&mut self, step: CampaignMove) {
        if self.record.state != step.state {
            self.record.state = step.state;
            self.record.reason = step.reason;
            self.record.updated_at = risen(self.record.updated_at, step.at);
        }
    }

    fn add_audience(&mut self, batch: AudienceBatch) {
        let lane = self.lanes.entry(batch.lane).or_default();
        for (seq, row) in (batch.first_seq..).zip(batch.rows) {
            if lane.audience.contains_key(&seq) {
                continue;
            }
            lane.audience.insert(seq, row);
            lane.recipients.insert(seq, Recipient::NEW);
            *self.counts.entry(RecipientState::Pending).or_default() += 1;
        }
    }
}

impl Lane {
    fn put(&mut self, record: LaneRecord) {
        let next = self.record.as_ref().map_or(record.next, |old| old.next);
        self.record = Some(LaneRecord { next, ..record });
    }

    fn next_epoch(&mut self) -> i64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    fn release(&mut self, epoch: i64, unsent: u32) {
        let Some(lease) = self.leases.remove(&epoch) else { return };
        let rest = Range { start: unsent.max(lease.range.start), end: lease.range.end };
        let rest = if lease.retry { lease.range } else { rest };
        // Places that another sender may have sent to must stay marked, and only a lease carries the mark.
        let keeps = if lease.retry { lease.reclaimed } else { !rest.is_empty() };
        let new = keeps.then(|| self.next_epoch());
        if let Some(new) = new {
            self.leases.insert(new, Lease { range: rest, owner: None, until: i64::MIN, ..lease });
        }
        self.move_retries(epoch, new);
    }

    /// Gives the retries of one lease to another, or to none. Returns which.
    fn move_retries(&mut self, old: i64, new: Option<i64>) -> Vec<u32> {
        let moved = self.retries.iter_mut().filter(|(_, retry)| retry.epoch == Some(old));
        let move_one = |(seq, retry): (&u32, &mut Retry)| {
            retry.epoch = new;
            *seq
        };
        moved.map(move_one).collect()
    }

    fn lease(&self, campaign: &str, lane: i32, epoch: i64) -> Option<RangeLease> {
        let lease = self.leases.get(&epoch)?;
        Some(RangeLease {
            campaign: campaign.to_owned(),
            lane,
            lo: lease.range.start,
            hi: lease.range.end,
            owner: lease.owner.clone()?,
            epoch,
            until: lease.until,
            reclaimed: lease.reclaimed,
            retry: lease.retry,
        })
    }
}
