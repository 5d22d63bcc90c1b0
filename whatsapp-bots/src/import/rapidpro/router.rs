//! Routers: waits, and ways out of a node.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{DONE, Import, actions::result_nodes, chain::Chain};
use crate::{
    definition::{Exit, Node, Source, Unknown},
    import::{Code, ImportError, draft::exit, list, required, text},
    nodes::{Arm, Assignment, Branch, Case, Kind, Set, Split, Wait},
};

/// Does the router of that node wait for a message?
pub(super) fn waits(node: &Json) -> bool {
    node.get("router").and_then(|router| router.get("wait")).is_some_and(|wait| text(wait, "type") == "msg")
}

/// A node that does nothing but wait and look at the answer.
pub(super) struct Behind {
    /// Our node that looks at it.
    pub(super) then: String,
    /// Seconds, and our node that goes on when nobody answers.
    pub(super) timeout: Option<(u64, String)>,
}

/// Where the categories lead to.
struct Ways<'j> {
    names: BTreeMap<&'j str, &'j str>,
    targets: BTreeMap<&'j str, &'j str>,
    result: &'j str,
    /// Nodes that note a result.
    notes: Vec<Node>,
}

impl<'j> Import<'j> {
    /// The node behind one without a router, if it does nothing but wait.
    pub(super) fn wait_behind(&self, node: &Json) -> Option<Behind> {
        if node.get("router").is_some_and(|router| !router.is_null()) {
            return None;
        }
        let to = text(node.get("exits")?.as_array()?.first()?, "destination_uuid");
        let behind = self.nodes.get(to).copied().filter(|node| waits(node))?;
        if behind.get("actions").and_then(Json::as_array).is_some_and(|actions| !actions.is_empty()) {
            return None;
        }
        let router = behind.get("router")?;
        let timeout = router.get("wait")?.get("timeout").and_then(|timeout| {
            let seconds = timeout.get("seconds")?.as_u64()?;
            // Its node notes the result of a timeout first, where it has one.
            if !text(router, "result_name").is_empty() {
                return Some((seconds, format!("{to}.v0")));
            }
            let find = |list: &Json, id: &str| {
                list.as_array()?.iter().find(|item| text(item, "uuid") == id).cloned()
            };
            let category = find(router.get("categories")?, text(timeout, "category_uuid"))?;
            let exit = find(behind.get("exits")?, text(&category, "exit_uuid"))?;
            let target = Some(text(&exit, "destination_uuid")).filter(|target| !target.is_empty());
            Some((seconds, target.unwrap_or(DONE).to_owned()))
        });
        Some(Behind { then: format!("{to}.1"), timeout })
    }

    pub(super) fn router(&mut self, router: &'j Json, chain: &mut Chain<'j>) -> Result<(), ImportError> {
        let path = format!("{}.router", chain.path);
        let mut ways = Ways::read(router, chain)?;
        match text(router, "type") {
            "random" => {
                let categories = list(router, "categories", &path)?;
                let arms = categories
                    .iter()
                    .map(|category| Arm { id: text(category, "uuid").to_owned(), weight: 1 });
                let arms: Vec<_> = arms.collect();
                let exits = categories.iter().map(|category| {
                    let id = text(category, "uuid");
                    ways.way(chain, id, id, String::new())
                });
                let exits = exits.collect();
                chain.add_whole(node(Kind::Split(Split { arms, sticky: false }), exits));
            }
            "switch" => self.switch(router, &path, &mut ways, chain)?,
            _ => self.unknown_router(router, &path, Code::I101, "it has no counterpart", &mut ways, chain),
        }
        for node in ways.notes {
            self.draft.nodes.push(node);
        }
        Ok(())
    }

    fn unknown_router(
        &mut self,
        router: &'j Json,
        path: &str,
        code: Code,
        why: &str,
        ways: &mut Ways<'j>,
        chain: &mut Chain<'j>,
    ) {
        let kind = text(router, "type");
        self.draft.note(code, path, &chain.upcoming(), format!("`{kind}`: {why}; replace its node"));
        let ids: Vec<_> = ways.names.keys().copied().collect();
        let exits = ids.into_iter().map(|id| ways.way(chain, id, id, String::new())).collect();
        let unknown = Unknown { kind: format!("rapidpro:{kind}"), config: router.clone() };
        chain.add_whole(node(Kind::Unknown(unknown), exits));
    }

