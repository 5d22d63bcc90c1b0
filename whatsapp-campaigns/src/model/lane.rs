//! A part of the audience that is sent in order.
use serde::{Deserialize, Serialize};

use crate::{
    content::{JsonError, read_json},
    window::ZoneGroup,
};

/// A lane's `definition`: who sends it, by whose clocks, and how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaneSpec {
    /// The account, by its name in the workspace. It never changes: a row that was handed to one account is never handed to another.
    pub sender: String,
    /// The recipients' clocks.
    pub zones: ZoneGroup,
    /// Rows of the whole lane. While the canary waits, the lane's record ends before.
    pub rows: u32,
}

impl LaneSpec {
    /// Reads one as it was stored.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read_json(text)
    }

    /// To be stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
