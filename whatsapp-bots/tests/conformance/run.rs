//! Runs a case with our engine.
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use whatsapp_bots::{
    Compiled, Contact, Definition, Effect, Event, Input, Message, Outcome,
    definition::{Node, On, Trigger},
    nodes::{Goto, Kind},
    tester::{Tester, Turn},
};

use super::compare::{Sprint, language, wait, with_buttons, word};

/// When cases begin, milliseconds since the Unix epoch.
const NOW: i64 = 1_795_424_400_000;

/// A bot that is run, and where its runs are.
pub(crate) struct Runner<'b> {
    definition: &'b Definition,
    tester: Tester<'b>,
    mocks: BTreeMap<String, Vec<(u16, String)>>,
    /// The node of theirs at which each flow is.
    places: BTreeMap<String, String>,
    /// The line of a request that has no answer yet.
    asked: Option<String>,
}

impl<'b> Runner<'b> {
    pub(crate) fn new(definition: &'b Definition, bot: &'b Compiled, case: &Json) -> Self {
        let tester = Tester::new(bot, contact(&case["contact"]), 1, NOW);
        Self { definition, tester, mocks: mocks(&case["http_mocks"]), places: BTreeMap::new(), asked: None }
    }

    /// What started the case.
    pub(crate) fn start(&mut self, trigger: &Json) -> Sprint {
        let flow = word(&trigger["flow"], "uuid").to_owned();
        let mut sprint = Sprint { runs: vec![format!("started {flow}")], ..Sprint::default() };
        let input = match word(trigger, "type") {
            "msg" => Input::Message(Message::text(word(&trigger["event"]["msg"], "text"))),
            _ => {
                let params = trigger["params"].as_object().cloned().unwrap_or_else(Map::new);
                Input::Start { flow: Some(flow), params }
            }
        };
        self.hear(&input, &mut sprint);
        sprint
    }

    /// What went on with it.
    pub(crate) fn resume(&mut self, resume: &Json) -> Sprint {
        let mut sprint = Sprint::default();
        match word(resume, "type") {
            "msg" => {
                let text = word(&resume["event"]["msg"], "text");
                self.hear(&Input::Message(Message::text(text)), &mut sprint);
            }
            _ => {
                let at = self.tester.state().wake_at().unwrap_or(self.tester.now());
                let seconds = (at - self.tester.now()).max(0) as u64 / 1000;
                let before = self.tester.contact().clone();
                for turn in self.tester.advance(seconds) {
                    self.turn(turn, &before, &mut sprint);
                }
                self.go_on(&mut sprint);
            }
        }
        sprint
    }

    fn hear(&mut self, input: &Input, sprint: &mut Sprint) {
        let before = self.tester.contact().clone();
        let turn = self.tester.hear(input);
        self.turn(turn, &before, sprint);
        self.go_on(sprint);
    }

    /// Answers requests, and gives chats back at once, as theirs do.
    fn go_on(&mut self, sprint: &mut Sprint) {
        for _ in 0..20 {
            let before = self.tester.contact().clone();
            if let Some(url) = self.asked.take() {
                let mock = self
                    .mocks
                    .get_mut(&url)
                    .filter(|mocks| !mocks.is_empty())
                    .map(|mocks| mocks.remove(0))
                    .filter(|(status, _)| *status > 0);
                let status = mock.as_ref().map_or(Json::Null, |(status, _)| Json::from(*status));
                sprint.events.push(("request".to_owned(), format!("{url} {status}")));
                let turn = self.tester.answer(match mock {
                    Some((status, body)) => Outcome::Answered { status, body },
                    None => Outcome::Failed("refused".to_owned()),
                });
                self.turn(turn, &before, sprint);
            } else if sprint.events.last().is_some_and(|(kind, _)| kind == "note") {
                let turn = self.tester.hear(&Input::HumanReleased);
                self.turn(turn, &before, sprint);
            } else {
                break;
            }
        }
    }

    fn turn(&mut self, turn: Turn, before: &Contact, sprint: &mut Sprint) {
        let mut contact = before.clone();
        for effect in &turn.effects {
            self.effect(effect, &mut contact, sprint);
        }
        let mut last = None;
        for step in &turn.path {
            let name = step.split('>').next().unwrap_or_default();
            let (flow, node) = name.split_once('/').unwrap_or_default();
            self.step(flow, node, sprint);
            last = self.node(flow, node);
        }
        if turn.status == "waiting" {
            let has_timeout = match last.map(|node| &node.kind) {
                Some(Kind::Wait(wait)) => wait.seconds.is_some(),
                Some(Kind::Choose(choose)) => choose.timeout_seconds.is_some(),
                _ => false,
            };
            sprint.events.push(("wait".to_owned(), wait(has_timeout)));
        }
    }