    fn switch(
        &mut self,
        router: &'j Json,
        path: &str,
        ways: &mut Ways<'j>,
        chain: &mut Chain<'j>,
    ) -> Result<(), ImportError> {
        if let Some(wait) = router.get("wait").filter(|wait| !wait.is_null()) {
            self.wait(wait, path, ways, chain);
        }
        let source = required(router, "operand", path)?;
        let Some(operand) = self.read_operand(source, path, chain) else {
            self.unknown_router(router, path, Code::I103, "what it looks at was not understood", ways, chain);
            return Ok(());
        };
        let (mut cases, mut exits) = (Vec::new(), Vec::new());
        for (place, case) in list(router, "cases", path)?.iter().enumerate() {
            let path = format!("{path}.cases[{place}]");
            let (id, category) = (required(case, "uuid", &path)?, required(case, "category_uuid", &path)?);
            let Some(found) = self.ways(case, &operand, &path, &chain.upcoming()) else {
                let why = "one of its tests has no counterpart";
                self.unknown_router(router, &path, Code::I101, why, ways, chain);
                return Ok(());
            };
            for (place, way) in found.into_iter().enumerate() {
                let id = if place == 0 { id.to_owned() } else { format!("{id}.{place}") };
                exits.push(ways.way(chain, &id, category, way.value));
                cases.push(Case { id, when: way.when });
            }
        }
        let default = text(router, "default_category_uuid");
        exits.push(ways.way(chain, "else", default, format!("{{{{ {operand} }}}}")));
        chain.add_whole(node(Kind::Branch(Branch { cases }), exits));
        Ok(())
    }

    /// A path; what is more than a path goes to a variable first.
    fn read_operand(&mut self, source: &str, path: &str, chain: &mut Chain<'j>) -> Option<String> {
        let found = self.operand(source, path, &chain.upcoming())?;
        let is_path = found.chars().all(|c| c.is_ascii_alphanumeric() || "._[]".contains(c));
        if is_path && !found.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(found);
        }
        let values = vec![Assignment { to: "operand".to_owned(), from: Source::Expr(found) }];
        chain.add(Kind::Set(Set { values }), &["next"]);
        Some("operand".to_owned())
    }

    /// Waits for a message, unless the question before does so.
    fn wait(&mut self, wait: &'j Json, path: &str, ways: &mut Ways<'j>, chain: &mut Chain<'j>) {
        if text(wait, "type") != "msg" {
            let path = format!("{path}.wait");
            self.unknown(wait, &path, Code::I101, "it does not wait for a message", chain);
            return;
        }
        if !wait.get("hint").unwrap_or(&Json::Null).is_null() {
            let why = "any message is taken; ask for a file or a place instead";
            self.draft.note(Code::I201, &format!("{path}.wait.hint"), &chain.upcoming(), why);
        }
        let timeout = wait.get("timeout").filter(|timeout| !timeout.is_null());
        let seconds = timeout.and_then(|timeout| timeout.get("seconds")).and_then(Json::as_u64);
        let category = timeout.map_or("", |timeout| text(timeout, "category_uuid"));
        let exit = match chain.last() {
            // It waits already.
            Some(Node { kind: Kind::Choose(choose), .. }) => {
                choose.timeout_seconds = seconds;
                "timeout"
            }
            _ => {
                chain.add(Kind::Wait(Wait { seconds, reply: true, event: None, save: None }), &["reply"]);
                "next"
            }
        };
        if seconds.is_some() {
            let way = ways.way(chain, exit, category, String::new());
            if let Some(last) = chain.last() {
                last.exits.push(way);
            }
        }
    }
}

impl<'j> Ways<'j> {
    fn read(router: &'j Json, chain: &Chain<'j>) -> Result<Self, ImportError> {
        let path = format!("{}.router", chain.path);
        let exits = list(chain.json, "exits", &chain.path)?;
        let by_id: BTreeMap<&str, &str> =
            exits.iter().map(|exit| (text(exit, "uuid"), text(exit, "destination_uuid"))).collect();
        let (mut names, mut targets) = (BTreeMap::new(), BTreeMap::new());
        for (place, category) in list(router, "categories", &path)?.iter().enumerate() {
            let id = required(category, "uuid", &format!("{path}.categories[{place}]"))?;
            names.insert(id, text(category, "name"));
            targets.insert(id, by_id.get(text(category, "exit_uuid")).copied().unwrap_or_default());
        }
        Ok(Self { names, targets, result: text(router, "result_name"), notes: Vec::new() })
    }

    /// The exit of a category; where the router has a result, it is noted on the way.
    fn way(&mut self, chain: &Chain<'j>, id: &str, category: &str, value: String) -> Exit {
        let target = self.targets.get(category).copied().filter(|target| !target.is_empty()).unwrap_or(DONE);
        if self.result.is_empty() {
            return Exit { label: self.label(category), ..exit(id, Some(target.to_owned())) };
        }
        let name = self.names.get(category).copied().unwrap_or_default();
        let number = self.notes.len() / 2;
        let (set, emit) = (format!("{}.v{number}", chain.id()), format!("{}.e{number}", chain.id()));
        let [first, second] = result_nodes(self.result, &value, name);
        self.notes.push(Node { id: set.clone(), ..node(first, vec![exit("next", Some(emit.clone()))]) });
        self.notes.push(Node { id: emit, ..node(second, vec![exit("next", Some(target.to_owned()))]) });
        Exit { label: self.label(category), ..exit(id, Some(set)) }
    }

    fn label(&self, category: &str) -> Option<String> {
        self.names.get(category).map(|name| (*name).to_owned())
    }
}

fn node(kind: Kind, exits: Vec<Exit>) -> Node {
    Node { id: String::new(), label: None, kind, exits }
}
