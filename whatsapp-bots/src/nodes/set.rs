//! `set`: gives values to variables.
use serde::{Deserialize, Serialize};

use crate::definition::Source;

/// Gives values to variables, in order, and goes on by `next`. `null` takes a value away.
///
/// ```json
/// {"id": "count", "kind": "set", "config": {"values": [{"to": "total", "from": {"expr": "total + 1"}}]},
///  "exits": [{"id": "next", "to": "again"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Set {
    /// What is set.
    pub values: Vec<Assignment>,
}

/// A value for a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assignment {
    /// The name.
    pub to: String,
    /// The value.
    pub from: Source,
}
