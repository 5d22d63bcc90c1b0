use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, sql};
use crate::{ReachChange, ReachStore, Result, Scope, WorkspaceId};

/// Rows written by one statement.
const STEP: usize = 1_000;

const NOTE: (&str, &str) = (
    "WITH at (key, value) AS MATERIALIZED (SELECT key, value FROM json_each($4)) \
     INSERT INTO reach (workspace, sender, person, at) \
     SELECT $1, $2, person.value, at.value FROM json_each($3) AS person JOIN at ON at.key = person.key WHERE true \
     ON CONFLICT (workspace, person, at, sender) DO NOTHING",
    "INSERT INTO reach (workspace, sender, person, at) \
     SELECT $1, $2, person, at FROM unnest($3, $4) AS noted (person, at) \
     ON CONFLICT (workspace, person, at, sender) DO NOTHING",
);
const TRIM: &str = "DELETE FROM reach WHERE (workspace, person, at, sender) IN \
    (SELECT workspace, person, at, sender FROM reach WHERE workspace = $1 AND at < $2 LIMIT $3)";
const BY_SENDER: &str = "SELECT person, MAX(at) FROM reach WHERE workspace = $1 AND sender = $2 AND at >= $3 \
    GROUP BY person";
const TIMES: (&str, &str) = (
    "SELECT person, at FROM reach WHERE workspace = $1 AND person IN (SELECT value FROM json_each($2)) AND at >= $3",
    "SELECT person, at FROM reach WHERE workspace = $1 AND person = ANY ($2) AND at >= $3",
);

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &ReachChange,
) -> Result<()> {
    let workspace = scope.workspace().as_str();
    match change {
        ReachChange::Note { sender, people } => {
            let text = connection.dialect().text(NOTE.0, NOTE.1);
            for part in people.chunks(STEP) {
                // In one order for all, in which two transactions do not wait for each other crosswise.
                let mut part: Vec<_> = part.iter().map(|(person, at)| (person.cast_signed(), *at)).collect();
                part.sort_unstable();
                let (people, times) = part.into_iter().unzip();
                connection
                    .execute(sql(text).text(workspace).text(&**sender).ints(people).ints(times))
                    .await?;
            }
            Ok(())
        }
        ReachChange::Trim { before, limit } => {
            connection.execute(sql(TRIM).text(workspace).int(*before).int(*limit)).await.map(drop)
        }
    }
}

fn reached(row: &Row) -> Result<(u64, i64)> {
    Ok((row.int(0)?.cast_unsigned(), row.int(1)?))
}

#[async_trait]
impl<S: Sql> ReachStore for S {
    async fn reached_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>> {
        let select = sql(BY_SENDER).text(workspace.as_str()).text(sender).int(since);
        let mut all = self.fetch(select).await?.all(reached)?;
        all.sort_unstable();
        Ok(all)
    }

    async fn times_reached(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let text = self.dialect().text(TIMES.0, TIMES.1);
        let people = people.iter().map(|person| person.cast_signed()).collect();
        let select = sql(text).text(workspace.as_str()).ints(people).int(since);
        let mut all = self.fetch(select).await?.all(reached)?;
        all.sort_unstable();
        Ok(all)
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [BY_SENDER, TIMES.0];
