//! People who can be written to, their consent, and who must not be written to.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ContactChange {}
