//! `event`: something that happened outside.
use serde::{Deserialize, Serialize};

use super::super::index::{Index, TriggerKind};
use crate::compile::Compiler;

/// An event from outside, by name; its data are params. It starts a flow only with a contact whose consent covers its scope.
///
/// ```json
/// {"id": "cart", "on": {"event": "cart.abandoned"}, "flow": "reminder", "scope": "reminders"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Event(pub String);

impl TriggerKind for Event {
    fn specificity(&self) -> u8 {
        10
    }

    fn subjects(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    fn is_unasked(&self) -> bool {
        true
    }

    fn compile(&self, _: &str, _: Option<&str>, _: &mut Compiler<'_>) -> Option<Index> {
        Some(Index::Event(self.0.clone()))
    }
}
