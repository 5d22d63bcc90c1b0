//! `return`: goes back to the caller.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::Source;

/// Goes back to the flow that called this one; where none did, the conversation is over.
///
/// ```json
/// {"id": "done", "kind": "return", "config": {"values": {"street": {"expr": "street"}}}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Return {
    /// What it gives back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Source>,
}
