//! Exports of Typebot, versions 6 and 6.1.
//!
//! Each block becomes one node with the block's id; a text before a question becomes the question's text. Groups are frames
//! in an editor and have no counterpart. The whole is one flow, `main`; a group that is called and comes back is a flow
//! as well.
mod arithmetic;
mod bubbles;
mod choices;
mod conditions;
mod http;
mod inputs;
mod logic;
mod parts;
mod start;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use self::texts::Variables;
use super::{
    Code, ImportError, Imported,
    draft::{self, Draft},
    list, read, required, text,
};
use crate::{
    definition::{Bot, Definition, FORMAT, Flow, Interrupt, OnError},
    nodes::{Goto, Kind},
};

/// The id of the flow that a bot becomes.
pub(super) const FLOW: &str = "main";

/// Imports an export of Typebot (version 6 or 6.1).
///
/// # Errors
/// When it is no such export; what a block does that we cannot do is in the report instead.
pub fn typebot(json: &str) -> Result<Imported, ImportError> {
    let json = read(json)?;
    let version = version(&json)?;
    let mut draft = Draft::default();
    let mut import = Import::new(&json, &mut draft)?;
    let entry = import.entry(&json)?;
    import.groups(&json)?;
    let Import { expire, triggers, called, .. } = import.settings(&json);
    let name = text(&json, "name").to_owned();
    let flow = Flow {
        id: FLOW.to_owned(),
        name: name.clone(),
        entry,
        nodes: std::mem::take(&mut draft.nodes),
        params: Vec::new(),
        returns: Vec::new(),
        expire,
        interrupt: Interrupt::Commands,
    };
    let mut flows = parts::flows(called, &flow)?;
    flows.insert(0, flow);
    let id = Some(text(&json, "id")).filter(|id| !id.is_empty()).unwrap_or("imported").to_owned();
    let bot = Bot {
        id,
        name,
        language: "en".to_owned(),
        languages: Vec::new(),
        zone: None,
        resume_after_seconds: None,
        known: None,
    };
    let definition = Definition {
        format: FORMAT,
        bot,
        flows,
        triggers,
        commands: Vec::new(),
        on_error: OnError::End,
        ui: None,
        meta: Some(draft::origin("typebot", version)),
    };
    Ok(Imported { definition, report: draft.report })
}

fn version(json: &Json) -> Result<&str, ImportError> {
    let wrong = |why| Err(ImportError::Format { path: "version".to_owned(), why });
    match json.get("version").and_then(Json::as_str) {
        Some(version @ ("6" | "6.1")) => Ok(version),
        Some("3" | "4" | "5") => {
            wrong("an export of an old version; open the bot in Typebot and export it again")
        }
        _ if json.get("groups").is_none() => wrong("this is no export of Typebot"),
        _ => wrong("this reads the versions 6 and 6.1; open the bot in Typebot and export it again"),
    }
}

/// One import.
pub(super) struct Import<'j, 'd> {
    draft: &'d mut Draft,
    variables: Variables,
    /// The node that an edge leads to.
    edges: BTreeMap<&'j str, Option<String>>,
    /// The first node of each group.
    firsts: BTreeMap<&'j str, Option<String>>,
    /// Texts that became part of the question behind them.
    joined: BTreeMap<&'j str, &'j str>,
    /// Flows that are called, and the nodes that they begin with.
    called: BTreeMap<String, String>,
    expire: Option<crate::definition::Expire>,
    triggers: Vec<crate::definition::Trigger>,
}

/// A block, where it is, and where it goes on.
struct Block<'j> {
    json: &'j Json,
    id: &'j str,
    kind: &'j str,
    path: String,
    next: Option<String>,
    /// The text before it, where that belongs to it.
    question: Option<&'j Json>,
}

impl<'j> Block<'j> {
    fn option(&self, key: &str) -> &'j Json {
        self.json.get("options").and_then(|options| options.get(key)).unwrap_or(&Json::Null)
    }

    fn content(&self, key: &str) -> &'j Json {
        self.json.get("content").and_then(|content| content.get(key)).unwrap_or(&Json::Null)
    }
}

impl<'j, 'd> Import<'j, 'd> {
    fn new(json: &'j Json, draft: &'d mut Draft) -> Result<Self, ImportError> {
        let variables = Variables::new(json)?;
        let mut import = Self {
            draft,
            variables,
            edges: BTreeMap::new(),
            firsts: BTreeMap::new(),
            joined: BTreeMap::new(),
            called: BTreeMap::new(),
            expire: None,
            triggers: Vec::new(),
        };
        import.index_groups(json)?;
        import.index_edges(json)?;
        Ok(import)
    }

    fn index_groups(&mut self, json: &'j Json) -> Result<(), ImportError> {
        for (place, group) in list(json, "groups", "")?.iter().enumerate() {
            let path = format!("groups[{place}]");
            let blocks = list(group, "blocks", &path)?;
            for pair in blocks.windows(2) {
                let [one, other] = pair else { continue };
                if text(one, "type") == "text" && inputs::takes_a_question(other) {
                    self.joined.insert(text(one, "id"), text(other, "id"));
                }
            }
            let first = blocks.first().map(|block| self.node(text(block, "id")));
            if self.firsts.insert(required(group, "id", &path)?, first).is_some() {
                return Err(ImportError::Duplicate { path });
            }
        }
        Ok(())
    }

