use async_trait::async_trait;

use crate::{AccountId, Result, SessionRecord};

/// The host's sessions.
#[async_trait]
pub trait SessionStore {
    /// One session.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>>;

    /// All sessions, oldest first (by time made, then by id).
    ///
    /// # Errors
    /// When they cannot be read.
    async fn sessions(&self) -> Result<Vec<SessionRecord>>;
}
