use async_trait::async_trait;

use super::{Row, Rows, Sql, Statement, damaged, keyset, of, revision::risen, sql};
use crate::{
    AccountId, DesiredState, ObservedState, Result, SessionObservation, SessionPage, SessionRecord,
    SessionStore, WorkspaceId, page_limit,
};

pub(super) fn put<'a>(account: &'a AccountId, session: &'a SessionRecord) -> Statement<'a> {
    of(
        concat!(
            "INSERT INTO session (workspace, account, name, desired, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (workspace, account) DO UPDATE SET name = excluded.name, desired = excluded.desired, \
             created_at = excluded.created_at, updated_at = ",
            risen!("session", "excluded.updated_at")
        ),
        account,
    )
    .text(&*session.name)
    .int(session.desired.code())
    .int(session.created_at)
    .int(session.updated_at)
}

pub(super) fn set_observed<'a>(account: &'a AccountId, observed: &'a SessionObservation) -> Statement<'a> {
    of(
        "UPDATE session SET observed = $3, observed_at = $4, observed_reason = $5 WHERE workspace = $1 AND account = $2",
        account,
    )
    .int(observed.state.code())
    .int(observed.at)
    .opt_text(observed.reason.as_deref())
}

fn record(row: &Row) -> Result<SessionRecord> {
    let workspace = WorkspaceId::try_from(row.text(0)?).map_err(|_| damaged("the workspace of a session"))?;
    let id = AccountId::new(workspace, &row.text(1)?).map_err(|_| damaged("the id of a session"))?;
    let desired = DesiredState::from_code(row.small(3)?);
    Ok(SessionRecord {
        id,
        name: row.text(2)?,
        desired: desired.ok_or_else(|| damaged("the desired state of a session"))?,
        created_at: row.int(4)?,
        updated_at: row.int(8)?,
        observed: observed(row)?,
    })
}

fn observed(row: &Row) -> Result<Option<SessionObservation>> {
    let Some(code) = row.opt_int(5)? else { return Ok(None) };
    let state = u8::try_from(code).ok().and_then(ObservedState::from_code);
    let state = state.ok_or_else(|| damaged("the observed state of a session"))?;
    Ok(Some(SessionObservation { state, at: row.int(6)?, reason: row.opt_text(7)? }))
}

const ONE: &str = "SELECT workspace, account, name, desired, created_at, observed, observed_at, observed_reason, \
    updated_at FROM session WHERE workspace = $1 AND account = $2";
const OF_WORKSPACE: &str = "SELECT workspace, account, name, desired, created_at, observed, observed_at, observed_reason, \
    updated_at FROM session WHERE workspace = $1 ORDER BY created_at, account";
const ALL: &str = "SELECT workspace, account, name, desired, created_at, observed, observed_at, observed_reason, \
    updated_at FROM session ORDER BY created_at, workspace, account";
const PAGE: (&str, &str) = (
    "SELECT workspace, account, name, desired, created_at, observed, observed_at, observed_reason, \
     updated_at FROM session WHERE workspace = $1 ORDER BY created_at, account LIMIT $2",
    "SELECT workspace, account, name, desired, created_at, observed, observed_at, observed_reason, \
     updated_at FROM session WHERE workspace = $1 AND (created_at, account) > ($3, $4) ORDER BY created_at, account LIMIT $2",
);

#[cfg(all(test, feature = "sqlite"))]
pub(super) const STATEMENTS: [&str; 4] = [ONE, OF_WORKSPACE, PAGE.0, PAGE.1];

#[async_trait]
impl<S: Sql> SessionStore for S {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        self.fetch(of(ONE, id)).await?.one(record)
    }

    async fn sessions(&self, workspace: &WorkspaceId) -> Result<Vec<SessionRecord>> {
        self.fetch(sql(OF_WORKSPACE).text(workspace.as_str())).await?.all(record)
    }

    async fn session_page(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<SessionPage> {
        let limit = page_limit(limit);
        let select = keyset::select(PAGE, workspace, after, limit)?;
        let cursor = |last: &SessionRecord| format!("{}.{}", last.created_at, last.id.name());
        let (sessions, next) = keyset::page(self.fetch(select).await?, limit, record, cursor)?;
        Ok(SessionPage { sessions, next })
    }

    async fn all_sessions(&self) -> Result<Vec<SessionRecord>> {
        self.fetch(sql(ALL)).await?.all(record)
    }
}
