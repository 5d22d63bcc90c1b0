//! `contact`: changes what is known of the contact.
use serde::{Deserialize, Serialize};

use super::set::Assignment;

/// Writes fields of the contact and goes on by `next`. `name` and `language` are the contact's own, all others are fields
/// of the workspace. `null` takes a field away.
///
/// ```json
/// {"id": "city", "kind": "contact", "config": {"set": [{"to": "city", "from": {"value": "{{ city }}"}}]},
///  "exits": [{"id": "next", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// What is written.
    pub set: Vec<Assignment>,
}
