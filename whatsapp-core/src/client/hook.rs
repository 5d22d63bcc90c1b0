use whatsapp_store::Changes;

use crate::event::Event;

/// Sees what is about to be committed, and what will be told once it is.
pub trait CommitHook: Send + Sync {
    /// Called before each commit with the events that it causes, and before a commit of nothing when there are events to
    /// tell. What is added to `changes` becomes part of the same transaction: events for the outbox, for one, or the
    /// fence of the lease that the account is run under.
    fn prepare(&self, events: &[Event], changes: &mut Changes);
}
