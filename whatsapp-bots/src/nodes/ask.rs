//! `ask`: puts a question and takes a checked answer.
use serde::{Deserialize, Serialize};

use super::{Answer, Retries};
use crate::definition::Text;

/// Puts a question, waits, and checks the answer.
///
/// Exits: `ok`; `invalid` after the last retry; `timeout`.
///
/// ```json
/// {"id": "age", "kind": "ask", "config": {"text": "How old are you?", "answer": {"number": {"min": 1, "max": 120}}, "save": "age"},
///  "exits": [{"id": "ok", "to": "thanks"}, {"id": "invalid", "to": "human"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// The question.
    pub text: Text,
    /// What an answer looks like.
    #[serde(default)]
    pub answer: Answer,
    /// The variable that the answer goes to, as a value of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    /// What happens after an answer that is none.
    #[serde(default)]
    pub retries: Retries,
    /// Seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}
