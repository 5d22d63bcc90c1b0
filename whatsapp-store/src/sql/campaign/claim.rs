//! Leases of ranges and retries for senders.
use super::{
    Connection, Lane, Rows, Sql, find,
    lane::{self, LeaseOwner},
    transact,
};
use crate::{CampaignState, RangeClaim, RangeLease, Result, RetryLease, WorkspaceId};

pub(super) async fn lease_range<S: Sql>(
    store: &S,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Result<Option<RangeLease>> {
    let (workspace, claim) = (workspace.clone(), claim.clone());
    transact(store, move |connection| {
        Box::pin(async move {
            let Some((state, lane)) = sending(connection, &workspace, &claim).await? else {
                return Ok(None);
            };
            if let Some((_, lease)) = take_over(connection, lane, &claim, false).await? {
                return Ok(Some(lease));
            }
            if state.begins() { take_next(connection, lane, &claim).await } else { Ok(None) }
        })
    })
    .await
}

pub(super) async fn due_retries<S: Sql>(
    store: &S,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Result<Option<RetryLease>> {
    let (workspace, claim) = (workspace.clone(), claim.clone());
    transact(store, move |connection| {
        Box::pin(async move {
            let Some((_, lane)) = sending(connection, &workspace, &claim).await? else {
                return Ok(None);
            };
            while let Some((old, lease)) = take_over(connection, lane, &claim, true).await? {
                let seqs = lane::move_retries(connection, lane, old, lease.epoch).await?;
                if !seqs.is_empty() {
                    return Ok(Some(RetryLease { lease, seqs }));
                }
                // All places were settled, and only the end of the lease is missing.
                let end = "DELETE FROM campaign_lease WHERE lane = $1 AND epoch = $2";
                connection.execute(lane.sql(end).int(lease.epoch)).await?;
            }
            take_due(connection, lane, &claim).await
        })
    })
    .await
}

/// The campaign's state and the lane, if they are there and anything is sent.
async fn sending(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    claim: &RangeClaim,
) -> Result<Option<(CampaignState, Lane)>> {
    let found = find(connection, workspace, (&claim.campaign, claim.lane)).await?;
    let found = found.filter(|found| found.is_put && found.state.goes_on());
    Ok(found.and_then(|found| Some((found.state, found.lane?))))
}

/// Takes an expired lease, or else one that was given back, under a new epoch. Returns its former epoch.
async fn take_over(
    connection: &mut Connection<'_>,
    lane: Lane,
    claim: &RangeClaim,
    retry: bool,
) -> Result<Option<(i64, RangeLease)>> {
    let text = connection.dialect().text(
        "SELECT epoch FROM campaign_lease WHERE lane = $1 AND retry = $2 AND until <= $3 \
         ORDER BY owner IS NULL, lo LIMIT 1",
        "SELECT epoch FROM campaign_lease WHERE lane = $1 AND retry = $2 AND until <= $3 \
         ORDER BY owner IS NULL, lo LIMIT 1 FOR UPDATE SKIP LOCKED",
    );
    let over = connection.fetch(lane.sql(text).int(retry).int(claim.now)).await?;
    let Some(old) = over.one(|row| row.int(0))? else { return Ok(None) };
    let Some(new) = lane::next_epoch(connection, lane).await? else { return Ok(None) };
    let take = lane.sql(
        "UPDATE campaign_lease SET epoch = $3, reclaimed = CASE WHEN owner IS NULL THEN reclaimed ELSE 1 END, \
         owner = $4, until = $5 WHERE lane = $1 AND epoch = $2 RETURNING lo, hi, reclaimed",
    );
    let taken = connection.fetch(take.int(old).int(new).text(&*claim.owner).int(claim.until)).await?;
    taken.one(|row| {
        let taken = claim.lease(row.small(0)?..row.small(1)?, new);
        Ok((old, RangeLease { reclaimed: row.flag(2)?, retry, ..taken }))
    })
}

/// Moves the lane's cursor.
async fn take_next(
    connection: &mut Connection<'_>,
    lane: Lane,
    claim: &RangeClaim,
) -> Result<Option<RangeLease>> {
    let text = connection.dialect().text(
        "SELECT next, \"end\" FROM campaign_lane WHERE key = $1",
        "SELECT next, \"end\" FROM campaign_lane WHERE key = $1 FOR UPDATE",
    );
    let rest = connection.fetch(lane.sql(text)).await?;
    let rest = rest.one(|row| Ok((row.small::<u32>(0)?, row.small::<u32>(1)?)))?;
    let Some((lo, end)) = rest else { return Ok(None) };
    let hi = lo.saturating_add(claim.limit).min(end);
    if hi <= lo {
        return Ok(None);
    }
    let step = lane.sql("UPDATE campaign_lane SET next = $2 WHERE key = $1");
    connection.execute(step.int(hi)).await?;
    let holder = LeaseOwner { owner: Some(&claim.owner), until: claim.until, reclaimed: false, retry: false };
    let epoch = lane::insert(connection, lane, lo..hi, holder).await?;
    Ok(epoch.map(|epoch| claim.lease(lo..hi, epoch)))
}

async fn take_due(
    connection: &mut Connection<'_>,
    lane: Lane,
    claim: &RangeClaim,
) -> Result<Option<RetryLease>> {
    let text = connection.dialect().text(
        "SELECT seq FROM campaign_retry WHERE lane = $1 AND epoch = 0 AND due <= $2 \
         ORDER BY due, seq LIMIT $3",
        "SELECT seq FROM campaign_retry WHERE lane = $1 AND epoch = 0 AND due <= $2 \
         ORDER BY due, seq LIMIT $3 FOR UPDATE SKIP LOCKED",
    );
    let due = connection.fetch(lane.sql(text).int(claim.now).int(claim.limit)).await?;
    let mut seqs = due.all(|row| row.small::<u32>(0))?;
    seqs.sort_unstable();
    let (Some(&lo), Some(&last)) = (seqs.first(), seqs.last()) else { return Ok(None) };
    let range = lo..last + 1;
    let holder = LeaseOwner { owner: Some(&claim.owner), until: claim.until, reclaimed: false, retry: true };
    let Some(epoch) = lane::insert(connection, lane, range.clone(), holder).await? else { return Ok(None) };
    let text = connection.dialect().text(
        "UPDATE campaign_retry SET epoch = $2 WHERE lane = $1 \
         AND seq IN (SELECT value FROM json_each($3))",
        "UPDATE campaign_retry SET epoch = $2 WHERE lane = $1 AND seq = ANY($3)",
    );
    let listed = seqs.iter().map(|seq| i64::from(*seq)).collect();
    connection.execute(lane.sql(text).int(epoch).ints(listed)).await?;
    Ok(Some(RetryLease { lease: RangeLease { retry: true, ..claim.lease(range, epoch) }, seqs }))
}
