use crate::{Lease, Result, WorkspaceId};

store_trait! {
    forward_lease;
    /// Leases: one holder at a time, as clocks agree, and fencing for when they do not.
    pub trait LeaseStore {
        /// Takes a lease that is free, ended, or one's own already, until then. One's own is prolonged under the same token;
        /// any other gets a higher token than there ever was under that name. `None` when somebody else has it.
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

        /// Ends a lease before its time. Without effect if somebody else has it by now.
        ///
        /// # Errors
        /// When it cannot be written.
        async fn release_lease(&self, workspace: &WorkspaceId, lease: &Lease) -> Result<()>;

        /// Who has it or had it last, whether it has ended or not.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn lease(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Lease>>;
    }
}
