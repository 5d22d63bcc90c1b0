//! Outgoing messages: kept until the server has them, and a while longer for peers that ask for them again.
use std::fmt;

use bytes::Bytes;

/// The state of an outgoing message. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum OutgoingState {
    /// Accepted from the caller, not yet known to be at the server: sent (again) after a restart.
    Queued = 1,
    /// The server has it; kept to answer retry receipts.
    Sent = 2,
}

impl OutgoingState {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Queued,
            2 => Self::Sent,
            _ => return None,
        })
    }
}

/// One outgoing message.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The message's id on the wire.
    pub id: String,
    /// The chat's address, as text.
    pub chat: String,
    /// The serialized plaintext.
    pub payload: Bytes,
    /// Its state.
    pub state: OutgoingState,
    /// When it was accepted, milliseconds since the Unix epoch; orders the queue.
    pub created_at: i64,
}

impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMessage")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
