//! `branch`: goes one of several ways.
use serde::{Deserialize, Serialize};

use crate::definition::Condition;

/// Goes by the exit of the first case that holds, or by `else`.
///
/// ```json
/// {"id": "adult", "kind": "branch", "config": {"cases": [
///   {"id": "yes", "when": {"test": {"path": "age", "is": "greaterOrEqual", "value": 18}}}]},
///  "exits": [{"id": "yes", "to": "shop"}, {"id": "else", "to": "sorry"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Branch {
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// The exit.
    pub id: String,
    /// What has to hold.
    pub when: Condition,
}
