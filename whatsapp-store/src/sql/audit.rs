use async_trait::async_trait;

use super::{Connection, Row, Rows, Sql, sql};
use crate::{
    AuditChange, AuditEntry, AuditPage, AuditQuery, AuditStore, Error, Result, Scope, WorkspaceId, cursor,
    page_limit,
};

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &AuditChange,
) -> Result<()> {
    let workspace = scope.workspace().as_str();
    let statement = match change {
        AuditChange::Append(entry) => {
            sql("INSERT INTO audit (workspace, at, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5, $6)")
                .text(workspace)
                .int(entry.at)
                .text(&*entry.actor)
                .text(&*entry.action)
                .text(&*entry.subject)
                .text(&*entry.details)
        }
        AuditChange::Trim { before } => {
            sql("DELETE FROM audit WHERE workspace = $1 AND at < $2").text(workspace).int(*before)
        }
    };
    connection.execute(statement).await.map(drop)
}

macro_rules! page {
    ($where:literal) => {
        concat!(
            "SELECT at, number, actor, action, subject, details FROM audit \
             WHERE workspace = $1 AND (at, number) < ($2, $3)",
            $where,
            " ORDER BY at DESC, number DESC LIMIT $4"
        )
    };
}

const PAGE: &str = page!("");
const OF_ACTOR: &str = page!(" AND actor = $5");
const OF_SUBJECT: &str = page!(" AND subject = $5");
const OF_BOTH: &str = page!(" AND actor = $5 AND subject = $6");

fn entry(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        at: row.int(0)?,
        actor: row.text(2)?,
        action: row.text(3)?,
        subject: row.text(4)?,
        details: row.text(5)?,
    })
}

#[async_trait]
impl<S: Sql> AuditStore for S {
    async fn audit(&self, workspace: &WorkspaceId, query: &AuditQuery) -> Result<AuditPage> {
        let (at, number) = cursor::position(query.before.as_deref(), (i64::MAX, i64::MAX))?;
        let (actor, subject) = (query.actor.as_deref(), query.subject.as_deref());
        let text = match (actor, subject) {
            (None, None) => PAGE,
            (Some(_), None) => OF_ACTOR,
            (None, Some(_)) => OF_SUBJECT,
            (Some(_), Some(_)) => OF_BOTH,
        };
        let limit = page_limit(query.limit);
        let mut select = sql(text).text(workspace.as_str()).int(at).int(number).int(limit + 1);
        for argument in actor.into_iter().chain(subject) {
            select = select.text(argument);
        }
        let mut rows = self.fetch(select).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| Ok::<_, Error>(format!("{}.{}", row.int(0)?, row.int(1)?))).transpose()?;
        Ok(AuditPage { entries: rows.all(entry)?, next })
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 4] = [PAGE, OF_ACTOR, OF_SUBJECT, OF_BOTH];
