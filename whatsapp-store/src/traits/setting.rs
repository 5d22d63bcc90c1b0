use async_trait::async_trait;
use bytes::Bytes;

use crate::{Result, WorkspaceId};

/// Small values of workspaces, by name: keys, and what else several nodes have to agree on.
#[async_trait]
pub trait SettingStore {
    /// One value.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>>;
}
