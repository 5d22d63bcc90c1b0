use async_trait::async_trait;

use crate::{AccountId, MessageKey, MessageRecord, Result};

/// Which messages are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Only those of this chat.
    pub chat: Option<String>,
    /// Only those behind this cursor, which came with the page before.
    pub before: Option<String>,
    /// At most that many; 0 stands for 50, and 500 is the most.
    pub limit: u32,
}

impl MessageQuery {
    /// The limit as applied.
    pub const fn effective_limit(&self) -> u32 {
        match self.limit {
            0 => 50,
            limit if limit > 500 => 500,
            limit => limit,
        }
    }
}

/// One page of messages, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<MessageRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// Messages as chats show them.
#[async_trait]
pub trait MessageStore {
    /// One message.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>>;

    /// A page of messages, newest first by insertion, stable while new ones come in.
    ///
    /// # Errors
    /// When they cannot be read. A cursor that is none of this store's reads as an empty page.
    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage>;
}
