use crate::{EventRecord, Result, WorkspaceId};

store_trait! {
    forward_event;
    /// Reads the outbox.
    ///
    /// Each consumer reads every committed event, in one order for all: an event never appears behind the
    /// position of one that could already be read, however many nodes write. So a server may hold back an event while
    /// a transaction that began before it is still open: it can then be read a moment after its commit returned.
    pub trait EventStore {
        /// Events of all workspaces behind that position, oldest first, at most `limit`. `None` starts at the oldest. For the
        /// host's own consumers, which pass events on per workspace.
        ///
        /// # Errors
        /// When they cannot be read, or the position is not of this store.
        async fn all_events(&self, after: Option<&str>, limit: u32) -> Result<Vec<EventRecord>>;

        /// Events of one workspace behind that position, oldest first, at most `limit`.
        ///
        /// # Errors
        /// As [`EventStore::all_events`].
        async fn events(
            &self,
            workspace: &WorkspaceId,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<EventRecord>>;

        /// The position of the newest event that can be read; `None` when there is none.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn last_event(&self) -> Result<Option<String>>;

        /// Is that position beyond all events and consumers that are kept? It comes from a later state of the store then: a backup was
        /// restored, and events that follow may stand before it. Also when all events up to it were trimmed and no consumer is there.
        ///
        /// # Errors
        /// As [`EventStore::all_events`].
        async fn is_ahead(&self, position: &str) -> Result<bool>;

        /// How far a consumer has come; `None` when it has passed nothing yet.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn passed(&self, consumer: &str) -> Result<Option<String>>;

        /// Consumers whose names begin so, in the order of their names, with how far they have come.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn consumers(&self, prefix: &str) -> Result<Vec<(String, String)>>;

        /// Resolves when there may be events behind that position, written by this process or another. Only a hint that saves
        /// polling: it may come for nothing, and from another node it may not come at all. So ask again from time to time
        /// anyway.
        ///
        /// # Errors
        /// As [`EventStore::all_events`].
        async fn new_events(&self, after: Option<&str>) -> Result<()>;
    }
}
