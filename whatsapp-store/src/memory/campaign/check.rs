use std::collections::{HashMap, HashSet};

use super::{Campaigns, Workspace};
use crate::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, Change, Error, ErrorKind, Outcome,
    RangeLease, Result, Scope,
    revision::{self, risen},
};

/// Checks that can make a commit fail, made before any of it is applied. The changes of one commit build on each other.
pub(in crate::memory) fn check(campaigns: &Campaigns, scope: &Scope, list: &[Change]) -> Result<()> {
    let mut list = list.iter().filter_map(|change| match change {
        Change::Campaign(change) => Some(change),
        _ => None,
    });
    let empty = Workspace::default();
    let mut ahead = Ahead {
        stored: campaigns.get(scope.workspace()).unwrap_or(&empty),
        states: HashMap::new(),
        ended: HashSet::new(),
        added: 0,
    };
    list.try_for_each(|change| ahead.check(change))
}

/// How things stand in the middle of a commit.
struct Ahead<'a> {
    stored: &'a Workspace,
    /// The states of campaigns that were put, moved or deleted (`None`).
    states: HashMap<&'a str, Option<(CampaignState, i64)>>,
    /// Leases that ended.
    ended: HashSet<(&'a str, i32, i64)>,
    added: i64,
}

impl<'a> Ahead<'a> {
    fn check(&mut self, change: &'a CampaignChange) -> Result<()> {
        change.check()?;
        match change {
            CampaignChange::Expect { campaign, updated_at } => self.expect(campaign, *updated_at),
            CampaignChange::Put(record) => self.put(record),
            CampaignChange::SetState(step) => self.set_state(step),
            CampaignChange::PutLane(_) | CampaignChange::AddAudience(_) => Ok(()),
            CampaignChange::Settle(settlement) => match settlement.epoch {
                None => Ok(()),
                Some(epoch) => self.lease(&settlement.campaign, settlement.lane, epoch, &settlement.outcomes),
            },
            CampaignChange::RenewLease { campaign, lane, epoch, .. } => {
                self.lease(campaign, *lane, *epoch, &[])
            }
            CampaignChange::ReleaseLease { campaign, lane, epoch, .. } => {
                self.lease(campaign, *lane, *epoch, &[])?;
                self.ended.insert((campaign, *lane, *epoch));
                Ok(())
            }
            CampaignChange::Delete { campaign } => {
                self.states.insert(campaign, None);
                Ok(())
            }
        }
    }

    /// The state and the time of the last write.
    fn stands(&self, campaign: &str) -> Option<(CampaignState, i64)> {
        let stored = || {
            self.stored.list.get(campaign).map(|campaign| (campaign.record.state, campaign.record.updated_at))
        };
        self.states.get(campaign).copied().unwrap_or_else(stored)
    }

    fn expect(&self, campaign: &str, updated_at: Option<i64>) -> Result<()> {
        revision::check(self.stands(campaign).map(|(_, at)| at), updated_at, "changing a campaign")
    }

    fn put(&mut self, record: &'a CampaignRecord) -> Result<()> {
        if let Some((state, at)) = self.stands(&record.id) {
            self.states.insert(&record.id, Some((state, risen(at, record.updated_at))));
            return Ok(());
        }
        self.added += 1;
        if self.stored.last_number + self.added > CampaignRecord::LAST_NUMBER {
            return Err(Error::new(ErrorKind::Invalid, "adding a campaign")
                .because("the workspace has used up the numbers of its campaigns"));
        }
        self.states.insert(&record.id, Some((record.state, record.updated_at)));
        Ok(())
    }

    fn set_state(&mut self, step: &'a CampaignMove) -> Result<()> {
        match self.stands(&step.campaign) {
            Some((state, _)) if state == step.state => Ok(()),
            Some((state, at)) if state.is_in(step.from) => {
                self.states.insert(&step.campaign, Some((step.state, risen(at, step.at))));
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Conflict, "moving a campaign to another state")),
        }
    }

    /// Is the lease there, and does it cover these outcomes?
    fn lease(&self, campaign: &str, lane: i32, epoch: i64, outcomes: &[Outcome]) -> Result<()> {
        let stored = || self.stored.list.get(campaign)?.lanes.get(&lane)?.leases.get(&epoch);
        // A campaign that was deleted and put again in this commit has no leases.
        let gone = self.states.get(campaign).is_some_and(Option::is_none)
            || self.ended.contains(&(campaign, lane, epoch));
        match stored().filter(|lease| !gone && lease.owner.is_some()) {
            Some(lease) => RangeLease::check(lease.range.start, lease.range.end, outcomes),
            None => Err(Error::new(ErrorKind::Fenced, "writing to a lane of a campaign")),
        }
    }
}
