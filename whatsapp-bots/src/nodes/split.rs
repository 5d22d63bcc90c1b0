//! `split`: leaves it to chance.
use serde::{Deserialize, Serialize};

/// Goes by the exit of an arm, by chance and weight.
///
/// ```json
/// {"id": "test", "kind": "split", "config": {"arms": [{"id": "a", "weight": 50}, {"id": "b", "weight": 50}], "sticky": true},
///  "exits": [{"id": "a", "to": "short"}, {"id": "b", "to": "long"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Split {
    /// The arms.
    pub arms: Vec<Arm>,
    /// Does a conversation get the same arm each time it comes by?
    #[serde(default)]
    pub sticky: bool,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Arm {
    /// The exit.
    pub id: String,
    /// Its part of the sum of all weights.
    pub weight: u32,
}
