//! What a message says, as all parts of the product speak of it.
use serde::{Deserialize, Serialize};

/// The content of a message. In JSON: `{"type": "text", "text": "hello"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// A title for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its postal address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// A contact card.
    Contact {
        /// The name shown.
        name: String,
        /// The card, as vCard 3.0.
        vcard: String,
    },
    /// A reaction to another message; an empty emoji takes it back.
    Reaction {
        /// The emoji.
        emoji: String,
        /// The id of the message reacted to.
        message_id: String,
    },
    /// A question with choices.
    Poll {
        /// The question.
        question: String,
        /// The choices.
        options: Vec<String>,
        /// How many may be chosen; 0 for any number.
        #[serde(default)]
        selectable: u32,
    },
    /// Something that this version cannot show; the kind is its protocol name.
    Unsupported {
        /// For example `image_message`.
        kind: String,
    },
}

impl Content {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            _ => None,
        }
    }
}
