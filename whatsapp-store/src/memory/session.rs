use async_trait::async_trait;

use super::MemoryStore;
use crate::{AccountId, Result, SessionRecord, SessionStore};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>> {
        Ok(self.read(id, |account| account.session.clone()))
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>> {
        let accounts = self.accounts.read();
        let mut sessions: Vec<_> = accounts.values().filter_map(|account| account.session.clone()).collect();
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(sessions)
    }
}
