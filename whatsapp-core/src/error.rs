//! Errors for users of this crate, by the reaction that they need.
use crate::engine::CommandError;

/// An error of the client or engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command was not carried out; the error names the remedy.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The store failed. Nothing that depended on it has left this device.
    #[error(transparent)]
    Store(#[from] whatsapp_store::Error),
    /// The stored data was not written by this library: restore a backup, or delete the account and link it again.
    #[error("{0} in the store is damaged or of another program")]
    Stored(&'static str),
    /// The command was not carried out, because too many events are unread, and each command may make more: read events.
    #[error("too many events wait unread: read events before the next command")]
    EventsUnread,
    /// The client was stopped.
    #[error("the client was stopped")]
    Stopped,
}

impl Error {
    /// May the same call succeed later without intervention?
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Command(error) => matches!(error, CommandError::NotConnected | CommandError::TimedOut),
            Self::Store(error) => error.is_retryable(),
            Self::EventsUnread => true,
            Self::Stored(_) | Self::Stopped => false,
        }
    }
}
