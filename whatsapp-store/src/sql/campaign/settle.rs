use std::collections::BTreeMap;

use super::{Connection, Lane, Rows, find, lane, sql};
use crate::{
    Effect, Outcome, RecipientMinute, RecipientState, Result, Settlement, WorkspaceId,
    record::{bits, groups, offset},
    sql::{Statement, statement::pairs},
};

/// The changes that outcomes made, for the counters.
#[derive(Default)]
struct Tally {
    /// How many moved from each state to each state.
    moves: BTreeMap<(u8, u8), i64>,
    /// How many got each flag that they did not have, by its bit.
    flags: BTreeMap<u8, i64>,
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    settlement: &Settlement,
) -> Result<()> {
    let found = find(connection, workspace, (&settlement.campaign, settlement.lane)).await?;
    let Some((found, lane)) = found.and_then(|found| found.lane.map(|lane| (found, lane))) else {
        return settlement.epoch.map_or(Ok(()), |_| Err(lane::fenced()));
    };
    if let Some(epoch) = settlement.epoch {
        lane::check(connection, lane, epoch, &settlement.outcomes).await?;
    }
    let at = offset::of(settlement.at, found.base_at);
    let mut tally = Tally::default();
    for (effect, outcomes) in groups(&settlement.outcomes) {
        write(connection, lane, &effect, at, &outcomes, &mut tally).await?;
    }
    let Tally { mut moves, flags } = tally;
    moves.retain(|(prior, state), _| prior != state);
    let mut counts = BTreeMap::<u8, i64>::new();
    let mut into = BTreeMap::<u8, i64>::new();
    for ((prior, state), number) in moves {
        *counts.entry(prior).or_default() -= number;
        *counts.entry(state).or_default() += number;
        *into.entry(state).or_default() += number;
    }
    count(connection, found.key, &Vec::from_iter(counts)).await?;
    count_minute(connection, found.key, RecipientMinute::of(settlement.at), &Vec::from_iter(into)).await?;
    count_flags(connection, found.key, &Vec::from_iter(flags)).await
}

/// Every update keeps the old state beside the new one, since PostgreSQL returns only new values. Where flags are
/// set, it keeps the old flags too, above the 6 bits of the state.
macro_rules! update {
    ($prior:literal, $list:literal) => {
        concat!(
            "UPDATE campaign_recipient SET prior = ",
            $prior,
            ", state = COALESCE($3, state), code = COALESCE($4, code), \
             sender = COALESCE($5, sender), flags = flags | $6, \
             tries = CASE WHEN tries + $7 > 255 THEN 255 ELSE tries + $7 END, \
             sent = CASE WHEN $8 = 1 THEN $9 ELSE sent END, \
             delivered = CASE WHEN $8 = 2 THEN $9 ELSE delivered END, \
             read = CASE WHEN $8 = 3 THEN $9 ELSE read END \
             WHERE (CAST(1 AS BIGINT) << CAST(state AS INTEGER)) & $2 <> 0 AND id ",
            $list
        )
    };
}

/// For SQLite and for PostgreSQL.
macro_rules! updates {
    ($prior:literal) => {
        (
            update!($prior, "IN (SELECT value FROM json_each($1)) RETURNING prior, state, 1"),
            concat!(
                "WITH moved AS (",
                update!($prior, "= ANY($1) RETURNING prior, state"),
                ") SELECT prior, state, COUNT(*) FROM moved GROUP BY prior, state"
            ),
        )
    };
}

/// As [`updates!`], telling each recipient's place.
macro_rules! updates_by_place {
    ($prior:literal) => {
        (
            update!(
                $prior,
                "IN (SELECT value FROM json_each($1)) RETURNING prior, state, 1, id & 2147483647"
            ),
            update!($prior, "= ANY($1) RETURNING prior, state, 1, id & 2147483647"),
        )
    };
}

const UPDATE: (&str, &str) = updates!("state");
const UPDATE_FLAGS: (&str, &str) = updates!("state | (flags << 6)");
const UPDATE_RETRIES: (&str, &str) = updates_by_place!("state");
const UPDATE_RETRIES_FLAGS: (&str, &str) = updates_by_place!("state | (flags << 6)");

