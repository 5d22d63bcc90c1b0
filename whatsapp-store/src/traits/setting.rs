use async_trait::async_trait;
use bytes::Bytes;

use crate::{Result, WorkspaceId};

/// Settings of a workspace.
#[async_trait]
pub trait SettingStore {
    /// A value by its name.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>>;
}
