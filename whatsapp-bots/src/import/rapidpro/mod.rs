//! Flows of RapidPro and TextIt, specifications 13 and 14.
//!
//! Each node becomes a chain of ours: its actions in order, then its wait, then its branch; the first has the node's id.
//! A result becomes a variable with `value` and `category`, and an event `result` for the reports. A flow ends with `return`,
//! so that whoever called it can ask how it ended.
mod actions;
mod cases;
mod chain;
mod excellent;
mod functions;
mod languages;
mod paths;
mod router;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use self::languages::language;
use super::{
    Code, ImportError, Imported,
    draft::{self, Draft},
    list, names, read, required, text,
};
use crate::{
    definition::{
        Bot, Compare, Condition, Definition, Expire, FORMAT, Flow, Interrupt, Matching, On, OnError, Source,
        Test, Text, Trigger, Words,
    },
    nodes::{Branch, Case, Kind, Return},
    triggers::kinds::Keyword,
};

/// The node that looks at the message that started a flow.
const START: &str = "start";
/// The node by which a flow ends.
const DONE: &str = "done";
/// The node by which a flow ends that nobody went on with.
const EXPIRED: &str = "expired";
/// Seconds after which a flow expires that says nothing about it.
const EXPIRE: u64 = 7 * 24 * 3600;

/// The most languages of a flow.
const LANGUAGES: usize = 100;

/// What an export does not say.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The languages that are used, with two or three letters; translations into others are left out. All when empty.
    pub languages: Vec<String>,
}

/// Imports flows of RapidPro or TextIt: an export, or anything else with a list `flows` (specification 13 or 14).
///
/// # Errors
/// When it is nothing like that; what a step does that we cannot do is in the report instead.
pub fn rapidpro(json: &str, workspace: &Workspace) -> Result<Imported, ImportError> {
    let document = read(json)?;
    let flows = list(&document, "flows", "")?;
    if flows.is_empty() {
        let why = "this is no export with flows; export the flows again";
        return Err(ImportError::Format { path: "flows".to_owned(), why });
    }
    let mut import = Import {
        draft: Draft::default(),
        flow: &Json::Null,
        nodes: BTreeMap::new(),
        languages: workspace.languages.iter().map(|code| language(code)).collect(),
        used: BTreeSet::new(),
        asked: asked_of_children(json),
        params: BTreeSet::new(),
        ids: flows.iter().map(|flow| text(flow, "uuid")).collect(),
        called: called(flows),
        groups: names_of(list(&document, "groups", "")?),
    };
    let mut made = Vec::new();
    for (place, flow) in flows.iter().enumerate() {
        made.push(import.flow(flow, &format!("flows[{place}]"))?);
    }
    let triggers = import.triggers(&document)?;
    if !list(&document, "campaigns", "")?.is_empty() {
        import.draft.note(
            Code::I204,
            "campaigns",
            "",
            "campaigns are not carried over; make them as campaigns",
        );
    }
    let base = language(text(&flows[0], "language"));
    import.used.remove(&base);
    let bot = Bot {
        id: format!("rapidpro-{}", text(&flows[0], "uuid")),
        name: text(&flows[0], "name").to_owned(),
        language: base,
        languages: import.used.into_iter().collect(),
        zone: None,
        resume_after_seconds: None,
        known: None,
    };
    let definition = Definition {
        format: FORMAT,
        bot,
        flows: made,
        triggers,
        commands: Vec::new(),
        on_error: OnError::End,
        ui: None,
        meta: Some(draft::origin("rapidpro", text(&flows[0], "spec_version"))),
    };
    Ok(Imported { definition, report: import.draft.report })
}

/// The results that callers ask for, wherever they do.
fn asked_of_children(json: &str) -> BTreeSet<String> {
    let after = json.split("child.results.").skip(1);
    after.map(|rest| names::name(paths::first_word(rest))).collect()
}

/// One import.
struct Import<'j> {
    draft: Draft,
    flow: &'j Json,
    /// The nodes of the current flow.
    nodes: BTreeMap<&'j str, &'j Json>,
    /// The languages to take; all when empty.
    languages: Vec<String>,
    /// Languages that occurred.
    used: BTreeSet<String>,
    asked: BTreeSet<String>,
    /// What the current flow is given when it starts.
    params: BTreeSet<String>,
    ids: BTreeSet<&'j str>,
    /// Flows that others call.
    called: BTreeSet<&'j str>,
    /// The names of groups, which may have changed since a flow was written.
    groups: BTreeMap<&'j str, &'j str>,
}

