use crate::{Lease, Result, WorkspaceId};

store_trait! {
    forward_lease;
    /// Leases: one holder at a time, as clocks agree, and fencing for when they do not.
    pub trait LeaseStore {
        /// Acquires a lease that is free, expired, or already held by this owner, until `until`. A lease already held is prolonged under
        /// the same token; any other gets a higher token than ever before under that name. `None` when another owner holds it.
        ///
        /// `now` and `until` are milliseconds since the Unix epoch.
        ///
        /// # Errors
        /// When it cannot be read or written.
        async fn acquire_lease(
            &self,
            workspace: &WorkspaceId,
            name: &str,
            owner: &str,
            now: i64,
            until: i64,
        ) -> Result<Option<Lease>>;

        /// Prolongs leases that this owner still holds, in one write. Gives back those, each with its workspace; one that ended or has
        /// another owner is left out.
        ///
        /// # Errors
        /// When they cannot be written.
        async fn prolong_leases(
            &self,
            owner: &str,
            now: i64,
            until: i64,
            held: &[(WorkspaceId, String)],
        ) -> Result<Vec<(WorkspaceId, Lease)>>;

        /// Ends a lease before its time. Has no effect if another owner holds it by now.
        ///
        /// # Errors
        /// When it cannot be written.
        async fn release_lease(&self, workspace: &WorkspaceId, lease: &Lease) -> Result<()>;

        /// The present or last holder, whether the lease has ended or not.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn lease(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Lease>>;
    }
}
