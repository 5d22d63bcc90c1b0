use crate::{AccountId, ChatRecord, Result};

/// One page of chats, the one with the latest message first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatPage {
    /// The chats.
    pub chats: Vec<ChatRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

store_trait! {
    forward_chat;
    /// Chats as a list shows them.
    pub trait ChatStore {
        /// One chat.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn chat(&self, account: &AccountId, chat: &str) -> Result<Option<ChatRecord>>;

        /// A page of chats, by the time of their latest message, then by address in byte order. `before` is the cursor that
        /// came with the page before; `limit` as in [`MessageQuery`](crate::MessageQuery). A chat that gets a message
        /// between two pages moves to the front and is not seen again.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn chats(&self, account: &AccountId, before: Option<&str>, limit: u32) -> Result<ChatPage>;
    }
}
