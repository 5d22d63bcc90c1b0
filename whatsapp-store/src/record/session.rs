//! The host's sessions: which accounts should be connected.
use serde::{Deserialize, Serialize};

use super::AccountId;

/// The state that the user wants for a session. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum DesiredState {
    /// Connect, and stay connected.
    Running = 1,
    /// Stay offline.
    Stopped = 2,
}

impl DesiredState {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Running,
            2 => Self::Stopped,
            _ => return None,
        })
    }
}

/// How a session was last observed. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum ObservedState {
    /// Not connected, for now.
    Offline = 1,
    /// Connecting.
    Connecting = 2,
    /// Waits for a phone to link it.
    AwaitingPairing = 3,
    /// Connected.
    Connected = 4,
    /// The phone or the server ended the link: it has to be linked again.
    LoggedOut = 5,
}

impl ObservedState {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Offline,
            2 => Self::Connecting,
            3 => Self::AwaitingPairing,
            4 => Self::Connected,
            5 => Self::LoggedOut,
            _ => return None,
        })
    }
}

/// What was last observed of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionObservation {
    /// How it was.
    pub state: ObservedState,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
    /// Why, in words for people, if there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// The state that the user wants.
    pub desired: DesiredState,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last written, milliseconds since the Unix epoch. Rises with every [`Change::PutSession`](crate::Change::PutSession),
    /// by one at least, and so names what was read: see [`Change::ExpectSession`](crate::Change::ExpectSession).
    #[serde(default)]
    pub updated_at: i64,
    /// The last observed state: written only by [`Change::SetObserved`](crate::Change::SetObserved), so that the user's choice
    /// and observations do not overwrite each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<SessionObservation>,
}