fn update(text: &'static str, ids: Vec<i64>, effect: &Effect, at: i32) -> Statement<'static> {
    let unsigned = |value: Option<u16>| value.map(|value| i64::from(value.cast_signed()));
    sql(text)
        .ints(ids)
        .int(effect.from.cast_signed())
        .opt_int(effect.state.map(|state| i64::from(state.code())))
        .opt_int(unsigned(effect.code))
        .opt_int(unsigned(effect.sender))
        .int(effect.flags)
        .int(effect.tries)
        .int(effect.stamp.map_or(0, |stamp| stamp as u8))
        .int(at)
}

/// The old state, and the old flags where they are kept.
const fn parted(prior: u16) -> (u8, u8) {
    ((prior & 63).to_le_bytes()[0], (prior >> 6).to_le_bytes()[0])
}

/// Writes outcomes of one effect, no two of the same recipient, and what they mean for the list of retries.
async fn write(
    connection: &mut Connection<'_>,
    lane: Lane,
    effect: &Effect,
    at: i32,
    outcomes: &[Outcome],
    tally: &mut Tally,
) -> Result<()> {
    let retries = effect.state == Some(RecipientState::Retry);
    let text = match (retries, effect.flags) {
        (false, 0) => UPDATE,
        (false, _) => UPDATE_FLAGS,
        (true, 0) => UPDATE_RETRIES,
        (true, _) => UPDATE_RETRIES_FLAGS,
    };
    let text = connection.dialect().text(text.0, text.1);
    let rows = connection.fetch(update(text, lane.ids(outcomes), effect, at)).await?;
    let retry = RecipientState::Retry.code();
    let mut retried = false;
    for row in &rows {
        let ((prior, flags), state, number) = (parted(row.small(0)?), row.small(1)?, row.int(2)?);
        retried |= prior == retry && state != retry;
        *tally.moves.entry((prior, state)).or_default() += number;
        for bit in bits(effect.flags & !flags) {
            *tally.flags.entry(bit).or_default() += number;
        }
    }
    if retries {
        return put_retries(connection, lane, &rows.all(|row| row.small(3))?, outcomes).await;
    }
    if retried {
        // All of them that waited have moved: the effect replaces that state.
        let text = connection.dialect().text(
            "DELETE FROM campaign_retry WHERE lane = $1 AND seq IN (SELECT value FROM json_each($2))",
            "DELETE FROM campaign_retry WHERE lane = $1 AND seq = ANY($2)",
        );
        let seqs = outcomes.iter().map(|outcome| i64::from(outcome.seq)).collect();
        connection.execute(lane.sql(text).ints(seqs)).await?;
    }
    Ok(())
}

/// Adds those of `outcomes` to the list whose recipients were written.
async fn put_retries(
    connection: &mut Connection<'_>,
    lane: Lane,
    written: &[u32],
    outcomes: &[Outcome],
) -> Result<()> {
    let due: BTreeMap<u32, i64> =
        outcomes.iter().filter_map(|outcome| Some((outcome.seq, outcome.retry_at?))).collect();
    let added: Vec<_> = written.iter().filter_map(|seq| Some((i64::from(*seq), *due.get(seq)?))).collect();
    if added.is_empty() {
        return Ok(());
    }
    let dialect = connection.dialect();
    let text = dialect.text(
        concat!(
            "INSERT INTO campaign_retry (lane, seq, due, epoch) SELECT $1, seq, due, 0 FROM ",
            pairs!("$2", "seq", "due"),
            " AS added WHERE true ON CONFLICT (lane, seq) DO UPDATE SET due = excluded.due, epoch = 0"
        ),
        "INSERT INTO campaign_retry (lane, seq, due, epoch) \
         SELECT $1, seq, due, 0 FROM unnest($2, $3) AS added (seq, due) \
         ON CONFLICT (lane, seq) DO UPDATE SET due = excluded.due, epoch = 0",
    );
    connection.execute(lane.sql(text).pairs(dialect, added)).await.map(drop)
}

/// A state, or a flag, and by how much its number changes, as one number: both databases have lists of those.
fn packed(changes: &[(u8, i64)]) -> Vec<i64> {
    changes.iter().filter(|(_, by)| *by != 0).map(|(state, by)| by * 256 + i64::from(*state)).collect()
}

/// Adds to the counters of a campaign.
pub(super) async fn count(connection: &mut Connection<'_>, key: i64, changes: &[(u8, i64)]) -> Result<()> {
    let changes = packed(changes);
    if changes.is_empty() {
        return Ok(());
    }
    let text = connection.dialect().text(
        "INSERT INTO campaign_counter (campaign, shard, state, count) \
         SELECT $1, 0, value & 255, value >> 8 FROM json_each($2) WHERE true \
         ON CONFLICT (campaign, shard, state) DO UPDATE SET count = campaign_counter.count + excluded.count",
        "INSERT INTO campaign_counter (campaign, shard, state, count) \
         SELECT $1, pg_backend_pid() % 16, value & 255, value >> 8 FROM unnest($2) AS value \
         ON CONFLICT (campaign, shard, state) DO UPDATE SET count = campaign_counter.count + excluded.count",
    );
    connection.execute(sql(text).int(key).ints(changes)).await.map(drop)
}

async fn count_minute(
    connection: &mut Connection<'_>,
    key: i64,
    minute: i64,
    changes: &[(u8, i64)],
) -> Result<()> {
    let changes = packed(changes);
    if changes.is_empty() {
        return Ok(());
    }
    let text = connection.dialect().text(
        "INSERT INTO campaign_minute (campaign, minute, shard, state, count) \
         SELECT $1, $2, 0, value & 255, value >> 8 FROM json_each($3) WHERE true \
         ON CONFLICT (campaign, minute, shard, state) DO UPDATE SET count = campaign_minute.count + excluded.count",
        "INSERT INTO campaign_minute (campaign, minute, shard, state, count) \
         SELECT $1, $2, pg_backend_pid() % 16, value & 255, value >> 8 FROM unnest($3) AS value \
         ON CONFLICT (campaign, minute, shard, state) DO UPDATE SET count = campaign_minute.count + excluded.count",
    );
    connection.execute(sql(text).int(key).int(minute).ints(changes)).await.map(drop)
}

async fn count_flags(connection: &mut Connection<'_>, key: i64, changes: &[(u8, i64)]) -> Result<()> {
    let changes = packed(changes);
    if changes.is_empty() {
        return Ok(());
    }
    let text = connection.dialect().text(
        "INSERT INTO campaign_flag (campaign, shard, flag, count) \
         SELECT $1, 0, value & 255, value >> 8 FROM json_each($2) WHERE true \
         ON CONFLICT (campaign, flag, shard) DO UPDATE SET count = campaign_flag.count + excluded.count",
        "INSERT INTO campaign_flag (campaign, shard, flag, count) \
         SELECT $1, pg_backend_pid() % 16, value & 255, value >> 8 FROM unnest($2) AS value \
         ON CONFLICT (campaign, flag, shard) DO UPDATE SET count = campaign_flag.count + excluded.count",
    );
    connection.execute(sql(text).int(key).ints(changes)).await.map(drop)
}
