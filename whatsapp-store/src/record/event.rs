//! The outbox: events written in the commit that causes them, and delivered from there.
use std::fmt;

/// An event to be written. Its workspace and account are those of the commit.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The routing key, such as `message.received`.
    pub key: String,
    /// The payload, as JSON.
    pub data: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub at: i64,
}

/// An event in the outbox.
#[derive(Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place in the order of all events, and its name: unique for as long as the database lives. Opaque.
    pub position: String,
    /// The workspace.
    pub workspace: crate::WorkspaceId,
    /// The account, if any.
    pub account: Option<crate::AccountId>,
    /// The routing key.
    pub key: String,
    /// The payload, as JSON.
    pub data: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub at: i64,
}

impl EventRecord {
    /// A position before all events, on every backend.
    pub const START: &str = "0";
}

/// Writes to the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventChange {
    /// Appends an event.
    Put(NewEvent),
    /// Notes the position of a consumer, which reads the events of all workspaces under its own name.
    Passed {
        /// The consumer, such as `rabbitmq`.
        consumer: String,
        /// The position of the last event it is done with.
        position: String,
    },
    /// Forgets a consumer that no longer exists, so that trimming does not wait for it.
    Forget {
        /// The consumer.
        consumer: String,
    },
    /// Removes events of all workspaces that happened before that time and that every known consumer has passed.
    Trim {
        /// Milliseconds since the Unix epoch.
        before: i64,
    },
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent").field("key", &self.key).field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for EventRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRecord")
            .field("position", &self.position)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
