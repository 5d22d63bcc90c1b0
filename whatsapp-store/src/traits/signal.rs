use bytes::Bytes;

use crate::{AccountId, Result, SignalKey, SignalKind};

store_trait! {
    forward_signal;
    /// Keys and ratchets of accounts.
    pub trait SignalStore {
        /// The records under `keys`, in that order; `None` for each that is absent.
        ///
        /// # Errors
        /// When any of them cannot be read.
        async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>>;

        /// The ids of all records of a kind, in byte order.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>>;
    }
}
