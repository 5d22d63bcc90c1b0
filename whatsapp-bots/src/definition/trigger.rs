//! What starts flows, and words that are heard in the middle of them.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Condition, Matching, Text, Words};

/// Something that starts a flow.
///
/// Of several that fit, the one with the highest priority wins; then the more specific one (see [`On`], which lists them from
/// the most to the least specific); then the one with a condition; then the one whose id comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trigger {
    /// A stable id.
    pub id: String,
    /// What it is about.
    pub on: On,
    /// The flow that starts.
    pub flow: String,
    /// Higher wins; 0 without one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What has to hold besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Values for the flow's params.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Json>,
    /// Of an event or a schedule: what its messages are for, such as `orders`; `marketing` without one. It starts the flow only with
    /// contacts whose [consent covers](whatsapp_store::Consent::covers) it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Seconds after a conversation of the flow during which this trigger does not start it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_seconds: Option<u64>,
}

impl Trigger {
    /// Of that id, about that, for that flow; with nothing else.
    pub fn new(id: impl Into<String>, on: On, flow: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            on,
            flow: flow.into(),
            priority: 0,
            when: None,
            params: BTreeMap::new(),
            scope: None,
            cooldown_seconds: None,
        }
    }
}

fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

/// What a trigger is about, the most specific first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum On {
    /// A button or a row of a list with one of these ids.
    Payload(Vec<String>),
    /// An answer to a campaign, or to that one.
    CampaignReply {
        /// The campaign's id; any without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        campaign: Option<String>,
    },
    /// Words: exact, then beginning with, then containing; of two, the longer.
    Keyword {
        /// The words.
        words: Words,
        /// How they have to occur.
        #[serde(default)]
        matching: Matching,
    },
    /// A pattern in the text.
    Regex(String),
    /// Media of one of these kinds; any without one. The kinds are the host's: `image`, `audio`, `document`, ….
    Media(Vec<String>),
    /// The first message of a contact.
    FirstContact,
    /// Any message.
    AnyMessage,
    /// A time that the host keeps: a cron pattern, in the bot's zone. The engine hears of it by the trigger's id, once for each
    /// contact that it is for: those whose consent covers its scope, who did not take that back, and have chatted before. A chat that a
    /// person has taken over, or with a live conversation that nothing may break into, is left alone.
    Schedule {
        /// Such as `0 9 * * MON`.
        cron: String,
        /// Contacts with at least one of these tags; without any it is for nobody, and cannot be published.
        #[serde(default)]
        tags: Vec<String>,
        /// The session that writes, to those who have chatted with it; without one, that with which a contact last chatted.
        #[serde(default, rename = "sessionId", skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// An event from outside, by name; its data are params. It starts a flow only with a contact whose consent covers its scope.
    Event(String),
}

/// Words that are heard in the middle of flows, and outside of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// A stable id.
    pub id: String,
    /// What it does.
    pub does: CommandKind,
    /// The words; a message has to be nothing else.
    pub words: Words,
    /// What is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CommandKind {
    /// The contact wants no more messages: the conversation ends, and the host is told. Always heard, whatever the flow says.
    Stop,
    /// Says its text; the question that stood there still stands.
    Help,
    /// The flow begins again.
    Restart,
    /// A person takes over; the text is the queue, empty for none in particular.
    Human(String),
    /// Another flow starts instead.
    Flow(String),
    /// Another flow runs in between; then the question is asked again. It is heard while a question stands, and outside of flows.
    Visit(String),
}
