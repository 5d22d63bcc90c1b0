use async_trait::async_trait;

use crate::{Result, WorkspaceId};

/// Who was written to lately.
#[async_trait]
pub trait ReachStore {
    /// Whom a sender wrote to at `since` (milliseconds since the Unix epoch) or later: each person once, by number, with the
    /// last time.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn reached_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>>;

    /// All times at `since` or later at which these people were written to, by any sender: by person and time. Two senders at
    /// the same time are two.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn times_reached(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>>;
}
