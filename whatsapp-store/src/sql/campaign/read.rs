use std::ops::Range;

use async_trait::async_trait;

use super::{Row, Rows, Sql, claim, damaged, of, sql};
use crate::{
    AudienceRow, CampaignPage, CampaignRecord, CampaignState, CampaignStore, ExportPage, ExportRow,
    LaneRecord, RangeClaim, RangeLease, RecipientCounts, RecipientMinute, RecipientRecord, RecipientState,
    Result, RetryLease, WorkspaceId, page_limit, record::offset,
};

macro_rules! campaigns {
    ($where:literal) => {
        concat!(
            "SELECT id, number, name, state, reason, definition, base_at, created_at, updated_at \
             FROM campaign WHERE workspace = $1 AND ",
            $where
        )
    };
}

/// Statements about a campaign's rows, whose key is looked up first.
macro_rules! of_campaign {
    ($select:literal, $rest:literal) => {
        concat!($select, " = (SELECT key FROM campaign WHERE workspace = $1 AND id = $2) ", $rest)
    };
}

const ONE: &str = campaigns!("id = $2");
const PAGE: &str = campaigns!("number < $2 ORDER BY number DESC LIMIT $3");
const LANES: &str =
    of_campaign!("SELECT lane, next, \"end\", definition FROM campaign_lane WHERE campaign", "ORDER BY lane");
const AUDIENCE: &str = of_campaign!(
    "SELECT seq, address, consent, variables FROM campaign_audience WHERE campaign",
    "AND lane = $3 AND seq >= $4 AND seq < $5 ORDER BY seq"
);
const RECIPIENTS: &str = of_campaign!(
    "SELECT (SELECT base_at FROM campaign WHERE workspace = $1 AND id = $2), seq, state, flags, tries, code, sender, \
     sent, delivered, read FROM campaign_recipient WHERE campaign",
    "AND lane = $3 AND seq >= $4 AND seq < $5 ORDER BY seq"
);
const COUNTS: &str = of_campaign!(
    "SELECT state, CAST(SUM(count) AS BIGINT) FROM campaign_counter WHERE campaign",
    "GROUP BY state"
);
const MINUTES: &str = of_campaign!(
    "SELECT minute, state, CAST(SUM(count) AS BIGINT) FROM campaign_minute WHERE campaign",
    "AND minute >= $3 AND minute < $4 GROUP BY minute, state"
);
const LEASES: &str = of_campaign!(
    "SELECT lane, lo, hi, owner, epoch, until, reclaimed, retry FROM campaign_lease WHERE campaign",
    "AND owner IS NOT NULL ORDER BY lane, epoch"
);
const EXPORT: &str = of_campaign!(
    "SELECT (SELECT base_at FROM campaign WHERE workspace = $1 AND id = $2), r.seq, r.state, r.flags, r.tries, r.code, \
     r.sender, r.sent, r.delivered, r.read, a.lane, a.address, a.consent, a.variables FROM campaign_audience a \
     JOIN campaign_recipient r ON r.campaign = a.campaign AND r.lane = a.lane AND r.seq = a.seq WHERE a.campaign",
    "AND (a.lane, a.seq) > ($3, $4) ORDER BY a.lane, a.seq LIMIT $5"
);

fn campaign(row: &Row) -> Result<CampaignRecord> {
    let state = CampaignState::from_code(row.small(3)?);
    Ok(CampaignRecord {
        id: row.text(0)?,
        number: row.int(1)?,
        name: row.text(2)?,
        state: state.ok_or_else(|| damaged("the state of a campaign"))?,
        reason: row.opt_text(4)?,
        definition: row.text(5)?,
        base_at: row.int(6)?,
        created_at: row.int(7)?,
        updated_at: row.int(8)?,
    })
}

fn audience(row: &Row, place: usize) -> Result<AudienceRow> {
    Ok(AudienceRow {
        address: row.text(place)?,
        consent: row.text(place + 1)?,
        variables: row.bytes(place + 2)?,
    })
}

fn state(row: &Row, place: usize) -> Result<RecipientState> {
    let state = RecipientState::from_code(row.small(place)?);
    state.ok_or_else(|| damaged("the state of a recipient"))
}

fn recipient(row: &Row) -> Result<RecipientRecord> {
    let base = row.int(0)?;
    let at = |place| Ok(offset::at(row.small(place)?, base));
    Ok(RecipientRecord {
        seq: row.small(1)?,
        state: state(row, 2)?,
        flags: row.small(3)?,
        tries: row.small(4)?,
        code: row.small::<i16>(5)?.cast_unsigned(),
        sender: row.small::<i16>(6)?.cast_unsigned(),
        sent_at: at(7)?,
        delivered_at: at(8)?,
        read_at: at(9)?,
    })
}

