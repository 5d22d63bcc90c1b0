//! From a definition to what the engine runs; all that is found wrong on the way is noted, and nothing stops it.
use std::collections::{HashMap, HashSet};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::Value as Json;

use super::{CommandPlan, Compiled, ExpirePlan, FlowPlan, NodePlan, OnErrorPlan, names::Names};
use crate::{
    definition::{Command, CommandKind, Definition, Flow, Known, Node, OnError, Trigger},
    engine::Limits,
    expr::Riches,
    fold,
    nodes::Nothing,
    numbers::DecimalMark,
    triggers::{TriggerPlan, Triggers},
    validate::{self, Code, Finding},
};

/// An exit of a node, by its place; the flow is over at one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExitId(pub(crate) u16);

impl ExitId {
    pub(crate) const NONE: Self = Self(u16::MAX);
}

/// Words of one list.
const WORDS: usize = 1_000;

/// What is known while a bot is compiled.
pub(crate) struct Compiler<'d> {
    pub(crate) definition: &'d Definition,
    pub(crate) findings: Vec<Finding>,
    pub(crate) languages: Vec<String>,
    pub(crate) zone: TimeZone,
    pub(super) riches: Riches,
    pub(super) names: Names,
    /// Where nodes are, by flow and id.
    places: HashMap<(&'d str, &'d str), u32>,
    flows: HashMap<&'d str, u32>,
    /// What is compiled now: the beginning of paths.
    pub(super) place: String,
    node: Option<&'d Node>,
    exits: HashSet<u16>,
    pub(super) patterns: usize,
}

impl<'d> Compiler<'d> {
    pub(super) fn run(definition: &'d Definition, version: i64) -> (Compiled, Vec<Finding>) {
        let mut this = Self::new(definition);
        validate::check_shape(definition, &mut this.findings);
        validate::check_graph(definition, &mut this.findings);
        validate::check_words(definition, &mut this.findings);
        this.zone = this.zone();
        let mut nodes = Vec::new();
        let mut flows = Vec::new();
        for flow in &definition.flows {
            flows.push(this.flow_plan(flow));
            let place = flows.len() as u32 - 1;
            for node in &flow.nodes {
                let node = this.node_plan(flow, node, place);
                nodes.push(node);
            }
        }
        let triggers = definition.triggers.iter().filter_map(|trigger| this.trigger(trigger)).collect();
        let commands = definition.commands.iter().map(|command| this.command(command)).collect();
        let on_error = this.on_error();
        this.names.look_at(&mut this.findings);
        this.findings.sort_by(|one, other| {
            let key = |finding: &Finding| !finding.is_error();
            let rest = |other: &Finding| (other.path.clone(), other.code, other.message.clone());
            key(one).cmp(&key(other)).then_with(|| rest(one).cmp(&rest(other)))
        });
        this.findings.dedup();
        let compiled = Compiled {
            version,
            flows,
            nodes,
            names: this.names.list,
            marks: this.languages.iter().map(|language| DecimalMark::of(language)).collect(),
            languages: this.languages,
            zone: this.zone,
            riches: this.riches,
            triggers: Triggers::new(triggers),
            commands,
            on_error,
            resume_after: definition.bot.resume_after_seconds,
            limits: Limits::default(),
        };
        (compiled, this.findings)
    }

    fn new(definition: &'d Definition) -> Self {
        let mut languages = vec![definition.bot.language.clone()];
        for language in &definition.bot.languages {
            if !languages.contains(language) {
                languages.push(language.clone());
            }
        }
        let (mut places, mut flows) = (HashMap::new(), HashMap::new());
        let mut count = 0;
        for (place, flow) in definition.flows.iter().enumerate() {
            flows.entry(flow.id.as_str()).or_insert(place as u32);
            for node in &flow.nodes {
                places.entry((flow.id.as_str(), node.id.as_str())).or_insert(count);
                count += 1;
            }
        }
        Self {
            definition,
            findings: Vec::new(),
            languages,
            zone: TimeZone::UTC,
            riches: Riches::new(),
            names: Names::default(),
            places,
            flows,
            place: "bot".to_owned(),
            node: None,
            exits: HashSet::new(),
            patterns: 0,
        }
    }

