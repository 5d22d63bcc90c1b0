use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, Statement, sql, transact};
use crate::{Error, ErrorKind, Fence, Lease, LeaseStore, Result, WorkspaceId};

fn of<'a>(text: &'static str, workspace: &'a WorkspaceId, name: &'a str) -> Statement<'a> {
    sql(text).text(workspace.as_str()).text(name)
}

/// A lease that ended or was given back stays as a row, so that its tokens keep rising.
const ACQUIRE: &str = "INSERT INTO lease (workspace, name, owner, token, until) VALUES ($1, $2, $3, 1, $5) \
    ON CONFLICT (workspace, name) DO UPDATE SET owner = excluded.owner, until = excluded.until, \
    token = CASE WHEN lease.owner = excluded.owner AND lease.until > $4 THEN lease.token ELSE lease.token + 1 END \
    WHERE lease.until <= $4 OR lease.owner = excluded.owner RETURNING name, owner, token, until";

/// Fails unless the lease still has that token, and keeps it from changing hands until the transaction ends.
pub(super) async fn check(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    fence: &Fence,
) -> Result<()> {
    let text = connection.dialect().text(
        "SELECT token FROM lease WHERE workspace = $1 AND name = $2",
        "SELECT token FROM lease WHERE workspace = $1 AND name = $2 FOR SHARE",
    );
    let token = connection.fetch(of(text, workspace, &fence.name)).await?.one(|row| row.int(0))?;
    if token == Some(fence.token) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Fenced, "writing under a lease"))
}

const PROLONG: &str = "UPDATE lease SET until = $5 \
    WHERE workspace = $1 AND name = $2 AND owner = $3 AND until > $4 RETURNING name, owner, token, until";
#[cfg(feature = "postgres")]
const PROLONG_ALL: &str = "UPDATE lease SET until = $3 FROM unnest($4, $5) AS held (workspace, name) \
    WHERE lease.workspace = held.workspace AND lease.name = held.name AND owner = $1 AND until > $2 \
    RETURNING lease.name, owner, token, until, lease.workspace";

async fn prolong(
    connection: &mut Connection<'_>,
    owner: &str,
    now: i64,
    until: i64,
    held: &[(WorkspaceId, String)],
) -> Result<Vec<(WorkspaceId, Lease)>> {
    #[cfg(feature = "postgres")]
    if connection.dialect() == super::Dialect::Postgres {
        let all = sql(PROLONG_ALL)
            .text(owner)
            .int(now)
            .int(until)
            .texts(held.iter().map(|(workspace, _)| workspace.to_string()).collect())
            .texts(held.iter().map(|(_, name)| name.clone()).collect());
        return connection.fetch(all).await?.all(|row| {
            let workspace = WorkspaceId::try_from(row.text(4)?);
            Ok((workspace.map_err(|_| super::damaged("the workspace of a lease"))?, record(row)?))
        });
    }
    let mut prolonged = Vec::new();
    for (workspace, name) in held {
        let one = of(PROLONG, workspace, name).text(owner).int(now).int(until);
        let lease = connection.fetch(one).await?.one(record)?;
        prolonged.extend(lease.map(|lease| (workspace.clone(), lease)));
    }
    Ok(prolonged)
}

fn record(row: &Row) -> Result<Lease> {
    Ok(Lease { name: row.text(0)?, owner: row.text(1)?, token: row.int(2)?, until: row.int(3)? })
}

#[async_trait]
impl<S: Sql> LeaseStore for S {
    async fn acquire_lease(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        owner: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<Lease>> {
        let (workspace, name, owner) = (workspace.clone(), name.to_owned(), owner.to_owned());
        transact(self, move |connection| {
            Box::pin(async move {
                let acquire = of(ACQUIRE, &workspace, &name).text(owner).int(now).int(until);
                connection.fetch(acquire).await?.one(record)
            })
        })
        .await
    }

    async fn prolong_leases(
        &self,
        owner: &str,
        now: i64,
        until: i64,
        held: &[(WorkspaceId, String)],
    ) -> Result<Vec<(WorkspaceId, Lease)>> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let (owner, held) = (owner.to_owned(), held.to_vec());
        transact(self, move |connection| {
            Box::pin(async move { prolong(connection, &owner, now, until, &held).await })
        })
        .await
    }

    async fn release_lease(&self, workspace: &WorkspaceId, lease: &Lease) -> Result<()> {
        let (workspace, lease) = (workspace.clone(), lease.clone());
        transact(self, move |connection| {
            Box::pin(async move {
                let text = "UPDATE lease SET until = 0 WHERE workspace = $1 AND name = $2 AND token = $3";
                connection.execute(of(text, &workspace, &lease.name).int(lease.token)).await.map(drop)
            })
        })
        .await
    }

    async fn lease(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Lease>> {
        let text = "SELECT name, owner, token, until FROM lease WHERE workspace = $1 AND name = $2";
        self.fetch(of(text, workspace, name)).await?.one(record)
    }
}
