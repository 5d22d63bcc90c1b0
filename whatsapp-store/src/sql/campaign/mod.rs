//! Campaigns. The rows of recipients are short and many, so that they name their campaign by its key, a number that is
//! unique over all workspaces. Every statement takes it from the campaign's row, which it finds by workspace and id.
mod audience;
mod claim;
mod lane;
mod read;
mod settle;

use super::{Connection, Row, Rows, Sql, Statement, damaged, sql, transact};
use crate::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, Error, ErrorKind, Result, Scope, WorkspaceId,
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
    lane: i32,
}

impl Lane {
    /// A statement about it, in which it is `$1` and `$2`.
    fn sql<'a>(self, text: &'static str) -> Statement<'a> {
        sql(text).int(self.key).int(self.lane)
    }
}

/// What the other rows need of a campaign's.
struct Found {
    key: i64,
    base_at: i64,
    state: CampaignState,
}

impl Found {
    const fn lane(&self, lane: i32) -> Lane {
        Lane { key: self.key, lane }
    }
}

/// Looks a campaign up, and keeps it from being deleted until the transaction ends.
///
/// PostgreSQL is also told not to read whole tables in this transaction. Its statistics are behind while a new campaign is
/// written, and a plan that was right for ten rows is kept for as long as the connection lives.
async fn find(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    campaign: &str,
) -> Result<Option<Found>> {
    let text = connection.dialect().text(
        "SELECT key, base_at, state FROM campaign WHERE workspace = $1 AND id = $2",
        "SELECT key, base_at, state, set_config('enable_seqscan', 'off', true) \
         FROM campaign WHERE workspace = $1 AND id = $2 FOR KEY SHARE",
    );
    connection.fetch(of(text, workspace, campaign)).await?.one(|row| {
        let state = CampaignState::from_code(row.small(2)?);
        let state = state.ok_or_else(|| damaged("the state of a campaign"))?;
        Ok(Found { key: row.int(0)?, base_at: row.int(1)?, state })
    })
}

async fn put(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    campaign: &CampaignRecord,
) -> Result<()> {
    let update = of(
        "UPDATE campaign SET name = $3, definition = $4, updated_at = $5 WHERE workspace = $1 AND id = $2",
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
        "INSERT INTO campaign (workspace, id, number, name, state, reason, definition, base_at, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (workspace, id) DO UPDATE SET \
         name = excluded.name, definition = excluded.definition, updated_at = excluded.updated_at",
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
        "UPDATE campaign SET state = $3, reason = $4, updated_at = $5 WHERE workspace = $1 AND id = $2 \
         AND state <> $3 AND (CAST(1 AS BIGINT) << CAST(state AS INTEGER)) & $6 <> 0",
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
    match find(connection, workspace, &step.campaign).await? {
        Some(found) if found.state == step.state => Ok(()),
        _ => Err(Error::new(ErrorKind::Conflict, "moving a campaign to another state")),
    }
}

/// What hangs on a campaign.
pub(super) const PARTS: [&str; 7] = [
    "DELETE FROM campaign_lane WHERE campaign = $1",
    "DELETE FROM campaign_audience WHERE campaign = $1",
    "DELETE FROM campaign_recipient WHERE campaign = $1",
    "DELETE FROM campaign_lease WHERE campaign = $1",
    "DELETE FROM campaign_retry WHERE campaign = $1",
    "DELETE FROM campaign_counter WHERE campaign = $1",
    "DELETE FROM campaign_minute WHERE campaign = $1",
];

async fn delete(connection: &mut Connection<'_>, workspace: &WorkspaceId, campaign: &str) -> Result<()> {
    // First the campaign itself: whoever is writing to it is waited for, and nobody begins.
    let delete =
        of("DELETE FROM campaign WHERE workspace = $1 AND id = $2 RETURNING key", workspace, campaign);
    delete_parts(connection, delete).await
}

/// All campaigns of a workspace.
pub(super) async fn delete_workspace(connection: &mut Connection<'_>, workspace: &WorkspaceId) -> Result<()> {
    let delete = sql("DELETE FROM campaign WHERE workspace = $1 RETURNING key").text(workspace.as_str());
    delete_parts(connection, delete).await
}

/// What hangs on the campaigns that `delete` removes.
async fn delete_parts(connection: &mut Connection<'_>, delete: Statement<'_>) -> Result<()> {
    for key in connection.fetch(delete).await?.all(|row| row.int(0))? {
        for part in PARTS {
            connection.execute(sql(part).int(key)).await?;
        }
    }
    Ok(())
}
