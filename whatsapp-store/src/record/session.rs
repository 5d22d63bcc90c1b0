//! The host's sessions: which accounts should be connected.
use serde::{Deserialize, Serialize};

use super::AccountId;

/// What the user wants of a session. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum WantedState {
    /// Connect, and stay connected.
    Running = 1,
    /// Stay offline.
    Stopped = 2,
}

impl WantedState {
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

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRecord {
    /// Its id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// What the user wants.
    pub wanted: WantedState,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}
