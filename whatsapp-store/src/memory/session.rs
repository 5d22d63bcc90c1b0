use async_trait::async_trait;

use super::{Account, MemoryStore};
use crate::{AccountId, Result, SessionRecord, SessionStore, WorkspaceId};

impl Account {
    pub(super) fn put_session(&mut self, session: SessionRecord) {
        let observed = self.session.take().and_then(|former| former.observed);
        self.session = Some(SessionRecord { observed, ..session });
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

    async fn all_sessions(&self) -> Result<Vec<SessionRecord>> {
        Ok(self.sessions_where(|_| true))
    }
}
