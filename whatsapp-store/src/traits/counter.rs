use crate::{Result, Step, WorkspaceId};

/// Selects buckets: those that begin at `from` or later, and before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRange {
    /// Of this account; `None` for the sum over all accounts, and counts without an account.
    pub account: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub from: i64,
    /// Milliseconds since the Unix epoch.
    pub until: i64,
    /// The length of a bucket.
    pub step: Step,
}

/// What one bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterPoint {
    /// Where the bucket begins, milliseconds since the Unix epoch.
    pub at: i64,
    /// The sum of what was added.
    pub value: i64,
}

store_trait! {
    forward_counter;
    /// Counters for analytics.
    pub trait CounterStore {
        /// One counter over time, the oldest bucket first. Empty buckets are left out.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn series(
            &self,
            workspace: &WorkspaceId,
            name: &str,
            range: &CounterRange,
        ) -> Result<Vec<CounterPoint>>;

        /// The sums of several counters over the whole range, in the order asked for; 0 for an absent one. By days it
        /// reads a 24th of what it reads by hours.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn totals(
            &self,
            workspace: &WorkspaceId,
            names: &[String],
            range: &CounterRange,
        ) -> Result<Vec<i64>>;
    }
}
