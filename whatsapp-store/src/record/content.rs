//! The content of a message, as all parts of the product use it.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Button, ListSection, MediaKind, MenuKind};

/// The content of a message. In JSON: `{"type": "text", "text": "hello"}`. `Debug` shows only the type, never a person's
/// text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A place. Stored as decimal text, so that the last bit of a number with more than 15 digits may be lost.
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
    /// A file, described: how to get its bytes stands in [`MessageRecord::media`](super::MessageRecord::media).
    Media {
        /// What it is.
        kind: MediaKind,
        /// Its media type as the sender says it, such as `image/jpeg`.
        mime: String,
        /// Its length in bytes as the sender says it.
        #[serde(default)]
        size: u64,
        /// Its file name; documents have one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its caption.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        /// How long it plays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u32>,
    },
    /// A text with buttons below it. Not every account's are shown by every phone: a numbered text always is.
    Buttons {
        /// The text.
        text: String,
        /// A line in small print below it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<String>,
        /// The buttons.
        buttons: Vec<Button>,
    },
    /// A text with a button that opens a list. Not every account's are shown by every phone: a numbered text always is.
    List {
        /// The text.
        text: String,
        /// A line in small print below it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        footer: Option<String>,
        /// The label of the button.
        button: String,
        /// The list, in parts.
        sections: Vec<ListSection>,
    },
    /// A person's choice, from buttons or from a list.
    Choice {
        /// The kind of menu.
        of: MenuKind,
        /// The id of the button or the row.
        id: String,
        /// Its label.
        title: String,
    },
    /// Its sender deleted the message for everyone: nothing of it is left.
    Deleted {
        /// When, milliseconds since the Unix epoch.
        at: i64,
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

    /// The text that people read first, if there is one: a text, the text of a menu, the caption of a file, the title of a
    /// choice.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } | Self::Buttons { text, .. } | Self::List { text, .. } => Some(text),
            Self::Media { caption, .. } => caption.as_deref(),
            Self::Choice { title, .. } => Some(title),
            _ => None,
        }
    }

    /// What becomes of this content when its sender edits it. A file stays, and gets the new caption.
    #[must_use]
    pub fn edited(&self, new: &Self) -> Self {
        let mut edited = self.clone();
        match (&mut edited, new) {
            (Self::Media { caption, .. }, Self::Media { caption: new, .. }) => caption.clone_from(new),
            (Self::Media { caption, .. }, Self::Text { text }) => *caption = Some(text.clone()),
            _ => return new.clone(),
        }
        edited
    }

    /// Its type, as in JSON.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Location { .. } => "location",
            Self::Contact { .. } => "contact",
            Self::Reaction { .. } => "reaction",
            Self::Poll { .. } => "poll",
            Self::Media { .. } => "media",
            Self::Buttons { .. } => "buttons",
            Self::List { .. } => "list",
            Self::Choice { .. } => "choice",
            Self::Deleted { .. } => "deleted",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// As backends write it into a text column.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn to_stored(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`Self::to_stored`] of any version wrote. An unknown type or field gives
    /// [`Self::Unsupported`], so that one message never hides the rest of its chat. `None` for text that no version
    /// writes.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Tag {
            r#type: String,
        }
        serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(text).map(|tag: Tag| Self::Unsupported { kind: tag.r#type }))
            .ok()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({})", self.type_name())
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn content_of_another_version_is_unsupported() {
        let kind = |text| match Content::from_stored(text) {
            Some(Content::Unsupported { kind }) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(r#"{"type":"hologram","depth":3}"#), "hologram");
        let nowhere = Content::Location { latitude: f64::NAN, longitude: 1.0, name: None, address: None };
        assert_eq!(kind(&nowhere.to_stored().unwrap()), "location");
    }

    #[test]
    fn malformed_content_is_none() {
        assert_eq!(Content::from_stored("hello"), None);
        assert_eq!(Content::from_stored(r#"{"text":"hello"}"#), None);
        assert_eq!(Content::from_stored(""), None);
    }
}
