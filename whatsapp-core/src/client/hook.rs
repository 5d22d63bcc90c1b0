use whatsapp_store::Changes;

use crate::event::Event;

/// Observes each commit before it is made, and its events.
pub trait CommitHook: Send + Sync {
    /// Called before each commit with the events that it causes, also when there are events but no changes. What is added to
    /// `changes` becomes part of the same transaction, such as events for an outbox, or the fence of the account's lease.
    fn prepare(&self, events: &[Event], changes: &mut Changes);
}
