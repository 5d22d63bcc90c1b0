use crate::{AccountId, MessageKey, MessageRecord, Result};

/// Selects messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Only those of this chat.
    pub chat: Option<String>,
    /// Only those whose text has all of these words, in any order, ignoring case. The last word
    /// may be the start of one. Text without any word finds nothing.
    pub words: Option<String>,
    /// Only those behind this cursor, which came with the page before.
    pub before: Option<String>,
    /// The largest number; 0 stands for 50, and 500 is the most.
    pub limit: u32,
}

/// The length of a page for a requested limit: 50 for 0, and never more than 500.
pub const fn page_limit(asked: u32) -> u32 {
    match asked {
        0 => 50,
        asked if asked > 500 => 500,
        asked => asked,
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

store_trait! {
    forward_message;
    /// Messages as chats show them.
    pub trait MessageStore {
        /// One message.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>>;

        /// A page of messages by the time they were sent, the newest first; by insertion within a millisecond. Messages that
        /// come in between two pages neither repeat nor hide others.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage>;

        /// When the account's oldest message was sent, milliseconds since the Unix epoch.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn oldest_message(&self, account: &AccountId) -> Result<Option<i64>>;
    }
}
