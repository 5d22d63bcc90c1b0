//! `handoff`: a person takes over.
use serde::{Deserialize, Serialize};

use crate::definition::Text;

/// Hands the chat to a person; the bot is silent until it is given back.
///
/// Exits: `next` when it is given back; `timeout`.
///
/// ```json
/// {"id": "human", "kind": "handoff", "config": {"queue": "sales", "note": "Wants size {{ size }}"},
///  "exits": [{"id": "next", "to": "goodbye"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handoff {
    /// The queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What the person reads; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the contact is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
    /// Seconds after which the bot goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}
