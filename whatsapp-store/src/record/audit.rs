//! The audit log: who did what. Entries are appended and never changed.
use std::fmt;

use serde::{Deserialize, Serialize};

/// One entry. `Debug` shows the action and the time, not the actor and the subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
    /// Who did it, such as `user/7`, `key/ci` or `system`.
    pub actor: String,
    /// What was done, such as `campaign.started`.
    pub action: String,
    /// To what, such as `campaign/spring`.
    pub subject: String,
    /// The rest, as JSON; not interpreted.
    pub details: String,
}

impl fmt::Debug for AuditEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditEntry")
            .field("at", &self.at)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// Writes to the audit log. Nothing changes an entry, and nothing removes a single one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditChange {
    /// Appends an entry. Written twice, it is there twice.
    Append(AuditEntry),
    /// Removes the workspace's entries from before that time, once they need not be kept any longer. Append an entry about it in
    /// the same commit.
    Trim {
        /// Milliseconds since the Unix epoch.
        before: i64,
    },
}
