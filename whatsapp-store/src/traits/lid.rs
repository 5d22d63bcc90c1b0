use async_trait::async_trait;

use crate::{AccountId, LidMapping, Result};

/// Who is who by number and by LID, per account.
#[async_trait]
pub trait LidStore {
    /// The mapping that has this LID user.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>>;

    /// The mapping that has this phone number.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>>;
}
