//! What nodes of all kinds have.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One way out of a node. Which ids a node uses, its kind says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exit {
    /// A stable id, unique within the node: counts go by it.
    pub id: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The id of the next node of the flow; without one, the flow is over there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A kind of node that this version does not know. It is kept as it is, and cannot be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// The kind.
    pub kind: String,
    /// Its settings.
    pub config: Json,
}