fn lease(campaign: &str, row: &Row) -> Result<RangeLease> {
    Ok(RangeLease {
        campaign: campaign.to_owned(),
        lane: row.small(0)?,
        lo: row.small(1)?,
        hi: row.small(2)?,
        owner: row.text(3)?,
        epoch: row.int(4)?,
        until: row.int(5)?,
        reclaimed: row.flag(6)?,
        retry: row.flag(7)?,
    })
}

#[async_trait]
impl<S: Sql> CampaignStore for S {
    async fn campaign(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<CampaignRecord>> {
        self.fetch(of(ONE, workspace, id)).await?.one(campaign)
    }

    async fn campaigns(
        &self,
        workspace: &WorkspaceId,
        before: Option<&str>,
        limit: u32,
    ) -> Result<CampaignPage> {
        let limit = page_limit(limit);
        let Ok(before) = before.map_or(Ok(i64::MAX), str::parse) else { return Ok(CampaignPage::default()) };
        let select = sql(PAGE).text(workspace.as_str()).int(before).int(limit + 1);
        let mut rows = self.fetch(select).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let campaigns = rows.all(campaign)?;
        let next = campaigns.last().filter(|_| more).map(|campaign| campaign.number.to_string());
        Ok(CampaignPage { campaigns, next })
    }

    async fn campaigns_in_state(&self, states: &[CampaignState]) -> Result<Vec<(WorkspaceId, String)>> {
        let text = self.dialect().text(
            "SELECT workspace, id FROM campaign WHERE state IN (SELECT value FROM json_each($1)) \
             ORDER BY workspace, number",
            "SELECT workspace, id FROM campaign WHERE state = ANY($1) ORDER BY workspace, number",
        );
        let states = states.iter().map(|state| i64::from(state.code())).collect();
        self.fetch(sql(text).ints(states)).await?.all(|row| {
            let workspace = row.text(0)?.parse().map_err(|_| damaged("the workspace of a campaign"))?;
            Ok((workspace, row.text(1)?))
        })
    }

    async fn lanes(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<LaneRecord>> {
        self.fetch(of(LANES, workspace, campaign)).await?.all(|row| {
            Ok(LaneRecord {
                campaign: campaign.to_owned(),
                lane: row.small(0)?,
                next: row.small(1)?,
                end: row.small(2)?,
                definition: row.text(3)?,
            })
        })
    }

    async fn audience(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<(u32, AudienceRow)>> {
        let select = of(AUDIENCE, workspace, campaign).int(lane).int(range.start).int(range.end);
        self.fetch(select).await?.all(|row| Ok((row.small(0)?, audience(row, 1)?)))
    }

    async fn recipients(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<RecipientRecord>> {
        let select = of(RECIPIENTS, workspace, campaign).int(lane).int(range.start).int(range.end);
        self.fetch(select).await?.all(recipient)
    }

    async fn campaign_progress(&self, workspace: &WorkspaceId, campaign: &str) -> Result<RecipientCounts> {
        let counts = self.fetch(of(COUNTS, workspace, campaign)).await?;
        let counts = counts.all(|row| Ok((state(row, 0)?, row.small::<u64>(1)?)))?;
        Ok(RecipientCounts(counts.into_iter().filter(|(_, count)| *count > 0).collect()))
    }

    async fn campaign_minutes(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<RecipientMinute>> {
        let select = of(MINUTES, workspace, campaign);
        let select = select.int(RecipientMinute::from(from)).int(RecipientMinute::from(until));
        let mut minutes = self.fetch(select).await?.all(|row| {
            let at = row.int(0)?.saturating_mul(60_000);
            Ok(RecipientMinute { at, state: state(row, 1)?, count: row.small(2)? })
        })?;
        minutes.sort_unstable_by_key(|minute| (minute.at, minute.state));
        Ok(minutes)
    }

    async fn campaign_leases(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<RangeLease>> {
        self.fetch(of(LEASES, workspace, campaign)).await?.all(|row| lease(campaign, row))
    }

    async fn campaign_export(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ExportPage> {
        let limit = page_limit(limit);
        let Some((lane, seq)) = after.map_or(Some(ExportPage::START), ExportPage::place) else {
            return Ok(ExportPage::default());
        };
        let select = of(EXPORT, workspace, campaign).int(lane).int(seq).int(limit + 1);
        let mut rows = self.fetch(select).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let rows = rows.all(|row| {
            Ok(ExportRow { lane: row.small(10)?, audience: audience(row, 11)?, recipient: recipient(row)? })
        })?;
        Ok(ExportPage::of(rows, more))
    }

    async fn lease_range(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RangeLease>> {
        claim::lease_range(self, workspace, claim).await
    }

    async fn due_retries(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RetryLease>> {
        claim::due_retries(self, workspace, claim).await
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(crate) const STATEMENTS: [&str; 8] = [ONE, PAGE, LANES, AUDIENCE, RECIPIENTS, MINUTES, LEASES, EXPORT];
