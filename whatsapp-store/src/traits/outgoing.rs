use crate::{AccountId, OutgoingMessage, Result};

store_trait! {
    forward_outgoing;
    /// Outgoing messages.
    pub trait OutgoingStore {
        /// One message, in any state.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>>;

        /// Those still queued, oldest first (by time made, then by insertion), at most `limit`.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>>;
    }
}
