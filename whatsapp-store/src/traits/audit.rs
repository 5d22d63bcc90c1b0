use crate::{AuditEntry, Result, WorkspaceId};

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only what this actor did.
    pub actor: Option<String>,
    /// Only what was done to this.
    pub subject: Option<String>,
    /// Only those behind this cursor, which came with the page before.
    pub before: Option<String>,
    /// As in [`MessageQuery`](crate::MessageQuery).
    pub limit: u32,
}

/// One page of the audit log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

store_trait! {
    forward_audit;
    /// The audit log.
    pub trait AuditStore {
        /// A page of entries: by their time, the newest first; by when they were appended, the last first, within a
        /// millisecond.
        ///
        /// # Errors
        /// When they cannot be read. A cursor that is none of this store's is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn audit(&self, workspace: &WorkspaceId, query: &AuditQuery) -> Result<AuditPage>;
    }
}
