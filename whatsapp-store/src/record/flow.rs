//! Chatbot flows, their versions, and conversations.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FlowChange {}
