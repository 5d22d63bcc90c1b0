//! The nodes that one node of theirs becomes.
use serde_json::Value as Json;

use super::{DONE, Import};
use crate::{
    definition::Node,
    import::{Code, ImportError, draft::exit, list, required, text},
    nodes::{Goto, Kind},
};

/// Nodes one after the other; each one's exits lead to the next.
pub(super) struct Chain<'j> {
    pub(super) json: &'j Json,
    pub(super) path: String,
    nodes: Vec<Node>,
}

impl<'j> Chain<'j> {
    /// Their node's id.
    pub(super) fn id(&self) -> &'j str {
        text(self.json, "uuid")
    }

    /// The id of the node that comes next.
    pub(super) fn upcoming(&self) -> String {
        self.named(self.nodes.len())
    }

    fn named(&self, place: usize) -> String {
        if place == 0 { self.id().to_owned() } else { format!("{}.{place}", self.id()) }
    }

    pub(super) fn add(&mut self, kind: Kind, exits: &[&str]) {
        let (id, next) = (self.upcoming(), self.named(self.nodes.len() + 1));
        let exits = exits.iter().map(|id| exit(*id, Some(next.clone()))).collect();
        self.nodes.push(Node { id, label: None, kind, exits });
    }

    /// One whose exits are its own.
    pub(super) fn add_whole(&mut self, mut node: Node) {
        node.id = self.upcoming();
        self.nodes.push(node);
    }

    pub(super) fn last(&mut self) -> Option<&mut Node> {
        self.nodes.last_mut()
    }

    /// Where the last one leads to.
    fn lead(&mut self, to: &str) {
        if self.nodes.is_empty() {
            let goto = Goto { flow: None, node: Some(to.to_owned()) };
            return self.add(Kind::Goto(goto), &[]);
        }
        let next = self.upcoming();
        for node in &mut self.nodes {
            for exit in node.exits.iter_mut().filter(|exit| exit.to.as_ref() == Some(&next)) {
                exit.to = Some(to.to_owned());
            }
        }
    }
}

impl<'j> Import<'j> {
    pub(super) fn node(&mut self, json: &'j Json, path: &str) -> Result<(), ImportError> {
        let id = required(json, "uuid", path)?;
        self.draft.step(id, path)?;
        let mut chain = Chain { json, path: path.to_owned(), nodes: Vec::new() };
        for (place, action) in list(json, "actions", path)?.iter().enumerate() {
            let path = format!("{path}.actions[{place}]");
            required(action, "type", &path)?;
            self.action(action, &path, &mut chain)?;
        }
        match json.get("router").filter(|router| !router.is_null()) {
            Some(router) => self.router(router, &mut chain)?,
            None => {
                let exit = list(json, "exits", path)?.first();
                let to = exit.map_or("", |exit| text(exit, "destination_uuid"));
                chain.lead(if to.is_empty() { DONE } else { to });
            }
        }
        self.draft.nodes.append(&mut chain.nodes);
        Ok(())
    }

    /// A step that needs attention.
    pub(super) fn unknown(&mut self, json: &Json, path: &str, code: Code, why: &str, chain: &mut Chain<'j>) {
        let kind = text(json, "type");
        let message = format!("`{kind}`: {why}; replace its node");
        self.draft.note(code, path, &chain.upcoming(), message);
        let unknown = crate::definition::Unknown { kind: format!("rapidpro:{kind}"), config: json.clone() };
        chain.add(Kind::Unknown(unknown), &["next"]);
    }
}
