use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, damaged, sql, statement::pairs};
use crate::{ContactedChange, ContactedStore, Result, Scope, WorkspaceId};

/// A person as databases have numbers, in the same order.
const fn stored(person: u64) -> i64 {
    (person ^ (1 << 63)).cast_signed()
}

/// Back again.
const fn person(stored: i64) -> u64 {
    stored.cast_unsigned() ^ (1 << 63)
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &ContactedChange,
) -> Result<()> {
    let workspace = scope.workspace();
    match change {
        ContactedChange::Note { sender, people } => note(connection, workspace, sender, people).await,
        ContactedChange::Trim { before, limit } => {
            let text = connection.dialect().text(TRIM.0, TRIM.1);
            let trim = sql(text).text(workspace.as_str()).int(*before).int(*limit);
            connection.execute(trim).await.map(drop)
        }
    }
}

const NOTE: (&str, &str) = (
    concat!(
        "INSERT INTO contacted (workspace, sender, person, at) SELECT $1, $2, person, at FROM ",
        pairs!("$3", "person", "at"),
        " AS added WHERE true ON CONFLICT (workspace, person, at, sender) DO NOTHING"
    ),
    "INSERT INTO contacted (workspace, sender, person, at) SELECT $1, $2, person, at \
     FROM unnest($3, $4) AS added (person, at) ON CONFLICT (workspace, person, at, sender) DO NOTHING",
);

async fn note(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    sender: &str,
    people: &[(u64, i64)],
) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    // In a fixed order, so that two transactions with the same notes cannot deadlock.
    let mut notes: Vec<_> = people.iter().map(|(person, at)| (stored(*person), *at)).collect();
    notes.sort_unstable();
    let dialect = connection.dialect();
    let note = sql(dialect.text(NOTE.0, NOTE.1)).text(workspace.as_str()).text(sender);
    connection.execute(note.pairs(dialect, notes)).await.map(drop)
}

/// On a server, several nodes may trim at once: each skips the rows of the others.
const TRIM: (&str, &str) = (
    "DELETE FROM contacted WHERE workspace = $1 AND (person, at, sender) IN \
     (SELECT person, at, sender FROM contacted WHERE workspace = $1 AND at < $2 ORDER BY at, sender, person LIMIT $3)",
    "DELETE FROM contacted WHERE workspace = $1 AND ctid = ANY(ARRAY(\
     SELECT ctid FROM contacted WHERE workspace = $1 AND at < $2 ORDER BY at, sender, person LIMIT $3 \
     FOR UPDATE SKIP LOCKED))",
);
const BY: &str = "SELECT person, at FROM contacted WHERE workspace = $1 AND at >= $2 AND sender = $3";
/// On PostgreSQL each person by the index, also while it has no statistics and would rather read everything.
const TIMES: (&str, &str) = (
    "SELECT person, at FROM contacted WHERE workspace = $1 AND at >= $2 \
     AND person IN (SELECT value FROM json_each($3) AS wanted)",
    "SELECT found.person, found.at FROM unnest($3) AS wanted (person) CROSS JOIN LATERAL \
     (SELECT person, at FROM contacted WHERE workspace = $1 AND at >= $2 AND contacted.person = wanted.person OFFSET 0) \
     AS found",
);
/// Walks from workspace to workspace by the index, whatever their size.
const OUTDATED: &str = "WITH RECURSIVE known (workspace) AS (SELECT MIN(workspace) FROM contacted UNION ALL \
    SELECT (SELECT MIN(contacted.workspace) FROM contacted WHERE contacted.workspace > known.workspace) FROM known \
    WHERE known.workspace IS NOT NULL) SELECT workspace FROM known WHERE workspace IS NOT NULL \
    AND EXISTS (SELECT 1 FROM contacted WHERE contacted.workspace = known.workspace AND contacted.at < $1)";

fn entry(row: &Row) -> Result<(u64, i64)> {
    Ok((person(row.int(0)?), row.int(1)?))
}

#[async_trait]
impl<S: Sql> ContactedStore for S {
    async fn contacted_by(
        &self,
        workspace: &WorkspaceId,
        sender: &str,
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let select = sql(BY).text(workspace.as_str()).int(since).text(sender);
        let mut last = BTreeMap::new();
        for row in self.fetch(select).await? {
            let (person, at) = entry(&row)?;
            let known = last.entry(person).or_insert(at);
            *known = at.max(*known);
        }
        Ok(last.into_iter().collect())
    }

    async fn times_contacted(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let select = sql(self.dialect().text(TIMES.0, TIMES.1)).text(workspace.as_str()).int(since);
        let people: BTreeSet<_> = people.iter().copied().map(stored).collect();
        let mut times = self.fetch(select.ints(people.into_iter().collect())).await?.all(entry)?;
        times.sort_unstable();
        Ok(times)
    }

    async fn outdated_contacted(&self, before: i64) -> Result<Vec<WorkspaceId>> {
        let rows = self.fetch(sql(OUTDATED).int(before)).await?;
        let mut workspaces =
            rows.all(|row| row.text(0)?.parse().map_err(|_| damaged("the workspace of a note")))?;
        workspaces.sort_unstable();
        Ok(workspaces)
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 4] = [TRIM.0, BY, TIMES.0, OUTDATED];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn people_come_back_in_the_same_order(a in any::<u64>(), b in any::<u64>()) {
            prop_assert_eq!(person(stored(a)), a);
            prop_assert_eq!(stored(a).cmp(&stored(b)), a.cmp(&b));
        }
    }
}
