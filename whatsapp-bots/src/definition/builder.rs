//! Definitions made by a program. The ids have types: a node is not taken for a flow.
use super::{
    bot::{Bot, Definition, OnError},
    flow::Flow,
    id::{BotId, FlowId, NodeId, TriggerId},
    json::FORMAT,
    node::Node,
    trigger::{Command, Trigger},
};
use crate::{
    nodes::Kind,
    parts::{CommandKind, Exit, Interrupt, Words},
    triggers::On,
};

/// Makes a [`Definition`].
///
/// ```
/// use whatsapp_bots::{
///     Compiled,
///     definition::{BotId, CommandKind, DefinitionBuilder, FlowBuilder, FlowId, NodeId, On, TriggerId},
///     nodes::{Handoff, Say},
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bot: BotId = "greeter".parse()?;
/// let (flow, hello, person): (FlowId, NodeId, NodeId) = ("f".parse()?, "hello".parse()?, "person".parse()?);
/// let (any, stop): (TriggerId, TriggerId) = ("any".parse()?, "stop".parse()?);
/// let greeting = Say { text: Some("Hello {{ contact.name }}".into()), ..Say::default() };
/// let definition = DefinitionBuilder::new(&bot, "en")
///     .flow(
///         FlowBuilder::new(&flow, &hello)
///             .node(&hello, greeting, &[("next", Some(&person))])
///             .node(&person, Handoff::default(), &[("next", None)]),
///     )
///     .trigger(&any, On::AnyMessage, &flow)
///     .command(&stop, CommandKind::Stop, &["stop"])
///     .build();
/// assert!(Compiled::new(&definition, 1).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DefinitionBuilder(Definition);

/// Makes a [`Flow`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FlowBuilder(Flow);

impl DefinitionBuilder {
    /// Of that id, in that language, with nothing else.
    pub fn new(id: &BotId, language: &str) -> Self {
        Self(Definition {
            format: FORMAT,
            bot: Bot {
                id: id.to_string(),
                name: String::new(),
                language: language.to_owned(),
                languages: Vec::new(),
                zone: None,
                resume_after_seconds: None,
                known: None,
            },
            flows: Vec::new(),
            triggers: Vec::new(),
            commands: Vec::new(),
            on_error: OnError::End,
            ui: None,
            meta: None,
        })
    }

    /// With what holds for all flows.
    pub fn bot(mut self, change: impl FnOnce(&mut Bot)) -> Self {
        change(&mut self.0.bot);
        self
    }

    /// With one more flow; the first is what a start without a name runs.
    pub fn flow(mut self, flow: FlowBuilder) -> Self {
        self.0.flows.push(flow.0);
        self
    }

    /// With one more trigger.
    pub fn trigger(self, id: &TriggerId, on: On, flow: &FlowId) -> Self {
        self.trigger_with(id, on, flow, |_| {})
    }

    /// With one more trigger, and more of its settings.
    pub fn trigger_with(
        mut self,
        id: &TriggerId,
        on: On,
        flow: &FlowId,
        change: impl FnOnce(&mut Trigger),
    ) -> Self {
        let mut trigger = Trigger::new(id.as_str(), on, flow.as_str());
        change(&mut trigger);
        self.0.triggers.push(trigger);
        self
    }

    /// With one more command, and the words that it is heard by.
    pub fn command(mut self, id: &TriggerId, does: CommandKind, words: &[&str]) -> Self {
        let words = Words::One(words.iter().map(|word| (*word).to_owned()).collect());
        self.0.commands.push(Command { id: id.to_string(), does, words, say: None });
        self
    }

    /// With what happens when a flow cannot go on.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.0.on_error = on_error;
        self
    }

    /// The definition. Whether it makes sense, [`validate`](crate::validate()) says.
    pub fn build(self) -> Definition {
        self.0
    }
}

impl FlowBuilder {
    /// Of that id, with the node that it begins with.
    pub fn new(id: &FlowId, entry: &NodeId) -> Self {
        Self(Flow {
            id: id.to_string(),
            name: String::new(),
            entry: entry.to_string(),
            nodes: Vec::new(),
            params: Vec::new(),
            returns: Vec::new(),
            expire: None,
            interrupt: Interrupt::default(),
        })
    }

    /// With one more node, and where its exits lead; the flow is over at one that leads nowhere.
    pub fn node(mut self, id: &NodeId, kind: impl Into<Kind>, exits: &[(&str, Option<&NodeId>)]) -> Self {
        let exit = |(id, to): &(&str, Option<&NodeId>)| Exit {
            id: (*id).to_owned(),
            label: None,
            to: to.map(ToString::to_string),
        };
        let exits = exits.iter().map(exit).collect();
        self.0.nodes.push(Node { id: id.to_string(), label: None, kind: kind.into(), exits });
        self
    }

    /// With other settings of the flow.
    pub fn with(mut self, change: impl FnOnce(&mut Flow)) -> Self {
        change(&mut self.0);
        self
    }
}
