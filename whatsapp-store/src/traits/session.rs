use crate::{AccountId, Result, SessionRecord, WorkspaceId};

store_trait! {
    forward_session;
    /// The host's sessions.
    pub trait SessionStore {
        /// One session.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn session(&self, id: &AccountId) -> Result<Option<SessionRecord>>;

        /// A workspace's sessions, oldest first (by creation time, then by name).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn sessions(&self, workspace: &WorkspaceId) -> Result<Vec<SessionRecord>>;

        /// The sessions of all workspaces, in the same order: for the start of a host.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn all_sessions(&self) -> Result<Vec<SessionRecord>>;
    }
}
