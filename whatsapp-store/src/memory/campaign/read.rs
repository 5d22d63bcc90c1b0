use std::ops::Range;

use async_trait::async_trait;

use super::{Campaign, Recipient, claim};
use crate::{
    AudienceRow, CampaignPage, CampaignRecord, CampaignState, CampaignStore, ExportPage, ExportRow,
    FlagCounts, LaneRecord, RangeClaim, RangeLease, RecipientCounts, RecipientMinute, RecipientRecord,
    Result, RetryLease, WorkspaceId, memory::MemoryStore, page_limit, record::offset,
};

impl MemoryStore {
    /// Reads from a campaign; one that is not there reads like one that is empty.
    fn of_campaign<T: Default>(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        read: impl FnOnce(&Campaign) -> T,
    ) -> T {
        let state = self.state.read();
        let campaign = state.campaigns.get(workspace).and_then(|workspace| workspace.list.get(campaign));
        campaign.map(read).unwrap_or_default()
    }
}

impl Recipient {
    fn record(self, seq: u32, base: i64) -> RecipientRecord {
        let Self { state, flags, tries, code, sender, .. } = self;
        RecipientRecord {
            seq,
            state,
            flags,
            tries,
            code,
            sender,
            sent_at: offset::at(self.sent, base),
            delivered_at: offset::at(self.delivered, base),
            read_at: offset::at(self.read, base),
        }
    }
}

/// The range between two places; empty if they are in the wrong order.
fn bounds(range: Range<u32>) -> Range<u32> {
    range.start..range.end.max(range.start)
}

impl Campaign {
    fn export(&self, after: (i64, i64), limit: usize) -> ExportPage {
        let places = self.lanes.iter().flat_map(|(lane, content)| {
            content.audience.iter().filter_map(move |(seq, audience)| {
                let recipient = content.recipients.get(seq)?.record(*seq, self.record.base_at);
                Some(ExportRow { lane: *lane, audience: audience.clone(), recipient })
            })
        });
        let after = |row: &ExportRow| (i64::from(row.lane), i64::from(row.recipient.seq)) > after;
        let mut rows: Vec<_> = places.filter(after).take(limit + 1).collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        ExportPage::of(rows, more)
    }
}

#[async_trait]
impl CampaignStore for MemoryStore {
    async fn campaign(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<CampaignRecord>> {
        Ok(self.of_campaign(workspace, id, |campaign| Some(campaign.record.clone())))
    }

    async fn campaigns(
        &self,
        workspace: &WorkspaceId,
        before: Option<&str>,
        limit: u32,
    ) -> Result<CampaignPage> {
        let before = crate::cursor::number(before, i64::MAX)?;
        let state = self.state.read();
        let Some(workspace) = state.campaigns.get(workspace) else { return Ok(CampaignPage::default()) };
        let records = workspace.list.values().map(|campaign| &campaign.record);
        let mut records: Vec<_> = records.filter(|record| record.number < before).collect();
        records.sort_unstable_by_key(|record| -record.number);
        let limit = page_limit(limit) as usize;
        let more = records.len() > limit;
        let campaigns: Vec<_> = records.into_iter().take(limit).cloned().collect();
        let next = campaigns.last().filter(|_| more).map(|campaign| campaign.number.to_string());
        Ok(CampaignPage { campaigns, next })
    }

    async fn campaigns_in_state(&self, states: &[CampaignState]) -> Result<Vec<(WorkspaceId, String)>> {
        let state = self.state.read();
        let all = state.campaigns.iter().flat_map(|(workspace, campaigns)| {
            campaigns.list.values().map(move |campaign| (workspace, &campaign.record))
        });
        let mut found: Vec<_> = all.filter(|(_, record)| states.contains(&record.state)).collect();
        found.sort_unstable_by_key(|(workspace, record)| (*workspace, record.number));
        Ok(found.into_iter().map(|(workspace, record)| (workspace.clone(), record.id.clone())).collect())
    }

    async fn lanes(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<LaneRecord>> {
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            campaign.lanes.values().filter_map(|lane| lane.record.clone()).collect()
        }))
    }

    async fn audience(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<(u32, AudienceRow)>> {
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            let lane = campaign.lanes.get(&lane);
            let rows = lane.into_iter().flat_map(|lane| lane.audience.range(bounds(range.clone())));
            rows.map(|(seq, row)| (*seq, row.clone())).collect()
        }))
    }

    async fn recipients(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<RecipientRecord>> {
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            let lane = campaign.lanes.get(&lane);
            let rows = lane.into_iter().flat_map(|lane| lane.recipients.range(bounds(range.clone())));
            rows.map(|(seq, recipient)| recipient.record(*seq, campaign.record.base_at)).collect()
        }))
    }

    async fn campaign_progress(&self, workspace: &WorkspaceId, campaign: &str) -> Result<RecipientCounts> {
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            let counts = campaign.counts.iter().filter(|(_, count)| **count > 0);
            RecipientCounts(counts.map(|(state, count)| (*state, *count)).collect())
        }))
    }

    async fn campaign_flags(&self, workspace: &WorkspaceId, campaign: &str) -> Result<FlagCounts> {
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            FlagCounts::by_bit(|bit| campaign.flags.get(&bit).copied().unwrap_or_default())
        }))
    }

    async fn campaign_minutes(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<RecipientMinute>> {
        let within = RecipientMinute::from(from)..RecipientMinute::from(until);
        Ok(self.of_campaign(workspace, campaign, |campaign| {
            let minutes = campaign.minutes.iter().filter(|((minute, _), _)| within.contains(minute));
            let minutes = minutes.map(|((minute, state), count)| RecipientMinute {
                at: minute.saturating_mul(60_000),
                state: *state,
                count: *count,
            });
            minutes.collect()
        }))
    }

    async fn campaign_leases(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<RangeLease>> {
        Ok(self.of_campaign(workspace, campaign, |content| {
            let leases = content.lanes.iter().flat_map(|(number, lane)| {
                lane.leases.keys().filter_map(|epoch| lane.lease(campaign, *number, *epoch))
            });
            leases.collect()
        }))
    }

    async fn campaign_export(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ExportPage> {
        let after = after.map_or(Ok(ExportPage::START), ExportPage::place)?;
        Ok(self
            .of_campaign(workspace, campaign, |campaign| campaign.export(after, page_limit(limit) as usize)))
    }

    async fn lease_range(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RangeLease>> {
        Ok(claim::lease_range(&mut self.state.write().campaigns, workspace, claim))
    }

    async fn due_retries(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RetryLease>> {
        Ok(claim::due_retries(&mut self.state.write().campaigns, workspace, claim))
    }
}
