use async_trait::async_trait;

use super::{Account, MemoryStore, State};
use crate::{
    AccountId, Change, Result, Scope, SessionPage, SessionRecord, SessionStore, WorkspaceId, cursor,
    page_limit,
    revision::{self, risen},
};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(state: &State, scope: &Scope, list: &[Change]) -> Result<()> {
    let stored = || scope.account().and_then(|account| state.accounts.get(account)?.session.as_ref());
    let mut ahead: Option<Option<i64>> = None;
    for change in list {
        let revision = ahead.unwrap_or_else(|| stored().map(|session| session.updated_at));
        match change {
            Change::ExpectSession { updated_at } => {
                revision::check(revision, *updated_at, "changing a session")?;
            }
            Change::PutSession(session) => {
                let at = session.updated_at;
                ahead = Some(Some(revision.map_or(at, |last| risen(last, at))));
            }
            Change::DeleteSession => ahead = Some(None),
            _ => {}
        }
    }
    Ok(())
}

impl Account {
    pub(super) fn put_session(&mut self, session: SessionRecord) {
        let (observed, updated_at) = match self.session.take() {
            Some(former) => (former.observed, risen(former.updated_at, session.updated_at)),
            None => (None, session.updated_at),
        };
        self.session = Some(SessionRecord { observed, updated_at, ..session });
    }
}

impl MemoryStore {
    fn sessions_where(&self, wanted: impl Fn(&AccountId) -> bool) -> Vec<SessionRecord> {
        let state = self.state.read();
        let of_those = state.accounts.iter().filter(|(id, _)| wanted(id));
        let mut sessions: Vec<_> = of_those.filter_map(|(_, account)| account.session.clone()).collect();
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        sessions
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        Ok(self.read(id, |account| account.session.clone()))
    }

    async fn sessions(&self, workspace: &WorkspaceId) -> Result<Vec<SessionRecord>> {
        Ok(self.sessions_where(|id| id.workspace() == workspace))
    }

    async fn session_page(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<SessionPage> {
        let after = after.map(cursor::place).transpose()?;
        let mut sessions = self.sessions_where(|id| id.workspace() == workspace);
        sessions.retain(|session| after.is_none_or(|after| (session.created_at, session.id.name()) > after));
        let limit = page_limit(limit) as usize;
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        let last = sessions.last().filter(|_| more);
        let next = last.map(|last| format!("{}.{}", last.created_at, last.id.name()));
        Ok(SessionPage { sessions, next })
    }

    async fn all_sessions(&self) -> Result<Vec<SessionRecord>> {
        Ok(self.sessions_where(|_| true))
    }
}
