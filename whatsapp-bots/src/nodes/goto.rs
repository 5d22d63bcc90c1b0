//! `goto`: jumps into another flow.
use serde::{Deserialize, Serialize};

/// Goes to another flow, or to a node of this or another one, and does not come back here: whoever called this flow is
/// returned to by the other.
///
/// ```json
/// {"id": "menu", "kind": "goto", "config": {"flow": "main", "node": "menu"}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Goto {
    /// The flow; this one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The node; the first one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}
