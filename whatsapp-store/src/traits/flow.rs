use async_trait::async_trait;

/// Chatbot flows, their versions, and conversations.
#[async_trait]
pub trait FlowStore {}
