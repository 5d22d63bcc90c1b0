use bytes::Bytes;

use crate::{AccountId, AppStateVersion, Result};

store_trait! {
    forward_app_state;
    /// Settings that the server keeps for all devices of an account.
    pub trait AppStateStore {
        /// Where a collection stands.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn app_state(&self, account: &AccountId, collection: &str) -> Result<Option<AppStateVersion>>;

        /// The key under that id.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn app_state_key(&self, account: &AccountId, id: &[u8]) -> Result<Option<Bytes>>;

        /// The codes of the values of these entries, in that order; `None` for each that is absent.
        ///
        /// # Errors
        /// When any of them cannot be read.
        async fn app_state_macs(
            &self,
            account: &AccountId,
            collection: &str,
            indexes: &[Bytes],
        ) -> Result<Vec<Option<Bytes>>>;
    }
}