fn names_of(items: &[Json]) -> BTreeMap<&str, &str> {
    items.iter().map(|item| (text(item, "uuid"), text(item, "name"))).collect()
}

fn called(flows: &[Json]) -> BTreeSet<&str> {
    let nodes = flows.iter().filter_map(|flow| flow.get("nodes").and_then(Json::as_array)).flatten();
    let actions = nodes.filter_map(|node| node.get("actions").and_then(Json::as_array)).flatten();
    let flows =
        actions.filter(|action| text(action, "type") == "enter_flow").filter_map(|action| action.get("flow"));
    flows.map(|flow| text(flow, "uuid")).collect()
}

impl<'j> Import<'j> {
    fn flow(&mut self, flow: &'j Json, path: &str) -> Result<Flow, ImportError> {
        let id = required(flow, "uuid", path)?;
        let version = required(flow, "spec_version", path)?;
        if !matches!(version.split('.').next(), Some("13" | "14")) {
            let why = "this reads the specifications 13 and 14; open the flow and export it again";
            return Err(ImportError::Format { path: format!("{path}.spec_version"), why });
        }
        self.draft.step(id, path)?;
        if text(flow, "type") == "voice" {
            self.draft.note(
                Code::I101,
                path,
                "",
                "a flow for calls; its questions cannot be asked in a chat",
            );
        }
        let languages = flow.get("localization").and_then(Json::as_object).map_or(0, serde_json::Map::len);
        if languages > LANGUAGES {
            let path = format!("{path}.localization");
            return Err(ImportError::TooLarge { path, limit: LANGUAGES, what: "languages" });
        }
        self.flow = flow;
        self.params.clear();
        let nodes = list(flow, "nodes", path)?;
        self.nodes = nodes.iter().map(|node| (text(node, "uuid"), node)).collect();
        for (place, node) in nodes.iter().enumerate() {
            self.node(node, &format!("{path}.nodes[{place}]"))?;
        }
        self.ends();
        let entry = self.entry(nodes);
        let minutes = flow.get("expire_after_minutes").and_then(Json::as_u64).filter(|minutes| *minutes > 0);
        let after_seconds = minutes.map_or(EXPIRE, |minutes| minutes.saturating_mul(60));
        self.cut_targets(path);
        Ok(Flow {
            id: id.to_owned(),
            name: text(flow, "name").to_owned(),
            entry,
            nodes: std::mem::take(&mut self.draft.nodes),
            params: self.params.iter().cloned().collect(),
            returns: self.returned("").into_keys().collect(),
            expire: Some(Expire { after_seconds, say: None, to: Some(EXPIRED.to_owned()) }),
            interrupt: match flow.get("ignore_triggers").and_then(Json::as_bool) {
                Some(true) => Interrupt::Commands,
                _ => Interrupt::All,
            },
        })
    }

    /// The node that it begins with. Where that waits at once, the message that started the flow is the answer; not so in a
    /// flow that another one calls.
    fn entry(&mut self, nodes: &[Json]) -> String {
        let Some(first) = nodes.first() else { return DONE.to_owned() };
        let id = text(first, "uuid");
        let has_actions =
            first.get("actions").and_then(Json::as_array).is_some_and(|actions| !actions.is_empty());
        if has_actions || !router::waits(first) || self.called.contains(text(self.flow, "uuid")) {
            return id.to_owned();
        }
        let path = "input.text".to_owned();
        let when = Condition::Test(Test { path, is: Compare::Set, value: Json::Null, as_number: false });
        let cases = vec![Case { id: "heard".to_owned(), when }];
        let exits =
            vec![draft::exit("heard", Some(format!("{id}.1"))), draft::exit("else", Some(id.to_owned()))];
        self.draft.push(START, Kind::Branch(Branch { cases }), exits);
        START.to_owned()
    }

    /// How the flow ended, and the results that somebody asks for.
    fn returned(&self, status: &str) -> BTreeMap<String, Source> {
        let results = self.results();
        let asked = results.iter().filter(|name| self.asked.contains(*name));
        let mut values: BTreeMap<_, _> =
            asked.map(|name| (format!("r_{name}"), Source::Expr(format!("r_{name}")))).collect();
        values.insert("status".to_owned(), Source::Value(json!(status)));
        values
    }

