//! Campaigns. The rows of recipients are short and many: each has one number, made of its lane's key, which is unique over
//! all workspaces, and its place. Every transaction takes that key from the campaign's row, which it finds by workspace and id.
mod audience;
mod claim;
mod lane;
mod read;
mod settle;

use super::{
    Connection, Row, Rows, Sql, Statement, damaged,
    revision::{self, Revised},
    sql, transact,
};
use crate::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, Error, ErrorKind, Outcome, Result, Scope,
    WorkspaceId,
};

#[cfg(all(test, feature = "sqlite"))]
pub(super) use self::read::STATEMENTS;

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &CampaignChange,
) -> Result<()> {
    change.check()?;
    let workspace = scope.workspace();
    match change {
        CampaignChange::Expect { campaign, updated_at } => {
            revision::expect(connection, Revised::Campaign, workspace, campaign, *updated_at).await
        }
        CampaignChange::Put(campaign) => put(connection, workspace, campaign).await,
        CampaignChange::SetState(step) => set_state(connection, workspace, step).await,
        CampaignChange::PutLane(lane) => lane::put(connection, workspace, lane).await,
        CampaignChange::AddAudience(batch) => audience::add(connection, workspace, batch).await,
        CampaignChange::Settle(settlement) => settle::apply(connection, workspace, settlement).await,
        CampaignChange::RenewLease { campaign, lane, epoch, until } => {
            lane::renew(connection, workspace, (campaign, *lane), *epoch, *until).await
        }
        CampaignChange::ReleaseLease { campaign, lane, epoch, unsent } => {
            lane::release(connection, workspace, (campaign, *lane), *epoch, *unsent).await
        }
        CampaignChange::Delete { campaign } => delete(connection, workspace, campaign).await,
    }
}

fn of<'a>(text: &'static str, workspace: &'a WorkspaceId, campaign: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(campaign)
}

/// A lane of a campaign that is there, for the rest of the transaction.
#[derive(Clone, Copy)]
struct Lane {
    key: i64,
}

/// Places of one lane.
const PLACES: i64 = 1 << 31;

impl Lane {
    /// A statement about it, in which it is `$1`.
    fn sql<'a>(self, text: &'static str) -> Statement<'a> {
        sql(text).int(self.key)
    }

    /// The number of a recipient.
    fn id(self, seq: u32) -> i64 {
        self.key * PLACES + i64::from(seq)
    }

    /// The numbers of these places.
    fn ids(self, outcomes: &[Outcome]) -> Vec<i64> {
        outcomes.iter().map(|outcome| self.id(outcome.seq)).collect()
    }
}

/// The columns of a campaign that other rows need.
struct Found {
    key: i64,
    base_at: i64,
    state: CampaignState,
    /// The lane asked for, if it has a record or an audience.
    lane: Option<Lane>,
    /// Was it put, or is there only an audience yet?
    is_put: bool,
}

/// Looks up a campaign and one of its lanes, and keeps it from being deleted until the transaction ends.
///
/// Also disables sequential scans on PostgreSQL for this transaction. Its statistics lag behind while a new campaign is
/// written, and a connection keeps a plan that was right for ten rows for its whole life.
async fn find(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    (campaign, lane): (&str, i32),
) -> Result<Option<Found>> {
    let text = connection.dialect().text(
        "SELECT c.key, c.base_at, c.state, l.key, CASE WHEN l.definition IS NULL THEN 0 ELSE 1 END \
         FROM campaign c LEFT JOIN campaign_lane l ON l.campaign = c.key AND l.lane = $3 \
         WHERE c.workspace = $1 AND c.id = $2",
        "SELECT c.key, c.base_at, c.state, l.key, CASE WHEN l.definition IS NULL THEN 0 ELSE 1 END, \
         set_config('enable_seqscan', 'off', true) \
         FROM campaign c LEFT JOIN campaign_lane l ON l.campaign = c.key AND l.lane = $3 \
         WHERE c.workspace = $1 AND c.id = $2 FOR KEY SHARE OF c",
    );
    connection.fetch(of(text, workspace, campaign).int(lane)).await?.one(|row| {
        let state = CampaignState::from_code(row.small(2)?);
        Ok(Found {
            key: row.int(0)?,
            base_at: row.int(1)?,
            state: state.ok_or_else(|| damaged("the state of a campaign"))?,
            lane: row.opt_int(3)?.map(|key| Lane { key }),
            is_put: row.flag(4)?,
        })
    })
}

