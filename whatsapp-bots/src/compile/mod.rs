//! A bot as the engine runs it: ids are numbers, texts are segments, words are folded, patterns are built.
mod compiler;
mod names;
mod texts;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use whatsapp_store::{Consent, NodeCount};

pub(crate) use self::compiler::{Compiler, ExitId};
use crate::{
    definition::{CommandKind, Definition, Interrupt},
    effect::NodeIndex,
    engine::{self, Behaviour, Ctx, Leaving, Limits, Visit},
    expr::{Riches, Texts},
    input::Message,
    numbers::DecimalMark,
    schedule::Schedule,
    state::State,
    triggers::{Fit, Triggers},
    validate::{Finding, Findings},
};

/// A published version of a bot, ready to run. One is shared by all its conversations.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) version: i64,
    pub(crate) flows: Vec<FlowPlan>,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) names: Vec<String>,
    pub(crate) languages: Vec<String>,
    /// How numbers are written in each language.
    pub(crate) marks: Vec<DecimalMark>,
    pub(crate) zone: TimeZone,
    pub(crate) riches: Riches,
    pub(crate) triggers: Triggers,
    pub(crate) commands: Vec<CommandPlan>,
    pub(crate) on_error: OnErrorPlan,
    pub(crate) resume_after: Option<u64>,
    pub(crate) limits: Limits,
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
    /// Compiles a definition for publishing. The version is the store's number of it; conversations remember it.
    ///
    /// # Errors
    /// All errors of the [validation](crate::validate()). Warnings do not keep a bot from being published.
    pub fn new(definition: &Definition, version: i64) -> Result<Self, Findings> {
        let (compiled, findings) = Self::examine(definition, version);
        let errors: Vec<_> = findings.into_iter().filter(Finding::is_error).collect();
        if errors.is_empty() { Ok(compiled) } else { Err(Findings(errors)) }
    }

    pub(crate) fn examine(definition: &Definition, version: i64) -> (Self, Vec<Finding>) {
        Compiler::run(definition, version)
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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

    /// The id of the exit by which a visit left.
    pub fn exit(&self, visit: &Visit) -> Option<&str> {
        match visit.leaving {
            Leaving::Exit(exit) => {
                let exits = &self.nodes.get(visit.at.0 as usize)?.exits;
                exits.get(usize::from(exit)).map(|(id, _)| id.as_str())
            }
            _ => None,
        }
    }

    /// How well the best of its triggers fits a message of a chat without a live session; `None` when none fits. Of several
    /// bots, the one with the greatest [`Fit`] gets the message. The state is that of the chat's last conversation, if it was
    /// with this bot, else [`State::default`].
    pub fn fit(&self, state: &State, message: &Message, ctx: &Ctx<'_>) -> Option<Fit> {
        engine::fit(self, state, message, ctx)
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

    /// What a turn adds to the counts of the nodes, as the store takes it, in the order of the ids. A node is named
    /// `flow/node`.
    pub fn counts(&self, trace: &[Visit]) -> Vec<NodeCount> {
        let mut counts = BTreeMap::new();
        for visit in trace {
            let Some((flow, node)) = self.node(visit.at) else { continue };
            let count = counts.entry(visit.at.0).or_insert_with(|| NodeCount {
                node: format!("{flow}/{node}"),
                entered: 0,
                left: 0,
                dropped: 0,
                millis: 0,
            });
            count.entered += u64::from(visit.entered);
            count.left += u64::from(matches!(visit.leaving, Leaving::Exit(_) | Leaving::Over));
            count.dropped += u64::from(visit.leaving == Leaving::Dropped);
            count.millis += visit.millis;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_unstable_by(|one, other| one.node.cmp(&other.node));
        counts
    }

    /// The variables of the flow that runs, by name, for those who debug a bot. They hold what people wrote.
    pub fn variables(&self, state: &State) -> Json {
        let scope = state.frames.last().and_then(|frame| state.scopes.get(usize::from(frame.scope)));
        let vars = scope.into_iter().flat_map(|vars| &vars.0);
        let named = vars
            .filter_map(|(slot, value)| Some((self.names.get(usize::from(*slot))?.clone(), value.clone())));
        Json::Object(named.collect())
    }

    /// The place of a language among those of the bot: itself, its base, another region of it, or the bot's own.
    pub(crate) fn language(&self, wanted: &str) -> usize {
        if wanted.is_empty() || self.languages.len() == 1 {
            return 0;
        }
        let base =
            |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let place = |is: &dyn Fn(&str) -> bool| self.languages.iter().position(|language| is(language));
        place(&|language| language.eq_ignore_ascii_case(wanted))
            .or_else(|| place(&|language| language.eq_ignore_ascii_case(&base(wanted))))
            .or_else(|| place(&|language| base(language) == base(wanted)))
            .unwrap_or_default()
    }

    /// The place of a flow.
    pub(crate) fn flow(&self, id: &str) -> Option<u32> {
        self.flows.iter().position(|flow| flow.id == id).map(|place| place as u32)
    }
}
