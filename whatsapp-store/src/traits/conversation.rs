use crate::{AccountId, ConversationRecord, ConversationStatus, Result, WorkspaceId};

/// One page of conversations, the latest written first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationPage {
    /// The conversations.
    pub conversations: Vec<ConversationRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

store_trait! {
    forward_conversation;
    /// The places of chats in flows, and the inputs that were answered. Written by [`FlowChange`](crate::FlowChange). A `limit`
    /// is that of [`MessageQuery`](crate::MessageQuery).
    pub trait ConversationStore {
        /// The conversation of a chat: the live one, or the last that ended. A writer of the next one needs the revision
        /// of either.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>>;

        /// A page of the workspace's conversations with that status, the one written last first, then by account and chat
        /// backwards. `before` is the cursor that came with the page before; an invalid one is
        /// [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor). A conversation that is written between two pages moves to the
        /// front and is not seen again.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn conversations(
            &self,
            workspace: &WorkspaceId,
            status: ConversationStatus,
            before: Option<&str>,
            limit: u32,
        ) -> Result<ConversationPage>;

        /// Claims conversations that are due, the earliest first, at most `limit`. Until `until` (milliseconds
        /// since the Unix epoch, above `now`) no other caller gets them. After that the next caller does, unless they were written
        /// meanwhile. A claim does not change the records: the claimer writes one under its stored revision.
        ///
        /// # Errors
        /// When it cannot be read or written.
        async fn claim_due_conversations(
            &self,
            workspace: &WorkspaceId,
            now: i64,
            until: i64,
            limit: u32,
        ) -> Result<Vec<ConversationRecord>>;

        /// The workspaces with conversations for [`ConversationStore::claim_due_conversations`], once each, taken from the `limit`
        /// conversations that are due longest. It reads all workspaces, since its answer is a list of workspaces.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>>;

        /// Was this input noted, and is it still?
        ///
        /// # Errors
        /// When it cannot be read.
        async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> Result<bool>;

        /// When the workspace's oldest input was noted, milliseconds since the Unix epoch.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>>;

        /// When that of the workspace's ended conversations was last written that was not written for the longest time,
        /// milliseconds since the Unix epoch.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn oldest_ended(&self, workspace: &WorkspaceId) -> Result<Option<i64>>;
    }
}