    /// Notes something about a field of what is compiled now.
    pub(crate) fn find(&mut self, code: Code, field: &str, message: impl Into<String>) {
        let path = if field.is_empty() { self.place.clone() } else { format!("{}/{field}", self.place) };
        self.findings.push(Finding::new(code, path, message));
    }

    /// The exit of that id of the node that is compiled now.
    pub(crate) fn exit(&mut self, id: &str) -> ExitId {
        let exit = self.optional_exit(id);
        if exit == ExitId::NONE {
            self.find(
                Code::W102,
                id,
                "the node goes on by this exit and does not have it: the flow is over there",
            );
        }
        exit
    }

    /// An exit that need not be there.
    pub(crate) fn optional_exit(&mut self, id: &str) -> ExitId {
        let place = self.node.and_then(|node| node.exits.iter().position(|exit| exit.id == id));
        let exit = place.and_then(|place| u16::try_from(place).ok()).map_or(ExitId::NONE, ExitId);
        self.exits.insert(exit.0);
        exit
    }

    /// An exit of a question; without it nobody would know what happens.
    pub(crate) fn needed_exit(&mut self, id: &str, why: &str) -> ExitId {
        let exit = self.optional_exit(id);
        if exit == ExitId::NONE {
            self.find(Code::E014, id, format!("{why}: add an exit `{id}`"));
        }
        exit
    }

    /// The place of a flow's first node.
    pub(crate) fn entry(&mut self, field: &str, id: &str) -> Option<(u32, &'d Flow)> {
        let definition = self.definition;
        match definition.flow(id) {
            Some(flow) => {
                // A flow without its entry is told of where it stands.
                Some((self.places.get(&(flow.id.as_str(), flow.entry.as_str())).copied().unwrap_or(0), flow))
            }
            None => {
                self.find(Code::E005, field, format!("there is no flow `{id}`"));
                None
            }
        }
    }

    /// The place of a node of a flow.
    pub(crate) fn node_of(&mut self, field: &str, flow: &str, id: &str) -> Option<u32> {
        let place = self.places.get(&(flow, id)).copied();
        if place.is_none() {
            self.find(Code::E004, field, format!("the flow has no node `{id}`"));
        }
        place
    }

