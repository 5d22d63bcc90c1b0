//! What starts flows, and words that are heard in the middle of them.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    parts::{CommandKind, Condition, Text, Words},
    triggers::On,
};

/// Something that starts a flow.
///
/// Of several that fit, the one with the highest priority wins; then the more specific one (see [`On`], which lists them from
/// the most to the least specific); then the one with a condition; then the one whose id comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trigger {
    /// A stable id.
    pub id: String,
    /// What it is about.
    pub on: On,
    /// The flow that starts.
    pub flow: String,
    /// Higher wins; 0 without one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What has to hold besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Values for the flow's params.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Json>,
    /// Of an event or a schedule: what its messages are for, such as `orders`; `marketing` without one. It starts the flow only with
    /// contacts whose [consent covers](whatsapp_store::Consent::covers) it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Seconds after a conversation of the flow during which this trigger does not start it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_seconds: Option<u64>,
}

impl Trigger {
    /// Of that id, about that, for that flow; with nothing else.
    pub fn new(id: impl Into<String>, on: On, flow: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            on,
            flow: flow.into(),
            priority: 0,
            when: None,
            params: BTreeMap::new(),
            scope: None,
            cooldown_seconds: None,
        }
    }
}

fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

/// Words that are heard in the middle of flows, and outside of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// A stable id.
    pub id: String,
    /// What it does.
    pub does: CommandKind,
    /// The words; a message has to be nothing else.
    pub words: Words,
    /// What is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
}
