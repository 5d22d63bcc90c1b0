//! A bot as the engine runs it.
use serde_json::Value as Json;
use whatsapp_store::Consent;

use crate::{
    effect::NodeIndex,
    expr::Texts,
    parts::{CommandKind, Interrupt},
    schedule::Schedule,
    state::State,
    triggers::Triggers,
    turn::{Behaviour, Common, Limits},
};

/// A published version of a bot, ready to run. One is shared by all its conversations.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) version: i64,
    pub(crate) flows: Vec<FlowPlan>,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) names: Vec<String>,
    pub(crate) common: Common,
    pub(crate) triggers: Triggers,
    pub(crate) commands: Vec<CommandPlan>,
    pub(crate) on_error: OnErrorPlan,
}

#[derive(Debug)]
pub(crate) struct FlowPlan {
    pub(crate) id: String,
    pub(crate) entry: u32,
    pub(crate) params: Vec<u16>,
    pub(crate) expire: Option<ExpirePlan>,
    pub(crate) interrupt: Interrupt,
}

#[derive(Debug)]
pub(crate) struct ExpirePlan {
    pub(crate) after: u64,
    pub(crate) say: Option<Texts>,
    pub(crate) to: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct NodePlan {
    pub(crate) id: String,
    pub(crate) flow: u32,
    pub(crate) exits: Vec<(String, Option<u32>)>,
    pub(crate) does: Box<dyn Behaviour>,
}

#[derive(Debug)]
pub(crate) struct CommandPlan {
    pub(crate) id: String,
    pub(crate) does: CommandKind,
    /// The flow's place, where it names one.
    pub(crate) flow: Option<u32>,
    pub(crate) words: Vec<String>,
    pub(crate) say: Option<Texts>,
}

#[derive(Clone, Debug)]
pub(crate) enum OnErrorPlan {
    End,
    Flow(u32),
    Handoff(Option<String>),
}

impl Compiled {
    /// With other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.common.limits = limits;
        self
    }

    /// The version that it was compiled as.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The ids of a node's flow and of the node.
    pub fn node(&self, at: NodeIndex) -> Option<(&str, &str)> {
        let node = self.nodes.get(at.0 as usize)?;
        Some((&self.flows[node.flow as usize].id, &node.id))
    }

    /// The times at which it writes by itself, in the order of the triggers' ids.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.triggers.schedules()
    }

    /// What the messages of a trigger are for that starts by an event or a time: the consent of a contact has to cover it. `marketing` for
    /// all else that starts a flow unasked.
    pub fn scope(&self, trigger: Option<&str>) -> &str {
        trigger.and_then(|trigger| self.triggers.scope(trigger)).unwrap_or(Consent::MARKETING)
    }

    /// Does a conversation stand at a node that an event of that name ends the wait of?
    pub fn awaits_event(&self, state: &State, name: &str) -> bool {
        let frame = state.frames.last().filter(|_| state.wait.is_some());
        let node = frame.and_then(|frame| self.nodes.get(frame.node as usize));
        node.is_some_and(|node| node.does.awaits(name))
    }

    /// The nodes at which its flows stand, the one that called first.
    pub fn stack(&self, state: &State) -> Vec<NodeIndex> {
        state.frames.iter().map(|frame| NodeIndex(frame.node)).collect()
    }

    /// The variables of the flow that runs, by name, for those who debug a bot. They hold what people wrote.
    pub fn variables(&self, state: &State) -> Json {
        let scope = state.frames.last().and_then(|frame| state.scopes.get(usize::from(frame.scope)));
        let vars = scope.into_iter().flat_map(|vars| &vars.0);
        let named = vars
            .filter_map(|(slot, value)| Some((self.names.get(usize::from(*slot))?.clone(), value.clone())));
        Json::Object(named.collect())
    }

    /// The place of a flow.
    pub(crate) fn flow(&self, id: &str) -> Option<u32> {
        self.flows.iter().position(|flow| flow.id == id).map(|place| place as u32)
    }
}