    /// The flow of the node that is compiled now.
    pub(crate) fn own_flow(&self) -> &'d Flow {
        let id = self.place.split('/').next().unwrap_or_default();
        self.definition.flow(id).unwrap_or(&self.definition.flows[0])
    }

    /// Is it among what there is outside, if that is known?
    pub(crate) fn known(&mut self, field: &str, list: fn(&Known) -> &Option<Vec<String>>, id: &str) {
        let known = self.definition.bot.known.as_ref().and_then(|known| list(known).as_ref());
        if id.is_empty() {
            self.find(Code::E001, field, "a name is missing");
        } else if known.is_some_and(|known| !known.iter().any(|known| known == id)) {
            self.find(Code::E011, field, format!("there is no `{id}`; add it, or correct the name"));
        }
    }

    /// A number that stands for what is compiled now, the same in every version (FNV-1a of its path).
    pub(crate) fn place_hash(&self) -> u64 {
        self.place
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    fn zone(&mut self) -> TimeZone {
        let Some(zone) = &self.definition.bot.zone else { return TimeZone::UTC };
        TimeZoneDatabase::bundled().get(zone).unwrap_or_else(|_| {
            self.find(Code::E001, "zone", "there is no such time zone; it is like America/Sao_Paulo");
            TimeZone::UTC
        })
    }

    fn flow_plan(&mut self, flow: &'d Flow) -> FlowPlan {
        self.place = flow.id.clone();
        let params = flow.params.iter().filter_map(|name| self.write("params", name)).collect();
        let expire = flow.expire.as_ref().map(|expire| {
            if expire.after_seconds == 0 {
                self.find(Code::E001, "expire/afterSeconds", "it would expire at once; give at least 1");
            }
            ExpirePlan {
                after: expire.after_seconds,
                say: expire.say.as_ref().map(|say| self.texts("expire/say", say)),
                to: expire.to.as_ref().and_then(|to| self.node_of("expire/to", &flow.id, to)),
            }
        });
        let entry = self.places.get(&(flow.id.as_str(), flow.entry.as_str())).copied();
        if entry.is_none() {
            self.find(Code::E003, "entry", format!("the flow has no node `{}` to begin with", flow.entry));
        }
        FlowPlan {
            id: flow.id.clone(),
            entry: entry.unwrap_or_default(),
            params,
            expire,
            interrupt: flow.interrupt,
        }
    }

    fn node_plan(&mut self, flow: &'d Flow, node: &'d Node, place: u32) -> NodePlan {
        self.place = format!("{}/{}", flow.id, node.id);
        self.node = Some(node);
        self.exits.clear();
        if node.exits.len() > validate::MAX_EXITS {
            // That it has too many was told.
            return NodePlan { id: node.id.clone(), flow: place, exits: Vec::new(), does: Box::new(Nothing) };
        }
        let exits = node.exits.iter().map(|exit| {
            let to = exit.to.as_ref().and_then(|to| self.node_of(&exit.id, &flow.id, to));
            (exit.id.clone(), to)
        });
        let exits = exits.collect();
        let does = node.kind.compile(self);
        for (place, exit) in node.exits.iter().enumerate() {
            if u16::try_from(place).is_ok_and(|place| !self.exits.contains(&place)) {
                self.find(
                    Code::W113,
                    &exit.id,
                    "the node never takes this exit; remove it, or correct its id",
                );
            }
        }
        self.node = None;
        NodePlan { id: node.id.clone(), flow: place, exits, does }
    }

    fn trigger(&mut self, trigger: &'d Trigger) -> Option<TriggerPlan> {
        self.place = format!("triggers/{}", trigger.id);
        let (_, flow) = self.entry("flow", &trigger.flow)?;
        for name in trigger.params.keys() {
            if !flow.params.contains(name) {
                self.find(Code::E015, "params", format!("the flow `{}` has no param `{name}`", flow.id));
            }
        }
        let params: Vec<(u16, Json)> = trigger
            .params
            .iter()
            .filter_map(|(name, value)| Some((self.write("params", name)?, value.clone())))
            .collect();
        let when = trigger.when.as_ref().map(|when| self.condition("when", when));
        let place = *self.flows.get(flow.id.as_str())?;
        TriggerPlan::compile(trigger, place, params, when, self)
    }

    fn command(&mut self, command: &'d Command) -> CommandPlan {
        self.place = format!("commands/{}", command.id);
        let flow = match &command.does {
            CommandKind::Flow(flow) | CommandKind::Visit(flow) => {
                self.entry("does", flow);
                self.flows.get(flow.as_str()).copied()
            }
            CommandKind::Human(queue) if !queue.is_empty() => {
                self.known("does", |known| &known.queues, queue);
                None
            }
            _ => None,
        };
        CommandPlan {
            id: command.id.clone(),
            does: command.does.clone(),
            flow,
            words: self.words("words", &command.words),
            say: command.say.as_ref().map(|say| self.texts("say", say)),
        }
    }

    fn on_error(&mut self) -> OnErrorPlan {
        self.place = "bot".to_owned();
        match &self.definition.on_error {
            OnError::End => OnErrorPlan::End,
            OnError::Handoff(queue) if queue.is_empty() => OnErrorPlan::Handoff(None),
            OnError::Handoff(queue) => {
                self.known("onError", |known| &known.queues, queue);
                OnErrorPlan::Handoff(Some(queue.clone()))
            }
            OnError::Flow(flow) => {
                self.entry("onError", flow);
                self.flows.get(flow.as_str()).map_or(OnErrorPlan::End, |flow| OnErrorPlan::Flow(*flow))
            }
        }
    }

    /// Words, folded, each once.
    pub(crate) fn words(&mut self, field: &str, words: &crate::definition::Words) -> Vec<String> {
        let (mut folded, mut seen) = (Vec::new(), HashSet::new());
        for word in words.each().flat_map(|(_, words)| words) {
            let word = fold::words(word);
            if word.is_empty() {
                self.find(Code::E001, field, "a word without letters and digits is never heard; remove it");
            } else if seen.insert(word.clone()) {
                folded.push(word);
            }
        }
        if folded.len() > WORDS {
            self.find(Code::E017, field, format!("{} of at most {WORDS} words; divide them", folded.len()));
            folded.truncate(WORDS);
        }
        if folded.is_empty() {
            self.find(Code::E001, field, "at least one word is needed");
        }
        folded
    }
}
