//! `payload`: a button or a row.
use serde::{Deserialize, Serialize};

use super::super::index::{Index, TriggerKind};
use crate::{compile::Compiler, finding::Code};

/// A button or a row of a list with one of these ids.
///
/// ```json
/// {"id": "buy", "on": {"payload": ["buy", "buy_now"]}, "flow": "order"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Payload(pub Vec<String>);

impl TriggerKind for Payload {
    fn specificity(&self) -> u8 {
        100
    }

    fn subjects(&self) -> Vec<String> {
        self.0.clone()
    }

    fn compile(&self, _: &str, _: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index> {
        if self.0.is_empty() {
            compiler.find(Code::E001, "on", "at least one id is needed");
            return None;
        }
        Some(Index::Payloads(self.0.clone()))
    }
}
