//! A bot: its flows, what starts them, and what holds for all.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[cfg(doc)]
use super::json::FORMAT;
use super::{
    flow::Flow,
    json::{self, JsonError},
    trigger::{Command, Trigger},
};
use crate::parts::Known;

/// A bot: its flows and what starts them. One published version of it never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The number of the format: [`FORMAT`].
    pub format: u32,
    /// What holds for all flows.
    pub bot: Bot,
    /// The flows; the first is what a start without a name runs.
    pub flows: Vec<Flow>,
    /// What starts a flow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Words that are heard in the middle of flows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// What happens when a flow cannot go on.
    #[serde(default, skip_serializing_if = "OnError::is_end")]
    pub on_error: OnError,
    /// The editor's own: kept, and never looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<Json>,
    /// The owner's own: kept, and never looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Json>,
}

/// What holds for all flows of a bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bot {
    /// A stable id.
    pub id: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The language that texts without a language are in, and that others fall back to, such as `en`.
    pub language: String,
    /// The other languages, such as `pt-BR`; each falls back to its own base (`pt`), then to `language`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The time zone for dates, such as `America/Sao_Paulo`; UTC without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Seconds after which a chat that a person took over comes back by itself; never without a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_after_seconds: Option<u64>,
    /// What there is outside of the bot. What is given here is checked; what is not, is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// What happens when a flow cannot go on: a guard was hit, or something failed that has no exit of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum OnError {
    /// The conversation ends.
    #[default]
    End,
    /// Another flow takes over, with nothing on the call stack.
    Flow(String),
    /// A person takes over; the text is the queue, empty for none in particular.
    Handoff(String),
}

impl OnError {
    fn is_end(&self) -> bool {
        *self == Self::End
    }
}

impl Definition {
    /// Reads a definition, also one of an older format. Kinds of node that this version does not know are kept as they
    /// are.
    ///
    /// # Errors
    /// The first thing that is no definition, with its path, such as `flows[0].nodes[2].config.retries.max`.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        json::read(text)
    }

    /// Writes it as JSON. Read again, it is the same.
    ///
    /// # Errors
    /// Never for what was read; the type is that of the library.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The flow of that id.
    pub fn flow(&self, id: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.id == id)
    }
}
