//! From a definition to what the engine runs; all that is found wrong on the way is noted, and nothing stops it.
use std::collections::HashMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::Value as Json;
use whatsapp_store::Consent;

use crate::{
    compile::{Compiler, FlowRef},
    definition::{Command, Definition, Flow, Node, OnError, Trigger},
    finding::{self, Code, Finding, Findings},
    nodes::Nothing,
    numbers::DecimalMark,
    parts::CommandKind,
    plan::{CommandPlan, Compiled, ExpirePlan, FlowPlan, NodePlan, OnErrorPlan},
    triggers::{TriggerPlan, Triggers},
    turn::{Common, Limits},
};

/// All there is to say about a bot, errors first.
pub fn validate(definition: &Definition) -> Vec<Finding> {
    Compiled::examine(definition, 0).1
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
        Build::run(definition, version)
    }
}

struct Build<'d> {
    definition: &'d Definition,
    compiler: Compiler<'d>,
}

impl<'d> Build<'d> {
    fn run(definition: &'d Definition, version: i64) -> (Compiled, Vec<Finding>) {
        let mut this = Self::new(definition);
        crate::validate::check(definition, &mut this.compiler.findings);
        this.compiler.zone = this.zone();
        let (mut nodes, mut flows) = (Vec::new(), Vec::new());
        for (flow, place) in definition.flows.iter().zip(0..) {
            flows.push(this.flow_plan(flow));
            for node in &flow.nodes {
                let node = this.node_plan(flow, node, place);
                nodes.push(node);
            }
        }
        let triggers = definition.triggers.iter().filter_map(|trigger| this.trigger(trigger)).collect();
        let commands = definition.commands.iter().map(|command| this.command(command)).collect();
        let on_error = this.on_error();
        let names = this.compiler.take_names();
        let Compiler { languages, zone, rich_values, mut findings, .. } = this.compiler;
        findings.sort_by(|one, other| {
            let key = |finding: &Finding| !finding.is_error();
            let rest = |other: &Finding| (other.path.clone(), other.code, other.message.clone());
            key(one).cmp(&key(other)).then_with(|| rest(one).cmp(&rest(other)))
        });
        findings.dedup();
        let common = Common {
            marks: languages.iter().map(|language| DecimalMark::of(language)).collect(),
            languages,
            zone,
            rich_values,
            resume_after: definition.bot.resume_after_seconds,
            limits: Limits::default(),
        };
        let triggers = Triggers::new(triggers);
        (Compiled { version, flows, nodes, names, common, triggers, commands, on_error }, findings)
    }

    fn new(definition: &'d Definition) -> Self {
        let mut languages = vec![definition.bot.language.clone()];
        for language in &definition.bot.languages {
            if !languages.contains(language) {
                languages.push(language.clone());
            }
        }
        let (mut places, mut flows, mut count) = (HashMap::new(), HashMap::new(), 0);
        for (flow, place) in definition.flows.iter().zip(0..) {
            for node in &flow.nodes {
                places.entry((flow.id.as_str(), node.id.as_str())).or_insert(count);
                count += 1;
            }
            let entry = places.get(&(flow.id.as_str(), flow.entry.as_str())).copied();
            let Flow { id, params, returns, .. } = flow;
            flows.entry(id.as_str()).or_insert(FlowRef { id, params, returns, place, entry });
        }
        let known = definition.bot.known.as_ref();
        Self { definition, compiler: Compiler::new(languages, known, places, flows) }
    }

    fn zone(&mut self) -> TimeZone {
        let Some(zone) = &self.definition.bot.zone else { return TimeZone::UTC };
        TimeZoneDatabase::bundled().get(zone).unwrap_or_else(|_| {
            self.compiler.find(
                Code::E001,
                "zone",
                "there is no such time zone; it is like America/Sao_Paulo",
            );
            TimeZone::UTC
        })
    }

