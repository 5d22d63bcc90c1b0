//! `wait`: lets time pass.
use serde::{Deserialize, Serialize};

/// Waits for a time, a reply, or an event, whichever comes first.
///
/// Exits: `next` when the time is over, `reply`, `event`. What somebody writes during a wait that is not for a reply is
/// kept for the next question.
///
/// ```json
/// {"id": "later", "kind": "wait", "config": {"seconds": 3600, "reply": true},
///  "exits": [{"id": "next", "to": "remind"}, {"id": "reply", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wait {
    /// How long; without a number, until something comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Does a reply end it?
    #[serde(default)]
    pub reply: bool,
    /// The event that ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The variable that the text of the reply or the data of the event go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}
