//! What a step asks the host to do, and what it tells.
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use whatsapp_store::Content;

/// Something for the host to do, in order. `Debug` shows nothing that somebody wrote.
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "effect", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Effect {
    /// Send this.
    Send {
        /// Unique within the conversation, rising; also over its sessions. Good for an idempotent outbox id.
        id: u64,
        /// What is sent; with a menu, its numbered text.
        content: Content,
        /// What may be sent instead where buttons or lists work; the answer is then a payload with an option's id.
        /// [`Menus::content`](crate::Menus::content) chooses.
        #[serde(skip_serializing_if = "Option::is_none")]
        menu: Option<Menu>,
    },
    /// Give [`Input::Timer`](crate::Input::Timer) with this id at that time. At most one is armed, also as
    /// [`State::wake_at`](crate::State::wake_at).
    ScheduleTimer {
        /// Unique within the conversation.
        id: u64,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// That timer is not needed any more.
    CancelTimer {
        /// As it was scheduled.
        id: u64,
    },
    /// Make this request; give [`Input::Result`](crate::Input::Result) with this id.
    Http {
        /// Unique within the conversation. Good for an idempotency key.
        id: u64,
        /// The request.
        request: Request,
    },
    /// Write a field of the contact; `null` takes it away. `name` and `language` are the contact's own.
    SetField {
        /// Which.
        field: String,
        /// The value.
        value: Json,
    },
    /// Give the contact a tag, or take it away.
    Tag {
        /// Which.
        tag: String,
        /// Give it?
        add: bool,
    },
    /// The contact wants no more messages.
    OptOut,
    /// The contact agrees to messages of that scope.
    OptIn {
        /// To what, such as `news`.
        scope: String,
    },
    /// A person is needed: the bot is silent until [`Input::HumanReleased`](crate::Input::HumanReleased).
    Handoff {
        /// The queue.
        #[serde(skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// What the person should know.
        note: String,
    },
    /// For the reports.
    Emit(Event),
    /// For whoever made the bot: something went otherwise than it was meant to.
    Log {
        /// Where; none outside of flows.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<NodeIndex>,
        /// What.
        code: Trouble,
    },
}

/// How options are shown, where the account can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Style {
    /// Up to three as buttons, up to ten as a list, more as numbers.
    #[default]
    Auto,
    /// Buttons: at most three.
    Buttons,
    /// A list: at most ten.
    List,
    /// A numbered text.
    Numbers,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// Its name, as in the request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A node of a compiled bot; [`Compiled::node`](crate::Compiled::node) tells its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NodeIndex(pub(crate) u32);

/// Options to choose from.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Menu {
    /// The question alone.
    pub text: String,
    /// `Buttons` or `List`.
    pub style: Style,
    /// The options.
    pub options: Vec<Choice>,
}

/// One option.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The payload of its answer.
    pub id: String,
    /// What people see.
    pub title: String,
    /// The second line of a row; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A request to somebody else's program. The host guards where it may go.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: String,
    /// Headers, also that of the body's type.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How long to wait, seconds.
    pub timeout_seconds: u64,
}

/// What the reports count.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A conversation began.
    Started {
        /// The flow's id.
        flow: String,
        /// The trigger's id; none when somebody started it.
        trigger: Option<String>,
    },
    /// A command was heard.
    Command {
        /// Its id.
        command: String,
    },
    /// An answer was none.
    Rejected {
        /// Where.
        at: NodeIndex,
        /// The first is 1.
        attempt: u8,
    },
    /// Nobody answered in time.
    TimedOut {
        /// Where.
        at: NodeIndex,
    },
    /// The conversation expired.
    Expired {
        /// Where.
        at: NodeIndex,
    },
    /// A person is needed.
    HandedOff {
        /// Where; none for a command.
        at: Option<NodeIndex>,
    },
    /// A guard stopped the flow.
    Guard {
        /// Where; none outside of flows.
        at: Option<NodeIndex>,
        /// Which.
        guard: Guard,
    },
    /// A request failed.
    Failed {
        /// Where.
        at: NodeIndex,
    },
    /// A conversation ended.
    Ended {
        /// How.
        outcome: String,
    },
    /// The bot's own.
    Custom {
        /// Its name.
        name: String,
        /// Its data.
        data: Json,
    },
}

/// A limit that was reached; see [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Guard {
    /// Steps of one turn.
    TurnSteps,
    /// Steps of one session.
    SessionSteps,
    /// Sends of one turn.
    Sends,
    /// Visits of one node in one turn.
    Visits,
    /// Sends to somebody who writes nothing.
    Unanswered,
    /// Depth of calls.
    Depth,
    /// Answers in a row that only a machine gives.
    QuickAnswers,
}

/// What went otherwise than it was meant to. Each has a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// `R001`.
    #[error("R001: a placeholder has no value; nothing stands in its place")]
    Missing,
    /// `R002`.
    #[error("R002: an expression failed with these values; its result is nothing")]
    Expression,
    /// `R003`.
    #[error("R003: a text was too long and was cut")]
    TooLong,
    /// `R004`.
    #[error("R004: an expression took too many steps; its result is nothing")]
    TooMuchWork,
    /// `R005`.
    #[error("R005: the input is not waited for any more; it was ignored")]
    Stale,
    /// `R006`.
    #[error("R006: the conversation follows another version or is damaged; nothing was done")]
    OtherVersion,
    /// `R007`.
    #[error("R007: a content could not be made; it was not sent")]
    Content,
    /// `R008`.
    #[error("R008: there is no such flow or trigger; nothing was started")]
    NoFlow,
    /// `R009`.
    #[error("R009: too many messages wait to be answered; the oldest was dropped")]
    QueueFull,
    /// `R010`.
    #[error("R010: a person has taken over; nothing was started")]
    HandedOff,
    /// `R011`.
    #[error("R011: a value is too large to be kept; the variable is empty")]
    TooLarge,
    /// `R012`.
    #[error("R012: the answer of a request has no such value; the variable is empty")]
    NotInAnswer,
    /// `R013`.
    #[error("R013: a message was written before the question could be seen; it is no answer to it")]
    Early,
    /// `R014`.
    #[error("R014: a message was edited after it had been taken; the edit changes nothing")]
    Edited,
}

impl Trouble {
    /// Its code, such as `R001`.
    pub fn code(self) -> String {
        self.to_string().chars().take(4).collect()
    }
}

impl Serialize for Trouble {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.code())
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { id, content, .. } => write!(f, "Send({id}, {content:?})"),
            Self::ScheduleTimer { id, at } => write!(f, "ScheduleTimer({id}, {at})"),
            Self::CancelTimer { id } => write!(f, "CancelTimer({id})"),
            Self::Http { id, request } => write!(f, "Http({id}, {:?})", request.method),
            Self::SetField { field, .. } => write!(f, "SetField({field})"),
            Self::Tag { tag, add } => write!(f, "Tag({tag}, {add})"),
            Self::OptOut => f.write_str("OptOut"),
            Self::OptIn { scope } => write!(f, "OptIn({scope})"),
            Self::Handoff { queue, .. } => write!(f, "Handoff({queue:?})"),
            Self::Emit(Event::Custom { name, .. }) => write!(f, "Emit({name})"),
            Self::Emit(event) => write!(f, "Emit({event:?})"),
            Self::Log { at, code } => write!(f, "Log({at:?}, {})", code.code()),
        }
    }
}

impl fmt::Debug for Menu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Menu({:?}, {})", self.style, self.options.len())
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Choice({})", self.id)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?})", self.method)
    }
}
