//! `media`: a picture, a voice message, a file.
use serde::{Deserialize, Serialize};

use super::super::index::{Fits, Index, TriggerKind};
use crate::{
    compile::Compiler,
    input::{Body, Message},
};

/// Media of one of these kinds; any without one. The kinds are the host's: `image`, `audio`, `document`, ….
///
/// ```json
/// {"id": "receipt", "on": {"media": ["image", "document"]}, "flow": "receipt"}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Media(pub Vec<String>);

impl TriggerKind for Media {
    fn specificity(&self) -> u8 {
        40
    }

    fn subjects(&self) -> Vec<String> {
        if self.0.is_empty() { vec![String::new()] } else { self.0.clone() }
    }

    fn compile(&self, _: &str, _: Option<&str>, _: &mut Compiler<'_>) -> Option<Index> {
        Some(Index::Test { fits: Box::new(self.clone()), is_specific: false })
    }
}

impl Fits for Media {
    fn fits(&self, message: &Message) -> bool {
        matches!(&message.body, Body::Media(media) if self.0.is_empty() || self.0.contains(&media.kind))
    }
}
