//! `firstContact`: the first message of a contact.
use super::super::index::{Fits, Index, TriggerKind};
use crate::{compile::Compiler, input::Message};

/// The first message of a contact.
///
/// ```json
/// {"id": "welcome", "on": "firstContact", "flow": "welcome"}
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstContact;

impl TriggerKind for FirstContact {
    fn specificity(&self) -> u8 {
        30
    }

    fn subjects(&self) -> Vec<String> {
        vec![String::new()]
    }

    fn compile(&self, _: &str, _: Option<&str>, _: &mut Compiler<'_>) -> Option<Index> {
        Some(Index::Test { fits: Box::new(*self), is_specific: false })
    }
}

impl Fits for FirstContact {
    fn fits(&self, message: &Message) -> bool {
        message.first_contact
    }
}
