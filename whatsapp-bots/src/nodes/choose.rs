//! `choose`: puts options before somebody.
use serde::{Deserialize, Serialize};

use super::{MenuOption, Retries, Style};
use crate::definition::Text;

/// Puts options before somebody and waits. An answer is an option's id (of a button or a row), its number, its label, or one
/// of its words.
///
/// Exits: the option's id if the node has such an exit, else `chosen`; `invalid` after the last retry; `timeout`.
///
/// ```json
/// {"id": "size", "kind": "choose", "config": {"text": "Which size?", "save": "size", "options": [
///   {"id": "s", "label": "Small"}, {"id": "l", "label": "Large", "words": ["big"]}]},
///  "exits": [{"id": "chosen", "to": "order"}, {"id": "invalid", "to": "human"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choose {
    /// The question.
    pub text: Text,
    /// The options.
    pub options: Vec<MenuOption>,
    /// How they are shown.
    #[serde(default)]
    pub style: Style,
    /// The variable that the option's id goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    /// What happens after an answer that is none.
    #[serde(default)]
    pub retries: Retries,
    /// Seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}
