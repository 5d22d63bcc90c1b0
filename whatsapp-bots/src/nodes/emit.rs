//! `emit`: notes something for the reports.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::Source;

/// Notes an event of its own for the reports, and goes on by `next`.
///
/// ```json
/// {"id": "sold", "kind": "emit", "config": {"name": "sold", "data": {"size": {"expr": "size"}}},
///  "exits": [{"id": "next", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emit {
    /// The event's name.
    pub name: String,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Source>,
}