    /// The results that this flow sets.
    fn results(&self) -> BTreeSet<String> {
        let nodes = self.flow.get("nodes").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let mut results = BTreeSet::new();
        for node in nodes {
            let actions = node.get("actions").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            let of_actions = actions.iter().map(|action| match text(action, "type") {
                "set_run_result" => text(action, "name"),
                _ => text(action, "result_name"),
            });
            let of_router = node.get("router").map(|router| text(router, "result_name"));
            let found = of_actions.chain(of_router).filter(|result| !result.is_empty());
            results.extend(found.map(names::name));
        }
        results
    }

    fn ends(&mut self) {
        for (id, status) in [(DONE, "completed"), (EXPIRED, "expired")] {
            let values = self.returned(status);
            self.draft.push(id, Kind::Return(Return { values }), Vec::new());
        }
    }

    /// Exits to nodes that are not there end the flow instead.
    fn cut_targets(&mut self, path: &str) {
        let known: BTreeSet<String> = self.draft.nodes.iter().map(|node| node.id.clone()).collect();
        let mut lost = Vec::new();
        for node in &mut self.draft.nodes {
            for exit in
                node.exits.iter_mut().filter(|exit| exit.to.as_ref().is_some_and(|to| !known.contains(to)))
            {
                exit.to = Some(DONE.to_owned());
                lost.push(node.id.clone());
            }
        }
        for node in lost {
            self.draft.note(
                Code::I202,
                path,
                &node,
                "what it leads to is not there; the flow is over after it",
            );
        }
    }

    /// A text in all its languages: that of the flow, and the translations of the item with that id.
    fn localised(&mut self, base: &str, item: &str, property: &str, path: &str, node: &str) -> Text {
        let base = self.template(base, path, node);
        let mut each = BTreeMap::new();
        for (language, texts) in self.translations(item, property) {
            if let Some(source) = texts.first() {
                let template = self.template(source, path, node);
                each.insert(language, template);
            }
        }
        let own = language(text(self.flow, "language"));
        if each.is_empty() {
            return Text::One(base);
        }
        each.insert(own, base);
        Text::Each(each)
    }

    /// Translations of one property of an item, by our language.
    fn translations(&mut self, item: &str, property: &str) -> Vec<(String, Vec<&'j str>)> {
        let all = self.flow.get("localization").and_then(Json::as_object);
        let mut found = Vec::new();
        for (code, items) in all.into_iter().flatten() {
            let texts = items.get(item).and_then(|item| item.get(property)).and_then(Json::as_array);
            let texts: Vec<_> = texts.into_iter().flatten().filter_map(Json::as_str).collect();
            let code = language(code);
            if texts.is_empty() || !(self.languages.is_empty() || self.languages.contains(&code)) {
                continue;
            }
            self.used.insert(code.clone());
            found.push((code, texts));
        }
        found
    }

    fn triggers(&mut self, document: &Json) -> Result<Vec<Trigger>, ImportError> {
        let mut triggers = Vec::new();
        for (place, trigger) in list(document, "triggers", "")?.iter().enumerate() {
            let path = format!("triggers[{place}]");
            let on = match text(trigger, "trigger_type") {
                "K" => keyword(trigger),
                "C" => Some(On::AnyMessage),
                "N" => Some(On::FirstContact),
                _ => None,
            };
            let flow = trigger.get("flow").map(|flow| text(flow, "uuid")).unwrap_or_default();
            let Some(on) = on.filter(|_| self.ids.contains(flow)) else {
                let why = "this trigger is not carried over; make one that fits";
                self.draft.note(Code::I204, &path, "", why);
                continue;
            };
            if !list(trigger, "groups", &path)?.is_empty()
                || !list(trigger, "exclude_groups", &path)?.is_empty()
            {
                self.draft.note(Code::I201, &path, "", "its groups are not looked at; add a condition");
            }
            let (id, flow) = (format!("trigger-{}", place + 1), flow.to_owned());
            let (params, when) = (BTreeMap::new(), None);
            triggers.push(Trigger { when, params, ..Trigger::new(id, on, flow) });
        }
        Ok(triggers)
    }
}

fn keyword(trigger: &Json) -> Option<On> {
    let mut words: Vec<String> = trigger
        .get("keywords")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect();
    words.extend(Some(text(trigger, "keyword").to_owned()).filter(|word| !word.is_empty()));
    let matching = if text(trigger, "match_type") == "O" { Matching::Exact } else { Matching::StartsWith };
    (!words.is_empty()).then_some(On::Keyword(Keyword { words: Words::One(words), matching }))
}
