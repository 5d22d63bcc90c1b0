use async_trait::async_trait;

/// Workspaces, users and API keys.
#[async_trait]
pub trait TeamStore {}
