//! Lanes, and the leases of their parts. A lease is named by its epoch, which the lane assigns.
use std::ops::Range;

use super::{Connection, Found, Lane, Rows, damaged, find, sql};
use crate::{Error, ErrorKind, LaneRecord, Outcome, RangeLease, Result, WorkspaceId};

pub(super) fn fenced() -> Error {
    Error::new(ErrorKind::Fenced, "writing to a lane of a campaign")
}

pub(super) async fn put(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    lane: &LaneRecord,
) -> Result<()> {
    let place = (&*lane.campaign, lane.lane);
    let Some(found) = find(connection, workspace, place).await? else { return Ok(()) };
    let put = sql(
        "INSERT INTO campaign_lane (campaign, lane, next, \"end\", definition) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (campaign, lane) DO UPDATE SET \"end\" = excluded.\"end\", definition = excluded.definition, \
         next = CASE WHEN campaign_lane.definition IS NULL THEN excluded.next ELSE campaign_lane.next END",
    );
    let put = put.int(found.key).int(lane.lane).int(lane.next).int(lane.end).text(&*lane.definition);
    connection.execute(put).await.map(drop)
}

/// The lane, which is made if it is absent: an audience may come before it.
pub(super) async fn make(connection: &mut Connection<'_>, found: &Found, lane: i32) -> Result<Lane> {
    if let Some(lane) = found.lane {
        return Ok(lane);
    }
    let make = sql("INSERT INTO campaign_lane (campaign, lane) VALUES ($1, $2) \
         ON CONFLICT (campaign, lane) DO UPDATE SET lane = excluded.lane RETURNING key");
    let key = connection.fetch(make.int(found.key).int(lane)).await?.one(|row| row.int(0))?;
    key.map(|key| Lane { key }).ok_or_else(|| damaged("a lane that was just written"))
}

/// Fails unless the lease is there and covers these outcomes, and keeps it from changing hands until the transaction ends.
pub(super) async fn check(
    connection: &mut Connection<'_>,
    lane: Lane,
    epoch: i64,
    outcomes: &[Outcome],
) -> Result<()> {
    let text = connection.dialect().text(
        "SELECT lo, hi FROM campaign_lease WHERE lane = $1 AND epoch = $2",
        "SELECT lo, hi FROM campaign_lease WHERE lane = $1 AND epoch = $2 FOR KEY SHARE",
    );
    let range = connection.fetch(lane.sql(text).int(epoch)).await?;
    let (lo, hi) = range.one(|row| Ok((row.small(0)?, row.small(1)?)))?.ok_or_else(fenced)?;
    RangeLease::check(lo, hi, outcomes)
}

/// The lane of a change that depends on a lease: without a lane there is no lease.
async fn leased(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    place: (&str, i32),
) -> Result<Lane> {
    let found = find(connection, workspace, place).await?;
    found.and_then(|found| found.lane).ok_or_else(fenced)
}

pub(super) async fn renew(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    place: (&str, i32),
    epoch: i64,
    until: i64,
) -> Result<()> {
    let lane = leased(connection, workspace, place).await?;
    let renew =
        lane.sql("UPDATE campaign_lease SET until = $3 WHERE lane = $1 AND epoch = $2 AND owner IS NOT NULL");
    if connection.execute(renew.int(epoch).int(until)).await? == 0 {
        return Err(fenced());
    }
    Ok(())
}

pub(super) async fn release(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    place: (&str, i32),
    epoch: i64,
    unsent: u32,
) -> Result<()> {
    let lane = leased(connection, workspace, place).await?;
    let end = lane.sql(
        "DELETE FROM campaign_lease WHERE lane = $1 AND epoch = $2 AND owner IS NOT NULL \
         RETURNING lo, hi, reclaimed, retry",
    );
    let ended = connection
        .fetch(end.int(epoch))
        .await?
        .one(|row| Ok((row.small::<u32>(0)?, row.small::<u32>(1)?, row.flag(2)?, row.flag(3)?)))?;
    let (lo, hi, reclaimed, retry) = ended.ok_or_else(fenced)?;
    let rest = if retry { lo..hi } else { unsent.max(lo)..hi };
    // Places that another sender may have sent to must stay marked, and only a lease carries the mark.
    let keeps = if retry { reclaimed } else { !rest.is_empty() };
    let new = if keeps {
        let holder = LeaseOwner { owner: None, until: i64::MIN, reclaimed, retry };
        insert(connection, lane, rest, holder).await?.ok_or_else(fenced)?
    } else {
        0
    };
    if retry {
        move_retries(connection, lane, epoch, new).await?;
    }
    Ok(())
}

/// Gives the retries of one lease to another, or to none with 0. Returns which.
pub(super) async fn move_retries(
    connection: &mut Connection<'_>,
    lane: Lane,
    old: i64,
    new: i64,
) -> Result<Vec<u32>> {
    let take = lane.sql("UPDATE campaign_retry SET epoch = $3 WHERE lane = $1 AND epoch = $2 RETURNING seq");
    let mut seqs = connection.fetch(take.int(old).int(new)).await?.all(|row| row.small(0))?;
    seqs.sort_unstable();
    Ok(seqs)
}

/// The holder of a lease.
pub(super) struct LeaseOwner<'a> {
    /// `None` when it was given back.
    pub(super) owner: Option<&'a str>,
    pub(super) until: i64,
    pub(super) reclaimed: bool,
    pub(super) retry: bool,
}

/// Writes a lease under the lane's next epoch, which is returned. `None` if there is no such lane.
pub(super) async fn insert(
    connection: &mut Connection<'_>,
    lane: Lane,
    range: Range<u32>,
    holder: LeaseOwner<'_>,
) -> Result<Option<i64>> {
    let Some(epoch) = next_epoch(connection, lane).await? else { return Ok(None) };
    let insert = lane.sql(
        "INSERT INTO campaign_lease (lane, epoch, lo, hi, owner, until, reclaimed, retry) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let insert = insert
        .int(epoch)
        .int(range.start)
        .int(range.end)
        .opt_text(holder.owner)
        .int(holder.until)
        .int(holder.reclaimed)
        .int(holder.retry);
    connection.execute(insert).await?;
    Ok(Some(epoch))
}

pub(super) async fn next_epoch(connection: &mut Connection<'_>, lane: Lane) -> Result<Option<i64>> {
    let next = lane.sql("UPDATE campaign_lane SET epoch = epoch + 1 WHERE key = $1 RETURNING epoch");
    connection.fetch(next).await?.one(|row| row.int(0))
}
