//! `regex`: a pattern.
use serde::{Deserialize, Serialize};

use super::super::index::{Index, TriggerKind};
use crate::compile::Compiler;

/// A pattern in the text.
///
/// ```json
/// {"id": "number", "on": {"regex": "order #[0-9]+"}, "flow": "status"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Regex(pub String);

impl TriggerKind for Regex {
    fn specificity(&self) -> u8 {
        50
    }

    fn subjects(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    fn compile(&self, _: &str, _: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index> {
        compiler.regex("on", &self.0).map(Index::Pattern)
    }
}
