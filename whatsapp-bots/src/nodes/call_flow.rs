//! `call_flow`: runs another flow and comes back.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::Source;

/// Runs another flow and comes back. It has variables of its own: what it is given, and what it sets.
///
/// Exits: `next`.
///
/// ```json
/// {"id": "address", "kind": "call_flow", "config": {"flow": "ask_address", "with": {"country": {"value": "BR"}}, "save": "address"},
///  "exits": [{"id": "next", "to": "confirm"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallFlow {
    /// The flow.
    pub flow: String,
    /// Values for its params.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Source>,
    /// Does it work on the variables of this flow instead of its own?
    #[serde(default)]
    pub shared: bool,
    /// The variable that what it returns goes to, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}
