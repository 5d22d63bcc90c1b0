use crate::{AccountId, DeviceRecord, Result};

store_trait! {
    forward_device;
    /// Device state of accounts.
    pub trait DeviceStore {
        /// The account's device; `None` when there never was one or it was deleted.
        ///
        /// # Errors
        /// When it cannot be read; an unreadable device is never `None`.
        async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>>;
    }
}