async fn put(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    campaign: &CampaignRecord,
) -> Result<()> {
    let update = of(
        "UPDATE campaign SET name = $3, definition = $4, updated_at = CASE WHEN updated_at < $5 THEN $5 \
         WHEN updated_at < 9223372036854775807 THEN updated_at + 1 ELSE updated_at END WHERE workspace = \
         $1 AND id = $2",
        workspace,
        &campaign.id,
    );
    let update = update.text(&*campaign.name).text(&*campaign.definition).int(campaign.updated_at);
    if connection.execute(update).await? > 0 {
        return Ok(());
    }
    let number = new_number(connection, workspace).await?;
    // On a server, another may have put it in the meantime: that one counts.
    let insert = of(
        "INSERT INTO campaign (workspace, id, number, name, state, reason, definition, base_at, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT \
         (workspace, id) DO UPDATE SET name = excluded.name, definition = excluded.definition, \
         updated_at = CASE WHEN campaign.updated_at < excluded.updated_at THEN excluded.updated_at WHEN \
         campaign.updated_at < 9223372036854775807 THEN campaign.updated_at + 1 ELSE campaign.updated_at \
         END",
        workspace,
        &campaign.id,
    );
    let insert = insert
        .int(number)
        .text(&*campaign.name)
        .int(campaign.state.code())
        .opt_text(campaign.reason.as_deref())
        .text(&*campaign.definition)
        .int(campaign.base_at)
        .int(campaign.created_at)
        .int(campaign.updated_at);
    connection.execute(insert).await.map(drop)
}

async fn new_number(connection: &mut Connection<'_>, workspace: &WorkspaceId) -> Result<i64> {
    let next = sql("INSERT INTO campaign_number (workspace, last) VALUES ($1, 1) \
         ON CONFLICT (workspace) DO UPDATE SET last = campaign_number.last + 1 RETURNING last");
    let number = connection.fetch(next.text(workspace.as_str())).await?.one(|row| row.int(0))?;
    match number {
        Some(number) if number <= CampaignRecord::LAST_NUMBER => Ok(number),
        _ => Err(Error::new(ErrorKind::Invalid, "adding a campaign")
            .because("the workspace has used up the numbers of its campaigns")),
    }
}

async fn set_state(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    step: &CampaignMove,
) -> Result<()> {
    let update = of(
        "UPDATE campaign SET state = $3, reason = $4, updated_at = CASE WHEN updated_at < $5 THEN $5 \
         WHEN updated_at < 9223372036854775807 THEN updated_at + 1 ELSE updated_at END WHERE workspace = \
         $1 AND id = $2 AND state <> $3 AND (CAST(1 AS BIGINT) << CAST(state AS INTEGER)) & $6 <> 0",
        workspace,
        &step.campaign,
    );
    let update = update
        .int(step.state.code())
        .opt_text(step.reason.as_deref())
        .int(step.at)
        .int(step.from.cast_signed());
    if connection.execute(update).await? > 0 {
        return Ok(());
    }
    match find(connection, workspace, (&step.campaign, 0)).await? {
        Some(found) if found.state == step.state => Ok(()),
        _ => Err(Error::new(ErrorKind::Conflict, "moving a campaign to another state")),
    }
}

/// Rows that belong to a lane, whose numbers begin with `$1` and end before `$2`.
pub(super) const OF_IDS: [&str; 2] = [
    "DELETE FROM campaign_audience WHERE id >= $1 AND id < $2",
    "DELETE FROM campaign_recipient WHERE id >= $1 AND id < $2",
];
pub(super) const OF_LANE: [&str; 3] = [
    "DELETE FROM campaign_lease WHERE lane = $1",
    "DELETE FROM campaign_retry WHERE lane = $1",
    "DELETE FROM campaign_lane WHERE key = $1",
];
/// Rows that belong to a campaign besides its lanes.
pub(super) const OF_CAMPAIGN: [&str; 3] = [
    "DELETE FROM campaign_counter WHERE campaign = $1",
    "DELETE FROM campaign_minute WHERE campaign = $1",
    "DELETE FROM campaign_flag WHERE campaign = $1",
];

async fn delete(connection: &mut Connection<'_>, workspace: &WorkspaceId, campaign: &str) -> Result<()> {
    // The campaign itself first: this waits for present writers and keeps new ones out.
    let delete =
        of("DELETE FROM campaign WHERE workspace = $1 AND id = $2 RETURNING key", workspace, campaign);
    delete_parts(connection, delete).await
}

/// All campaigns of a workspace.
pub(super) async fn delete_workspace(connection: &mut Connection<'_>, workspace: &WorkspaceId) -> Result<()> {
    let delete = sql("DELETE FROM campaign WHERE workspace = $1 RETURNING key").text(workspace.as_str());
    delete_parts(connection, delete).await
}

/// Rows that belong to the campaigns that `delete` removes.
async fn delete_parts(connection: &mut Connection<'_>, delete: Statement<'_>) -> Result<()> {
    for key in connection.fetch(delete).await?.all(|row| row.int(0))? {
        delete_one(connection, key).await?;
    }
    Ok(())
}

async fn delete_one(connection: &mut Connection<'_>, key: i64) -> Result<()> {
    let lanes = connection.fetch(sql("SELECT key FROM campaign_lane WHERE campaign = $1").int(key)).await?;
    for lane in lanes.all(|row| row.int(0).map(|key| Lane { key }))? {
        for part in OF_IDS {
            connection.execute(sql(part).int(lane.id(0)).int(lane.id(0) + PLACES)).await?;
        }
        for part in OF_LANE {
            connection.execute(lane.sql(part)).await?;
        }
    }
    for part in OF_CAMPAIGN {
        connection.execute(sql(part).int(key)).await?;
    }
    Ok(())
}
