//! Flows: named graphs of nodes.
use serde::{Deserialize, Serialize};

use super::node::Node;
use crate::parts::{Interrupt, Text};

/// A graph of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// A stable id: counts and stored conversations go by it.
    pub id: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The id of the node it begins with.
    pub entry: String,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Variables that whoever starts or calls it gives to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<String>,
    /// Values that its `return` nodes give back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<String>,
    /// What happens when nobody answers; within a sub-flow that has none, the caller's holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<Expire>,
    /// What may break into it.
    #[serde(default, skip_serializing_if = "Interrupt::is_commands")]
    pub interrupt: Interrupt,
}

/// The end of a conversation that nobody goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expire {
    /// Seconds since the last answer.
    pub after_seconds: u64,
    /// What is said then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
    /// The node of this flow that takes over; without one, the conversation ends as `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}