    fn node(&self, flow: &str, node: &str) -> Option<&'b Node> {
        self.definition.flow(flow)?.nodes.iter().find(|known| known.id == node)
    }

    fn step(&mut self, flow: &str, node: &str, sprint: &mut Sprint) {
        let theirs = node.split('.').next().unwrap_or_default();
        match self.node(flow, node).map(|node| &node.kind) {
            Some(Kind::Return(_)) => {
                let status = if node == "expired" { "expired" } else { "completed" };
                sprint.runs.push(format!("ended {flow} {status}"));
                self.places.remove(flow);
                return;
            }
            Some(Kind::CallFlow(call)) if self.places.get(flow).is_none_or(|place| place != node) => {
                self.enter(flow, theirs, node, sprint);
                // Seen again when the call comes back.
                self.places.insert(flow.to_owned(), node.to_owned());
                self.places.remove(&call.flow);
                sprint.runs.push(format!("started {}", call.flow));
                return;
            }
            Some(Kind::Goto(Goto { flow: Some(to), .. })) => {
                self.enter(flow, theirs, node, sprint);
                self.places.remove(flow);
                self.places.remove(to);
                sprint.runs.push(format!("ended {flow} completed"));
                sprint.runs.push(format!("started {to}"));
                return;
            }
            _ => {}
        }
        self.enter(flow, theirs, node, sprint);
        if node != "start" {
            self.places.insert(flow.to_owned(), node.to_owned());
        }
    }

    /// Notes the way from the last node of theirs to this one, if it begins here.
    fn enter(&mut self, flow: &str, theirs: &str, node: &str, sprint: &mut Sprint) {
        let Some(place) = self.places.get(flow) else { return };
        let from = place.split('.').next().unwrap_or_default();
        if node == theirs && place != node || from != theirs {
            sprint.segments.push(format!("{flow} {from} {theirs}"));
        }
    }

    fn effect(&mut self, effect: &Effect, contact: &mut Contact, sprint: &mut Sprint) {
        let mut push = |kind: &str, line: String| sprint.events.push((kind.to_owned(), line));
        match effect {
            Effect::Send { content, menu: None, .. } => {
                push("message", content.as_text().unwrap_or_default().to_owned());
            }
            Effect::Send { menu: Some(menu), .. } => {
                let titles: Vec<_> = menu.options.iter().map(|option| option.title.as_str()).collect();
                push("message", with_buttons(&menu.text, &titles));
            }
            Effect::Emit(Event::Custom { name, data }) if name == "result" => {
                let part = |key: &str| match &data[key] {
                    Json::String(text) => text.clone(),
                    Json::Null => String::new(),
                    other => other.to_string(),
                };
                push("result", ["name", "value", "category"].map(part).join(" | "));
            }
            Effect::SetField { field, value } => {
                let text = value.as_str().unwrap_or_default().to_owned();
                let old = match field.as_str() {
                    "name" => std::mem::replace(&mut contact.name, text.clone()),
                    "language" => std::mem::replace(&mut contact.language, text.clone()),
                    _ => {
                        let old = contact.fields.insert(field.clone(), value.clone());
                        old.and_then(|old| old.as_str().map(str::to_owned)).unwrap_or_default()
                    }
                };
                // Theirs tell of changes alone.
                if old != text {
                    push("field", format!("{field} {text}"));
                }
            }
            Effect::Tag { tag, add } => {
                let is_new = if *add { contact.tags.insert(tag.clone()) } else { contact.tags.remove(tag) };
                if is_new {
                    push("tag", format!("{}{tag}", if *add { "+" } else { "-" }));
                }
            }
            Effect::OptOut => push("status", "stopped".to_owned()),
            Effect::OptIn { .. } => push("status", "active".to_owned()),
            Effect::Http { request, .. } => self.asked = Some(request.url.clone()),
            Effect::Handoff { queue, note } => {
                push("ticket", queue.clone().unwrap_or_default());
                push("note", note.clone());
            }
            Effect::Emit(Event::Guard { .. }) => push("guard", String::new()),
            _ => {}
        }
    }
}

fn mocks(json: &Json) -> BTreeMap<String, Vec<(u16, String)>> {
    let all = json.as_object().into_iter().flatten();
    all.map(|(url, replies)| {
        let replies = replies.as_array().into_iter().flatten().map(|reply| {
            let body = match &reply["body"] {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            (reply["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap_or(0), body)
        });
        (url.clone(), replies.collect())
    })
    .collect()
}

fn contact(json: &Json) -> Contact {
    let urns = json["urns"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let fields = json["fields"].as_object().into_iter().flatten();
    Contact {
        name: word(json, "name").to_owned(),
        phone: urns.filter_map(|urn| urn.strip_prefix("tel:")).next().unwrap_or_default().to_owned(),
        language: language(word(json, "language")).to_owned(),
        tags: json["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|group| word(group, "name").to_owned())
            .collect(),
        fields: fields.map(|(key, value)| (key.clone(), value["text"].clone())).collect(),
    }
}

/// A trigger for a case that a message starts.
pub(crate) fn starts_by_message(definition: &mut Definition, flow: &str) {
    let id = "case".to_owned();
    let (on, flow, params) = (On::AnyMessage, flow.to_owned(), Default::default());
    definition.triggers = vec![Trigger { params, ..Trigger::new(id, on, flow) }];
}

/// Takes steps out that need attention; gives their kinds.
pub(crate) fn without_unknown(definition: &mut Definition) -> Vec<String> {
    let mut kinds = Vec::new();
    for node in definition.flows.iter_mut().flat_map(|flow| &mut flow.nodes) {
        if let Kind::Unknown(unknown) = &node.kind {
            kinds.push(unknown.kind.clone());
            let next = node.exits.iter().find_map(|exit| exit.to.clone());
            node.kind = match next {
                Some(next) => Kind::Goto(Goto { flow: None, node: Some(next) }),
                None => Kind::End(Default::default()),
            };
            node.exits.clear();
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
