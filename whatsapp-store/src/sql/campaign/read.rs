use std::{collections::HashMap, ops::Range};

use async_trait::async_trait;

use super::{Row, Rows, Sql, claim, damaged, of, sql};
use crate::{
    AudienceRow, CampaignPage, CampaignRecord, CampaignState, CampaignStore, ExportPage, ExportRow,
    FlagCounts, LaneRecord, RangeClaim, RangeLease, RecipientCounts, RecipientMinute, RecipientRecord,
    RecipientState, Result, RetryLease, WorkspaceId, page_limit, record::offset,
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

/// Above every place.
const LAST: u32 = i32::MAX.cast_unsigned();

/// A campaign's key.
macro_rules! of_campaign {
    () => {
        " = (SELECT key FROM campaign WHERE workspace = $1 AND id = $2) "
    };
}

/// The first number of a lane.
macro_rules! lane {
    () => {
        "(SELECT l.key * 2147483648 FROM campaign c JOIN campaign_lane l ON l.campaign = c.key AND l.lane = $3 \
         WHERE c.workspace = $1 AND c.id = $2)"
    };
}

/// Of the recipients with these places of a lane.
macro_rules! places {
    ($id:literal) => {
        concat!($id, " >= ", lane!(), " + $4 AND ", $id, " < ", lane!(), " + $5 ORDER BY ", $id)
    };
}

const ONE: &str = campaigns!("id = $2");
const PAGE: &str = campaigns!("number < $2 ORDER BY number DESC LIMIT $3");
const LANES: &str = concat!(
    "SELECT lane, next, \"end\", definition FROM campaign_lane WHERE campaign",
    of_campaign!(),
    "ORDER BY lane"
);
const AUDIENCE: &str = concat!(
    "SELECT id & 2147483647, address, consent, variables FROM campaign_audience WHERE ",
    places!("id")
);
const RECIPIENTS: &str = concat!(
    "SELECT (SELECT base_at FROM campaign WHERE workspace = $1 AND id = $2), id & 2147483647, state, flags, tries, \
     code, sender, sent, delivered, read FROM campaign_recipient WHERE ",
    places!("id")
);
const EXPORT: &str = concat!(
    "SELECT (SELECT base_at FROM campaign WHERE workspace = $1 AND id = $2), r.id & 2147483647, r.state, r.flags, \
     r.tries, r.code, r.sender, r.sent, r.delivered, r.read, a.address, a.consent, a.variables \
     FROM campaign_audience a JOIN campaign_recipient r ON r.id = a.id WHERE ",
    places!("a.id"),
    " LIMIT $6"
);
const COUNTS: &str = concat!(
    "SELECT state, CAST(SUM(count) AS BIGINT) FROM campaign_counter WHERE campaign",
    of_campaign!(),
    "GROUP BY state"
);
const FLAGS: &str = concat!(
    "SELECT flag, CAST(SUM(count) AS BIGINT) FROM campaign_flag WHERE campaign",
    of_campaign!(),
    "GROUP BY flag"
);
const MINUTES: &str = concat!(
    "SELECT minute, state, CAST(SUM(count) AS BIGINT) FROM campaign_minute WHERE campaign",
    of_campaign!(),
    "AND minute >= $3 AND minute < $4 GROUP BY minute, state"
);
const LEASES: &str = concat!(
    "SELECT lane.lane, lo, hi, owner, lease.epoch, until, reclaimed, retry \
     FROM campaign_lane lane JOIN campaign_lease lease ON lease.lane = lane.key WHERE lane.campaign",
    of_campaign!(),
    "AND owner IS NOT NULL ORDER BY lane.lane, lease.epoch"
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

/// A lane's number, and its record if it was put.
fn lane(campaign: &str, row: &Row) -> Result<(i32, Option<LaneRecord>)> {
    let number = row.small(0)?;
    let Some(definition) = row.opt_text(3)? else { return Ok((number, None)) };
    let (campaign, next, end) = (campaign.to_owned(), row.small(1)?, row.small(2)?);
    Ok((number, Some(LaneRecord { campaign, lane: number, next, end, definition })))
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
        let before = crate::cursor::number(before, i64::MAX)?;
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
        let lanes = self.fetch(of(LANES, workspace, campaign)).await?.all(|row| lane(campaign, row))?;
        Ok(lanes.into_iter().filter_map(|(_, lane)| lane).collect())
    }

    async fn audience(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<(u32, AudienceRow)>> {
        let select = of(AUDIENCE, workspace, campaign).int(lane).int(range.start).int(range.end.min(LAST));
        self.fetch(select).await?.all(|row| Ok((row.small(0)?, audience(row, 1)?)))
    }

    async fn recipients(
        &self,
        workspace: &WorkspaceId,
        campaign: &str,
        lane: i32,
        range: Range<u32>,
    ) -> Result<Vec<RecipientRecord>> {
        let select = of(RECIPIENTS, workspace, campaign).int(lane).int(range.start).int(range.end.min(LAST));
        self.fetch(select).await?.all(recipient)
    }

    async fn campaign_progress(&self, workspace: &WorkspaceId, campaign: &str) -> Result<RecipientCounts> {
        let counts = self.fetch(of(COUNTS, workspace, campaign)).await?;
        let counts = counts.all(|row| Ok((state(row, 0)?, row.small::<u64>(1)?)))?;
        Ok(RecipientCounts(counts.into_iter().filter(|(_, count)| *count > 0).collect()))
    }

    async fn campaign_flags(&self, workspace: &WorkspaceId, campaign: &str) -> Result<FlagCounts> {
        let counts = self.fetch(of(FLAGS, workspace, campaign)).await?;
        let counts = counts.all(|row| Ok((row.small::<u8>(0)?, row.small::<u64>(1)?)))?;
        let counts: HashMap<_, _> = counts.into_iter().collect();
        Ok(FlagCounts::by_bit(|bit| counts.get(&bit).copied().unwrap_or_default()))
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
        let after = after.map_or(Ok(ExportPage::START), ExportPage::place)?;
        let lanes = self.fetch(of(LANES, workspace, campaign)).await?.all(|row| row.small::<i32>(0))?;
        let (mut rows, wanted) = (Vec::new(), limit as usize + 1);
        for lane in lanes.into_iter().filter(|lane| i64::from(*lane) >= after.0) {
            let from = if i64::from(lane) == after.0 { after.1 + 1 } else { 0 };
            let select = of(EXPORT, workspace, campaign).int(lane).int(from).int(LAST);
            let select = select.int(i64::try_from(wanted - rows.len()).unwrap_or_default());
            rows.extend(self.fetch(select).await?.all(|row| {
                Ok(ExportRow { lane, audience: audience(row, 10)?, recipient: recipient(row)? })
            })?);
            if rows.len() == wanted {
                break;
            }
        }
        let more = rows.len() == wanted;
        rows.truncate(limit as usize);
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
pub(crate) const STATEMENTS: [&str; 7] = [ONE, PAGE, LANES, AUDIENCE, RECIPIENTS, LEASES, EXPORT];
