//! `opt_out`: the contact wants no more messages.
use serde::{Deserialize, Serialize};

/// Tells the host that the contact wants no more messages, or, with `back`, wants them again; goes on by `next`.
///
/// ```json
/// {"id": "bye", "kind": "opt_out", "exits": [{"id": "next", "to": "confirm"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptOut {
    /// Does the contact want them again?
    #[serde(default)]
    pub back: bool,
}
