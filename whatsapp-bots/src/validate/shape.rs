//! Ids and sizes.
use std::collections::HashSet;

use crate::{
    definition::{Definition, Flow},
    finding::{Code, Finding, MAX_EXITS, MAX_FLOWS, MAX_NODES},
};

/// Bytes of an id.
const ID: usize = 100;
/// Triggers of one bot.
const TRIGGERS: usize = 10_000;
/// Commands of one bot.
const COMMANDS: usize = 100;
/// Languages of one bot.
const LANGUAGES: usize = 50;

pub(super) fn check(definition: &Definition, findings: &mut Vec<Finding>) {
    let mut shape = Shape { findings };
    let bot = &definition.bot;
    shape.id("bot", &bot.id);
    if bot.language.is_empty() || bot.languages.iter().any(String::is_empty) {
        shape.find(Code::E001, "bot/language", "a language is a code such as `en` or `pt-BR`");
    }
    if definition.flows.is_empty() {
        shape.find(Code::E003, "flows", "a bot needs at least one flow");
    }
    for (path, count, most) in [
        ("flows", definition.flows.len(), MAX_FLOWS),
        ("triggers", definition.triggers.len(), TRIGGERS),
        ("commands", definition.commands.len(), COMMANDS),
        ("bot/languages", bot.languages.len(), LANGUAGES),
    ] {
        shape.count(path, count, most);
    }
    shape.ids("flows", definition.flows.iter().map(|flow| flow.id.as_str()));
    shape.ids("triggers", definition.triggers.iter().map(|trigger| trigger.id.as_str()));
    shape.ids("commands", definition.commands.iter().map(|command| command.id.as_str()));
    definition.flows.iter().for_each(|flow| shape.flow(flow));
}

struct Shape<'f> {
    findings: &'f mut Vec<Finding>,
}

impl Shape<'_> {
    fn find(&mut self, code: Code, path: &str, message: impl Into<String>) {
        self.findings.push(Finding::new(code, path, message));
    }

    fn flow(&mut self, flow: &Flow) {
        self.count(&flow.id, flow.nodes.len(), MAX_NODES);
        self.ids(&flow.id, flow.nodes.iter().map(|node| node.id.as_str()));
        for node in &flow.nodes {
            let path = format!("{}/{}", flow.id, node.id);
            self.count(&path, node.exits.len(), MAX_EXITS);
            self.ids(&path, node.exits.iter().map(|exit| exit.id.as_str()));
        }
    }

    fn count(&mut self, path: &str, count: usize, most: usize) {
        if count > most {
            self.find(Code::E017, path, format!("{count} of at most {most}; divide it"));
        }
    }

    fn ids<'i>(&mut self, path: &str, ids: impl Iterator<Item = &'i str>) {
        let mut seen = HashSet::new();
        for id in ids {
            let path = format!("{path}/{id}");
            self.id(&path, id);
            if !seen.insert(id) {
                self.find(Code::E002, &path, "this id is there twice; each needs one of its own");
            }
        }
    }

    fn id(&mut self, path: &str, id: &str) {
        let is_id =
            !id.is_empty() && id.len() <= ID && !id.contains('/') && !id.chars().any(char::is_control);
        if !is_id {
            self.find(Code::E002, path, format!("an id has 1 to {ID} bytes and no `/` in it"));
        }
    }
}
