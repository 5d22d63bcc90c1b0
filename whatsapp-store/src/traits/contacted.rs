use crate::{Result, WorkspaceId};

store_trait! {
    forward_contacted;
    /// Who was written to by whom and when. Times are milliseconds since the Unix epoch.
    ///
    /// Notes outlast the sender's account: a limit does not begin anew with the account.
    pub trait ContactedStore {
        /// Who was written to by a sender at `since` or later: each person once, with the last time, by person. It costs what the
        /// whole workspace has written since then.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn contacted_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>>;

        /// When these people were written to at `since` or later, by any sender: all times of each, by person and time. A time is
        /// there twice if two senders had it. Somebody asked for twice is answered once.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn times_contacted(
            &self,
            workspace: &WorkspaceId,
            people: &[u64],
            since: i64,
        ) -> Result<Vec<(u64, i64)>>;

        /// The workspaces that have notes from before that time, in byte order: for whoever
        /// [trims](crate::ContactedChange::Trim) them.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn outdated_contacted(&self, before: i64) -> Result<Vec<WorkspaceId>>;
    }
}
