//! `tag`: changes the tags of the contact.
use serde::{Deserialize, Serialize};

/// Adds tags to the contact and takes others away; goes on by `next`.
///
/// ```json
/// {"id": "vip", "kind": "tag", "config": {"add": ["vip"], "remove": ["new"]}, "exits": [{"id": "next", "to": "hello"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tag {
    /// Tags to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Tags to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}
