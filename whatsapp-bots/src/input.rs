//! What a conversation hears of.
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{numbers::is_invisible, vcard};

/// Something that happened. `Debug` shows nothing that somebody wrote.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// The contact wrote. The host leaves out what the account itself wrote, groups, statuses and reactions.
    Message(Message),
    /// The contact edited a message that was heard before, and this is how it stands now, under the same id. Of a message that was
    /// not heard yet, give [`Input::Message`] with the text as it stands; so, too, when nothing is live and the message started nothing.
    ///
    /// It takes the place of a message that waits to be answered, and it is a new answer to the question that refused the message and
    /// still waits. In every other case only a command that stops messages is heard in it, and `R014` is noted.
    Edited(Message),
    /// The contact deleted a message for everyone: one that waits to be answered is gone. Any other has had its effect.
    Deleted {
        /// The message's id.
        id: String,
    },
    /// A timer is due. One that is not armed any more is ignored.
    Timer {
        /// As in [`Effect::ScheduleTimer`](crate::Effect::ScheduleTimer).
        id: u64,
    },
    /// What came of a request. One that is not waited for any more is ignored, and so is one that comes while a person has
    /// taken over: the flow goes on by its `error` exit when it is given back.
    Result {
        /// As in [`Effect::Http`](crate::Effect::Http).
        id: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Somebody starts a flow; a live conversation is over with it.
    Start {
        /// The flow; the bot's first without one.
        #[serde(default)]
        flow: Option<String>,
        /// Values for its params; others are left out.
        #[serde(default)]
        params: Map<String, Json>,
    },
    /// A scheduled trigger is due.
    Schedule {
        /// Its id.
        trigger: String,
    },
    /// Something happened outside, such as a call of a webhook.
    Event {
        /// Its name.
        name: String,
        /// Its data: an object gives params to a flow that it starts.
        #[serde(default)]
        data: Json,
    },
    /// A person took over: the bot is silent.
    HumanTookOver,
    /// The person gave the chat back.
    HumanReleased,
    /// Somebody ends the conversation.
    Cancel,
}

/// What the contact wrote. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its text, the caption of media, or the title of a button or row; what is longer than [`MAX_TEXT`] is cut.
    pub text: String,
    /// When it was written, milliseconds since the Unix epoch; without it, machines are not told from people.
    pub at: Option<i64>,
    /// When it reached the host, milliseconds since the Unix epoch by the clock of the host. Without it, that is when it is handed in.
    pub received_at: Option<i64>,
    /// Was it written before the person could see what the bot said last? Then it answers nothing: commands and triggers hear it, a
    /// question does not. The [runner](crate::runner) says so; whoever calls the engine without it says so here.
    pub early: bool,
    /// What it is besides.
    pub body: Body,
    /// Is it the first of this contact?
    pub first_contact: bool,
    /// The campaign that it answers.
    pub campaign: Option<String>,
}

/// Bytes of a message's text that are looked at.
pub const MAX_TEXT: usize = 64 * 1024;

/// Bytes of the text, and of all names, of a message that waits to be answered.
const MAX_QUEUED: usize = 16 * 1024;

/// What a message is besides text.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// Text alone.
    #[default]
    Text,
    /// A button was pressed.
    Button {
        /// Its id.
        payload: String,
    },
    /// A row of a list was chosen.
    List {
        /// Its id.
        row: String,
    },
    /// Media.
    Media(Media),
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Its name.
        #[serde(default)]
        name: String,
    },
    /// A contact card.
    Contact {
        /// The name on it.
        #[serde(default)]
        name: String,
        /// Its telephone numbers, as they stand on it.
        #[serde(default)]
        phones: Vec<String>,
    },
    /// Anything else, by its name.
    Other {
        /// Such as `reaction`.
        kind: String,
    },
}

/// A file that the contact sent.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Media {
    /// `image`, `video`, `audio`, `voice` (spoken into the phone), `document`, `sticker`, ….
    pub kind: String,
    /// Its MIME type.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// Its file name.
    pub name: String,
    /// How the host finds it.
    pub reference: String,
}

