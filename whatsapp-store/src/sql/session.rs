use async_trait::async_trait;

use super::{Row, Rows, Sql, Statement, damaged, of, sql};
use crate::{
    AccountId, Result, SeenState, SessionRecord, SessionSeen, SessionStore, WantedState, WorkspaceId,
};

pub(super) fn put<'a>(account: &'a AccountId, session: &'a SessionRecord) -> Statement<'a> {
    of(
        "INSERT INTO session (workspace, account, name, wanted, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace, account) DO UPDATE SET name = excluded.name, wanted = excluded.wanted, \
         created_at = excluded.created_at",
        account,
    )
    .text(&*session.name)
    .int(session.wanted.code())
    .int(session.created_at)
}

pub(super) fn set_seen<'a>(account: &'a AccountId, seen: &'a SessionSeen) -> Statement<'a> {
    of(
        "UPDATE session SET seen = $3, seen_at = $4, seen_reason = $5 WHERE workspace = $1 AND account = $2",
        account,
    )
    .int(seen.state.code())
    .int(seen.at)
    .opt_text(seen.reason.as_deref())
}

fn record(row: &Row) -> Result<SessionRecord> {
    let workspace = WorkspaceId::try_from(row.text(0)?).map_err(|_| damaged("the workspace of a session"))?;
    let id = AccountId::new(workspace, &row.text(1)?).map_err(|_| damaged("the id of a session"))?;
    let wanted = WantedState::from_code(row.small(3)?);
    Ok(SessionRecord {
        id,
        name: row.text(2)?,
        wanted: wanted.ok_or_else(|| damaged("the wanted state of a session"))?,
        created_at: row.int(4)?,
        seen: seen(row)?,
    })
}

fn seen(row: &Row) -> Result<Option<SessionSeen>> {
    let Some(code) = row.opt_int(5)? else { return Ok(None) };
    let state = u8::try_from(code).ok().and_then(SeenState::from_code);
    let state = state.ok_or_else(|| damaged("the seen state of a session"))?;
    Ok(Some(SessionSeen { state, at: row.int(6)?, reason: row.opt_text(7)? }))
}

#[async_trait]
impl<S: Sql> SessionStore for S {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        let select = of(
            "SELECT workspace, account, name, wanted, created_at, seen, seen_at, seen_reason \
             FROM session WHERE workspace = $1 AND account = $2",
            id,
        );
        self.fetch(select).await?.one(record)
    }

    async fn sessions(&self, workspace: &WorkspaceId) -> Result<Vec<SessionRecord>> {
        let select = sql("SELECT workspace, account, name, wanted, created_at, seen, seen_at, seen_reason \
             FROM session WHERE workspace = $1 ORDER BY created_at, account");
        self.fetch(select.text(workspace.as_str())).await?.all(record)
    }

    async fn all_sessions(&self) -> Result<Vec<SessionRecord>> {
        let select = sql("SELECT workspace, account, name, wanted, created_at, seen, seen_at, seen_reason \
             FROM session ORDER BY created_at, workspace, account");
        self.fetch(select).await?.all(record)
    }
}
