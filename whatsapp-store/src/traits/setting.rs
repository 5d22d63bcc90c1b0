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

        /// Values whose names begin so, in the order of their names behind `after`, at most `limit`.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn settings(
            &self,
            workspace: &WorkspaceId,
            prefix: &str,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<(String, Bytes)>>;
    }
}
