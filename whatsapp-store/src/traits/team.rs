use crate::{ApiKeyRecord, ResetToken, Result, SecretHash, UserRecord, WorkspaceId, WorkspaceRecord};

/// One page of workspaces, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspacePage {
    /// The workspaces.
    pub workspaces: Vec<WorkspaceRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// One page of users, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPage {
    /// The users.
    pub users: Vec<UserRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// One page of API keys, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyPage {
    /// The keys.
    pub keys: Vec<ApiKeyRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

store_trait! {
    forward_team;
    /// Workspaces, users and API keys.
    ///
    /// Pages go by the time a record was made, then by id in byte order; `after` is the cursor that came with the page before,
    /// and `limit` is that of [`MessageQuery`](crate::MessageQuery). An invalid cursor is
    /// [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
    ///
    /// Four methods read all workspaces: [`workspaces`](Self::workspaces), which lists them, and three that look up
    /// a secret or an address before its workspace is known:
    /// [`user_by_email`](Self::user_by_email), [`api_key_by_hash`](Self::api_key_by_hash) and
    /// [`take_reset_token`](Self::take_reset_token).
    pub trait TeamStore {
        /// A workspace's record. A workspace can be used without having one.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn workspace(&self, workspace: &WorkspaceId) -> Result<Option<WorkspaceRecord>>;

        /// A page of all workspaces, for the host itself.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn workspaces(&self, after: Option<&str>, limit: u32) -> Result<WorkspacePage>;

        /// One user.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn user(&self, workspace: &WorkspaceId, user: &str) -> Result<Option<UserRecord>>;

        /// The user with that address, in any workspace, ignoring case. Also a disabled user.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn user_by_email(&self, email: &str) -> Result<Option<UserRecord>>;

        /// A page of a workspace's users.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn users(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<UserPage>;

        /// The key with that hash, in any workspace. [`ApiKeyRecord::is_valid`] tells whether it is valid.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn api_key_by_hash(&self, hash: &SecretHash) -> Result<Option<ApiKeyRecord>>;

        /// A page of a workspace's keys, those revoked included.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn api_keys(&self, workspace: &WorkspaceId, after: Option<&str>, limit: u32) -> Result<ApiKeyPage>;

        /// Takes the token with that hash, in any workspace: of all callers one gets it, once. `None` if it is
        /// absent or taken, or had expired at `now` (milliseconds since the Unix epoch).
        ///
        /// # Errors
        /// When it cannot be read or written.
        async fn take_reset_token(&self, hash: &SecretHash, now: i64) -> Result<Option<ResetToken>>;
    }
}
