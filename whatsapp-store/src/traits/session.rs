use crate::{AccountId, Result, SessionRecord, WorkspaceId};

/// One page of sessions, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

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

        /// A page of them, in the same order. `after` is the cursor of the page before; a limit of 0 stands for 50, and 500 is the
        /// most.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn session_page(
            &self,
            workspace: &WorkspaceId,
            after: Option<&str>,
            limit: u32,
        ) -> Result<SessionPage>;

        /// The sessions of all workspaces, in the same order: for the start of a host.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn all_sessions(&self) -> Result<Vec<SessionRecord>>;
    }
}
