use crate::{AuditEntry, Result, WorkspaceId};

/// Selects entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only the actions of this actor.
    pub actor: Option<String>,
    /// Only the actions on this subject.
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
        /// A page of entries by their time, the newest first; within a millisecond, the last appended first.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn audit(&self, workspace: &WorkspaceId, query: &AuditQuery) -> Result<AuditPage>;
    }
}
