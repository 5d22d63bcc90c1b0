use async_trait::async_trait;

use crate::{AccountId, OutgoingMessage, Result};

/// Messages on their way out.
#[async_trait]
pub trait OutgoingStore {
    /// One of them, whatever its state.
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
