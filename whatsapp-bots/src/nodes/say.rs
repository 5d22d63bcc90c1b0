//! `say`: sends something.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::definition::Text;

/// Sends a text or any other content, and goes on by `next`.
///
/// ```json
/// {"id": "hello", "kind": "say", "config": {"text": {"en": "Hello {{ contact.name }}", "de": "Hallo {{ contact.name }}"}},
///  "exits": [{"id": "next", "to": "ask_size"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Say {
    /// A text. Either this or `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Any [content](whatsapp_store::Content), as in the API. Each of its texts is a template, and may be an object of languages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Json>,
}
