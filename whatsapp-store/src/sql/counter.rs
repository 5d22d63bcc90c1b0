use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{Connection, Rows, Sql, Statement, sql};
use crate::{
    Change, CounterChange, CounterPoint, CounterRange, CounterStore, Result, Scope, Step, WorkspaceId,
};

/// A row: the counter's name, the length of the bucket, its start, and the account ("" for none; no account has that
/// name).
type Bucket<'a> = (&'a str, Step, i64, &'a str);

/// All counters of a commit. Additions to one bucket are summed here and written in the order of the keys, so that two
/// transactions cannot deadlock.
/// Nothing yet: [`apply_all`] counts at the end.
#[allow(clippy::unused_async, reason = "as every domain takes its changes")]
pub(super) async fn apply(_: &mut Connection<'_>, _: &Scope, _: &CounterChange) -> Result<()> {
    Ok(())
}

pub(super) async fn apply_all(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    changes: &[Change],
) -> Result<()> {
    let mut buckets = BTreeMap::<Bucket<'_>, i64>::new();
    for change in changes {
        match change {
            Change::Counter(CounterChange::Add { name, account, at, by }) => {
                for step in Step::ALL {
                    let bucket = (&**name, step, step.start_of(*at), account.as_deref().unwrap_or_default());
                    let sum = buckets.entry(bucket).or_default();
                    *sum = sum.saturating_add(*by);
                }
            }
            Change::Counter(CounterChange::Trim { step, before }) => {
                add(connection, workspace, std::mem::take(&mut buckets)).await?;
                let trim = sql("DELETE FROM counter WHERE workspace = $1 AND step = $2 AND start < $3");
                connection.execute(trim.text(workspace.as_str()).int(step.code()).int(*before)).await?;
            }
            _ => {}
        }
    }
    add(connection, workspace, buckets).await
}

async fn add(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    buckets: BTreeMap<Bucket<'_>, i64>,
) -> Result<()> {
    for ((name, step, start, account), by) in buckets {
        let add = sql("INSERT INTO counter (workspace, name, step, start, account, value) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace, name, step, start, account) \
             DO UPDATE SET value = counter.value + excluded.value");
        let add = add.text(workspace.as_str()).text(name).int(step.code()).int(start).text(account).int(by);
        connection.execute(add).await?;
    }
    Ok(())
}

const SERIES: &str = "SELECT start, CAST(sum(value) AS BIGINT) FROM counter \
    WHERE workspace = $1 AND step = $2 AND start >= $3 AND start < $4 AND ($5 IS NULL OR account = $5) \
    AND name = $6 GROUP BY start ORDER BY start";
const TOTALS: (&str, &str) = (
    "SELECT name, CAST(sum(value) AS BIGINT) FROM counter \
     WHERE workspace = $1 AND step = $2 AND start >= $3 AND start < $4 AND ($5 IS NULL OR account = $5) \
     AND name IN (SELECT value FROM json_each($6) AS wanted) GROUP BY name",
    "SELECT name, CAST(sum(value) AS BIGINT) FROM counter \
     WHERE workspace = $1 AND step = $2 AND start >= $3 AND start < $4 AND ($5 IS NULL OR account = $5) \
     AND name = ANY ($6) GROUP BY name",
);

fn within<'a>(text: &'static str, workspace: &'a WorkspaceId, range: &'a CounterRange) -> Statement<'a> {
    sql(text)
        .text(workspace.as_str())
        .int(range.step.code())
        .int(range.from)
        .int(range.until)
        .opt_text(range.account.as_deref())
}

#[async_trait]
impl<S: Sql> CounterStore for S {
    async fn series(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        range: &CounterRange,
    ) -> Result<Vec<CounterPoint>> {
        let rows = self.fetch(within(SERIES, workspace, range).text(name)).await?;
        rows.all(|row| Ok(CounterPoint { at: row.int(0)?, value: row.int(1)? }))
    }

    async fn totals(
        &self,
        workspace: &WorkspaceId,
        names: &[String],
        range: &CounterRange,
    ) -> Result<Vec<i64>> {
        let text = self.dialect().text(TOTALS.0, TOTALS.1);
        let rows = self.fetch(within(text, workspace, range).texts(names.to_vec())).await?;
        let sums: HashMap<_, _> = rows.all(|row| Ok((row.text(0)?, row.int(1)?)))?.into_iter().collect();
        Ok(names.iter().map(|name| sums.get(name).copied().unwrap_or_default()).collect())
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [SERIES, TOTALS.0];