    fn index_edges(&mut self, json: &'j Json) -> Result<(), ImportError> {
        for (place, edge) in list(json, "edges", "")?.iter().enumerate() {
            let path = format!("edges[{place}]");
            let id = required(edge, "id", &path)?;
            let to = edge.get("to").unwrap_or(&Json::Null);
            let (group, block) = (text(to, "groupId"), text(to, "blockId"));
            let target = match (block, self.firsts.get(group)) {
                ("", Some(first)) => first.clone(),
                ("", None) => None,
                (block, _) => Some(self.node(block)),
            };
            self.edges.insert(id, target);
        }
        Ok(())
    }

    /// The id of the node that a block becomes.
    fn node(&self, block: &str) -> String {
        self.joined.get(block).copied().unwrap_or(block).to_owned()
    }

    /// The node that the edge at `outgoingEdgeId` leads to; `None` without such an edge.
    fn edge(&mut self, json: &'j Json, path: &str, node: &str) -> Option<Option<String>> {
        let edge = json.get("outgoingEdgeId").and_then(Json::as_str)?;
        match self.edges.get(edge) {
            Some(Some(target)) => Some(Some(target.clone())),
            _ => {
                let why = "what it leads to is not there; the flow is over after it";
                self.draft.note(Code::I202, path, node, why);
                Some(None)
            }
        }
    }

    fn entry(&mut self, json: &'j Json) -> Result<String, ImportError> {
        let missing = |path: &str| ImportError::Format {
            path: path.to_owned(),
            why: "the bot has no start that leads to a group; connect it and export again",
        };
        let mut entry = None;
        for (place, event) in list(json, "events", "")?.iter().enumerate() {
            let path = format!("events[{place}]");
            if text(event, "type") == "start" {
                entry = Some(self.edge(event, &path, "").flatten().ok_or_else(|| missing(&path))?);
            } else {
                let why = "only the start is carried over; make it a command or a trigger of the bot";
                self.draft.note(Code::I204, &path, "", why);
            }
        }
        entry.ok_or_else(|| missing("events"))
    }

    fn groups(&mut self, json: &'j Json) -> Result<(), ImportError> {
        for (place, group) in list(json, "groups", "")?.iter().enumerate() {
            let path = format!("groups[{place}]");
            let blocks = list(group, "blocks", &path)?;
            let mut question = None;
            for (place, block) in blocks.iter().enumerate() {
                let path = format!("{path}.blocks[{place}]");
                let id = required(block, "id", &path)?;
                self.draft.step(id, &path)?;
                if self.joined.contains_key(id) {
                    question = Some(block);
                    continue;
                }
                let behind = blocks.get(place + 1).map(|next| self.node(text(next, "id")));
                let next = self.edge(block, &path, id).unwrap_or(behind);
                let kind = required(block, "type", &path)?;
                let question = question.take();
                self.block(&Block { json: block, id, kind, path, next, question })?;
            }
        }
        self.check_targets();
        Ok(())
    }

    fn block(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        match block.kind {
            "text" => self.bubble(block),
            "image" | "video" | "audio" | "embed" => self.link(block),
            "Redirect" => self.redirect(block),
            "Jump" => self.jump(block),
            "Typebot link" => self.linked(block),
            "Wait" => self.wait(block),
            "Return" => self.draft.push(block.id, Kind::Return(Default::default()), Vec::new()),
            "AB test" => self.ab_test(block)?,
            "Set variable" => self.set_variable(block),
            "Condition" => self.condition(block)?,
            "Webhook" | "HTTP request" => self.http(block)?,
            _ if inputs::takes_a_question(block.json) => self.input(block)?,
            _ => self.unknown(block, Code::I101, "it has no counterpart"),
        }
        Ok(())
    }

    fn unknown(&mut self, block: &Block<'j>, code: Code, why: &str) {
        let kind = format!("typebot:{}", block.kind);
        self.draft.note(code, &block.path, block.id, format!("`{}`: {why}; replace its node", block.kind));
        self.draft.attention(block.id, kind, block.json, block.next.clone());
    }

    /// Edges and jumps to blocks that are not there end the flow instead.
    fn check_targets(&mut self) {
        let known: std::collections::BTreeSet<String> =
            self.draft.nodes.iter().map(|node| node.id.clone()).collect();
        let mut lost = Vec::new();
        for node in &mut self.draft.nodes {
            let jump = match &mut node.kind {
                Kind::Goto(Goto { node: Some(to), .. }) => !known.contains(to),
                _ => false,
            };
            if jump {
                node.kind = Kind::End(Default::default());
            }
            let exits = node.exits.iter_mut();
            let cut = exits.filter(|exit| exit.to.as_ref().is_some_and(|to| !known.contains(to)));
            if cut.map(|exit| exit.to = None).count() > 0 || jump {
                lost.push(node.id.clone());
            }
        }
        for node in lost {
            let why = "what it leads to is not there; the flow is over after it";
            self.draft.note(Code::I202, "", &node, why);
        }
    }
}
