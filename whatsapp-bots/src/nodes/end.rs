//! `end`: the conversation is over.
use serde::{Deserialize, Serialize};

/// Ends the conversation, whatever called this flow.
///
/// ```json
/// {"id": "end", "kind": "end", "config": {"outcome": "sold"}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct End {
    /// How it ended, for the reports; `completed` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}
