use bytes::Bytes;

use crate::{Result, WorkspaceId};

store_trait! {
    forward_setting;
    /// Small values of workspaces, by name: keys, and other values that several nodes must share.
    pub trait SettingStore {
        /// One value.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>>;
    }
}
