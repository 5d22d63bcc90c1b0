//! What flows and commands do.
use serde::{Deserialize, Serialize};

/// What may break into a flow. The command `stop` always may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Interrupt {
    /// Nothing else.
    Never,
    /// Commands.
    #[default]
    Commands,
    /// Commands and triggers, but for those of any message, of first contacts, and of media.
    All,
}

impl Interrupt {
    pub(crate) fn is_commands(&self) -> bool {
        *self == Self::Commands
    }
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