    fn flow_plan(&mut self, flow: &'d Flow) -> FlowPlan {
        self.compiler.begin(flow.id.clone());
        let params = flow.params.iter().filter_map(|name| self.compiler.write("params", name)).collect();
        let expire = flow.expire.as_ref().map(|expire| {
            if expire.after_seconds == 0 {
                self.compiler.find(
                    Code::E001,
                    "expire/afterSeconds",
                    "it would expire at once; give at least 1",
                );
            }
            ExpirePlan {
                after: expire.after_seconds,
                say: expire.say.as_ref().map(|say| self.compiler.texts("expire/say", say)),
                to: expire.to.as_ref().and_then(|to| self.compiler.node_of("expire/to", &flow.id, to)),
            }
        });
        let entry = self.compiler.places.get(&(flow.id.as_str(), flow.entry.as_str())).copied();
        if entry.is_none() {
            self.compiler.find(
                Code::E003,
                "entry",
                format!("the flow has no node `{}` to begin with", flow.entry),
            );
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
        if node.exits.len() > finding::MAX_EXITS {
            // That it has too many was told.
            return NodePlan { id: node.id.clone(), flow: place, exits: Vec::new(), does: Box::new(Nothing) };
        }
        self.compiler.begin_node(&flow.id, &node.id, &node.exits);
        let exits = node.exits.iter().map(|exit| {
            let to = exit.to.as_ref().and_then(|to| self.compiler.node_of(&exit.id, &flow.id, to));
            (exit.id.clone(), to)
        });
        let exits = exits.collect();
        let does = node.kind.compile(&mut self.compiler);
        self.compiler.end_node();
        NodePlan { id: node.id.clone(), flow: place, exits, does }
    }

    fn trigger(&mut self, trigger: &'d Trigger) -> Option<TriggerPlan> {
        self.compiler.begin(format!("triggers/{}", trigger.id));
        let flow = self.compiler.flow("flow", &trigger.flow)?;
        for name in trigger.params.keys() {
            if !flow.params.contains(name) {
                self.compiler.find(
                    Code::E015,
                    "params",
                    format!("the flow `{}` has no param `{name}`", flow.id),
                );
            }
        }
        let params: Vec<(u16, Json)> = trigger
            .params
            .iter()
            .filter_map(|(name, value)| Some((self.compiler.write("params", name)?, value.clone())))
            .collect();
        let when = trigger.when.as_ref().map(|when| self.compiler.condition("when", when));
        let scope = self.scope(trigger);
        let on = trigger.on.compile(&trigger.id, scope.as_deref(), &mut self.compiler)?;
        let (id, cooldown, priority) = (trigger.id.clone(), trigger.cooldown_seconds, trigger.priority);
        let specificity = trigger.on.specificity();
        Some(TriggerPlan { id, flow: flow.place, params, when, cooldown, scope, priority, specificity, on })
    }

    fn command(&mut self, command: &'d Command) -> CommandPlan {
        self.compiler.begin(format!("commands/{}", command.id));
        let flow = match &command.does {
            CommandKind::Flow(flow) | CommandKind::Visit(flow) => {
                self.compiler.flow("does", flow).map(|flow| flow.place)
            }
            CommandKind::Human(queue) if !queue.is_empty() => {
                self.compiler.known("does", |known| &known.queues, queue);
                None
            }
            _ => None,
        };
        CommandPlan {
            id: command.id.clone(),
            does: command.does.clone(),
            flow,
            words: self.compiler.words("words", &command.words),
            say: command.say.as_ref().map(|say| self.compiler.texts("say", say)),
        }
    }

    fn on_error(&mut self) -> OnErrorPlan {
        self.compiler.begin("bot".to_owned());
        match &self.definition.on_error {
            OnError::End => OnErrorPlan::End,
            OnError::Handoff(queue) if queue.is_empty() => OnErrorPlan::Handoff(None),
            OnError::Handoff(queue) => {
                self.compiler.known("onError", |known| &known.queues, queue);
                OnErrorPlan::Handoff(Some(queue.clone()))
            }
            OnError::Flow(flow) => {
                let flow = self.compiler.flow("onError", flow);
                flow.map_or(OnErrorPlan::End, |flow| OnErrorPlan::Flow(flow.place))
            }
        }
    }

    /// The scope of a trigger that nobody in the chat causes.
    fn scope(&mut self, trigger: &Trigger) -> Option<String> {
        let is_unasked = trigger.on.is_unasked();
        match &trigger.scope {
            Some(_) if !is_unasked => {
                let why = "what somebody asks for needs no consent: remove the scope, or start the flow by an event or a schedule";
                self.compiler.find(Code::E001, "scope", why);
                None
            }
            Some(scope) if scope.trim().is_empty() => {
                self.compiler.find(
                    Code::E001,
                    "scope",
                    "say what the messages are for, such as `marketing` or `orders`",
                );
                None
            }
            Some(scope) => Some(scope.clone()),
            None => is_unasked.then(|| Consent::MARKETING.to_owned()),
        }
    }
}