/// What came of a request.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// There was an answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body as text; what is longer than [`MAX_ANSWER`] counts as failed.
        body: String,
    },
    /// There was none; the word says why: `refused`, `timeout`, ….
    Failed(String),
}

/// Bytes of an answer to a request.
pub const MAX_ANSWER: usize = 256 * 1024;

impl Message {
    /// A message that is text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Does it say anything: words, a choice, a file, a place, a contact? Reactions, calls and what this version does not know do not:
    /// they start nothing and answer nothing.
    pub fn says_something(&self) -> bool {
        match &self.body {
            Body::Text => {
                self.seen().chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
            }
            Body::Button { payload: id } | Body::List { row: id } => {
                !id.is_empty() || !self.text.trim().is_empty()
            }
            Body::Media(_) | Body::Location { .. } | Body::Contact { .. } => true,
            Body::Other { .. } => false,
        }
    }

    /// The id of the button or row, if it is one.
    pub fn payload(&self) -> Option<&str> {
        match &self.body {
            Body::Button { payload } => Some(payload),
            Body::List { row } => Some(row),
            _ => None,
        }
    }

    /// As it may wait to be answered: of what is longer than anything that WhatsApp sends, the text alone.
    pub(crate) fn shortened(&self) -> Self {
        let names = match &self.body {
            Body::Text => 0,
            Body::Button { payload: name } | Body::List { row: name } | Body::Other { kind: name } => {
                name.len()
            }
            Body::Location { name, .. } => name.len(),
            Body::Contact { name, phones } => name.len() + phones.iter().map(String::len).sum::<usize>(),
            Body::Media(Media { kind, mime, name, reference, .. }) => {
                kind.len() + mime.len() + name.len() + reference.len()
            }
        };
        let names = names + self.id.len() + self.campaign.as_ref().map_or(0, String::len);
        let text = self.seen()[..self.text.floor_char_boundary(MAX_QUEUED)].to_owned();
        if names > MAX_QUEUED {
            return Self { at: self.at, ..Self::text(text) };
        }
        Self { text, ..self.clone() }
    }

    /// The text as far as it is looked at.
    pub(crate) fn seen(&self) -> &str {
        &self.text[..self.text.floor_char_boundary(MAX_TEXT)]
    }
}

impl Body {
    /// A contact card, by its name and its vCard.
    pub fn contact(name: impl Into<String>, vcard: &str) -> Self {
        Self::Contact { name: name.into(), phones: vcard::phones(vcard) }
    }

    /// Its name, as flows read it in `input.kind`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Button { .. } => "button",
            Self::List { .. } => "list",
            Self::Media(media) => &media.kind,
            Self::Location { .. } => "location",
            Self::Contact { .. } => "contact",
            Self::Other { kind } => kind,
        }
    }
}

macro_rules! silent {
    ($($Type:ident)*) => {$(
        impl fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($Type))
            }
        }
    )*};
}
silent!(Message Body Media);

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, .. } => write!(f, "Answered({status})"),
            Self::Failed(why) => write!(f, "Failed({why})"),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({})", message.body.kind()),
            Self::Edited(message) => write!(f, "Edited({})", message.body.kind()),
            Self::Deleted { .. } => f.write_str("Deleted"),
            Self::Timer { id } => write!(f, "Timer({id})"),
            Self::Result { id, outcome } => write!(f, "Result({id}, {outcome:?})"),
            Self::Start { flow, .. } => write!(f, "Start({flow:?})"),
            Self::Schedule { trigger } => write!(f, "Schedule({trigger})"),
            Self::Event { name, .. } => write!(f, "Event({name})"),
            Self::HumanTookOver => f.write_str("HumanTookOver"),
            Self::HumanReleased => f.write_str("HumanReleased"),
            Self::Cancel => f.write_str("Cancel"),
        }
    }
}
