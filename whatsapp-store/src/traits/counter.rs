use crate::{Result, Step, WorkspaceId};

/// Which buckets are wanted: those that begin at `from` or later, and before `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRange {
    /// Of this account; `None` for all together, and what is counted of none.
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
        /// One counter over time, the oldest bucket first. A bucket that nothing was added to is left out.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn series(
            &self,
            workspace: &WorkspaceId,
            name: &str,
            range: &CounterRange,
        ) -> Result<Vec<CounterPoint>>;

        /// The sums of several counters over the whole range, in the order asked for; 0 for one that is not there. By days it
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
