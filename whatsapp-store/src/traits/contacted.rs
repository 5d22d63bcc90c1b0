use crate::{Result, WorkspaceId};

store_trait! {
    forward_contacted;
    /// Notes of who wrote to whom and when. Times are milliseconds since the Unix epoch.
    ///
    /// Notes outlast the sender's account: a limit does not start again with the account.
    pub trait ContactedStore {
        /// The people that a sender wrote to at `since` or later: each person once, with the last time, by person. Its cost grows
        /// with all notes of the workspace since then.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn contacted_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>>;

        /// When any sender wrote to these people at `since` or later: all times of each, by person and time. A time is
        /// there twice if two senders had it. A person asked for twice is answered once.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn times_contacted(
            &self,
            workspace: &WorkspaceId,
            people: &[u64],
            since: i64,
        ) -> Result<Vec<(u64, i64)>>;

        /// The workspaces that have notes from before that time, in byte order: for
        /// [trimming](crate::ContactedChange::Trim) them.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn outdated_contacted(&self, before: i64) -> Result<Vec<WorkspaceId>>;
    }
}
