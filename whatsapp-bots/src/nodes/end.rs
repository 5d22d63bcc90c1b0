//! `end`: the conversation is over.
use serde::{Deserialize, Serialize};

use crate::{
    compile::Compiler,
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Ends the conversation, whatever called this flow.
///
/// ```json
/// {"id": "end", "kind": "end", "config": {"outcome": "sold"}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct End {
    /// How it ended, for the reports; `completed` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

impl End {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        if self.outcome.as_ref().is_some_and(|outcome| outcome.is_empty() || outcome.len() > 100) {
            compiler.find(Code::E001, "outcome", "an outcome has 1 to 100 bytes");
        }
        Box::new(Ending { outcome: self.outcome.clone().unwrap_or_else(|| "completed".to_owned()) })
    }
}

#[derive(Debug)]
struct Ending {
    outcome: String,
}

impl Behaviour for Ending {
    fn enter(&self, _turn: &mut Turn<'_>) -> Next {
        Next::End(self.outcome.clone())
    }
}
