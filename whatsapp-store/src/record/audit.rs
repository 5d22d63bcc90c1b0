//! The audit log.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AuditChange {}
