//! `anyMessage`: any message.
use super::super::index::{Fits, Index, TriggerKind};
use crate::{compile::Compiler, input::Message};

/// Any message.
///
/// ```json
/// {"id": "any", "on": "anyMessage", "flow": "menu"}
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyMessage;

impl TriggerKind for AnyMessage {
    fn specificity(&self) -> u8 {
        20
    }

    fn subjects(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn compile(&self, _: &str, _: Option<&str>, _: &mut Compiler<'_>) -> Option<Index> {
        Some(Index::Test { fits: Box::new(*self), is_specific: false })
    }
}

impl Fits for AnyMessage {
    fn fits(&self, _: &Message) -> bool {
        true
    }
}
