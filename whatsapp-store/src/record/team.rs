//! Workspaces, users and API keys.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TeamChange {}
