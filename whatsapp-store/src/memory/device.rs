use async_trait::async_trait;

use super::MemoryStore;
use crate::{AccountId, DeviceRecord, DeviceStore, Result};

#[async_trait]
impl DeviceStore for MemoryStore {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        Ok(self.read(account, |account| account.device.clone()))
    }
}
