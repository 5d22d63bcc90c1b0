//! What is known while a bot is compiled, for the kinds of nodes and triggers: they resolve names here, and note what is wrong.
use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;

use super::names::Names;
use crate::{
    expr::RichValues,
    finding::{Code, Finding},
    fold,
    parts::{Exit, Known, Words},
};

/// An exit of a node, by its place; the flow is over at one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExitId(pub(crate) u16);

impl ExitId {
    pub(crate) const NONE: Self = Self(u16::MAX);
}

/// Words of one list.
const WORDS: usize = 1_000;

/// A flow, as nodes and triggers refer to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowRef<'d> {
    pub(crate) id: &'d str,
    pub(crate) params: &'d [String],
    pub(crate) returns: &'d [String],
    /// Its place among the flows.
    pub(crate) place: u32,
    /// The place of its first node; a flow without one is told of where it stands.
    pub(crate) entry: Option<u32>,
}

/// What is known while a bot is compiled.
pub(crate) struct Compiler<'d> {
    /// The bot's own language, then the others.
    pub(crate) languages: Vec<String>,
    pub(crate) zone: TimeZone,
    pub(crate) findings: Vec<Finding>,
    pub(crate) rich_values: RichValues,
    pub(super) names: Names,
    known: Option<&'d Known>,
    /// Where nodes are, by flow and id.
    pub(crate) places: HashMap<(&'d str, &'d str), u32>,
    flows: HashMap<&'d str, FlowRef<'d>>,
    /// What is compiled now: the beginning of paths.
    pub(crate) place: String,
    /// The flow and the exits of the node that is compiled now.
    flow: &'d str,
    exits: &'d [Exit],
    /// The exits that it takes.
    taken: HashSet<u16>,
    pub(super) patterns: usize,
}

impl<'d> Compiler<'d> {
    pub(crate) fn new(
        languages: Vec<String>,
        known: Option<&'d Known>,
        places: HashMap<(&'d str, &'d str), u32>,
        flows: HashMap<&'d str, FlowRef<'d>>,
    ) -> Self {
        Self {
            languages,
            zone: TimeZone::UTC,
            findings: Vec::new(),
            rich_values: RichValues::new(),
            names: Names::default(),
            known,
            places,
            flows,
            place: "bot".to_owned(),
            flow: "",
            exits: &[],
            taken: HashSet::new(),
            patterns: 0,
        }
    }

    /// What follows is about that.
    pub(crate) fn begin(&mut self, place: String) {
        self.place = place;
    }

    /// What follows is about that node.
    pub(crate) fn begin_node(&mut self, flow: &'d str, id: &str, exits: &'d [Exit]) {
        self.place = format!("{flow}/{id}");
        (self.flow, self.exits) = (flow, exits);
        self.taken.clear();
    }

    /// The node is compiled: notes its exits that it never takes.
    pub(crate) fn end_node(&mut self) {
        for (place, exit) in self.exits.iter().enumerate() {
            if u16::try_from(place).is_ok_and(|place| !self.taken.contains(&place)) {
                let why = "the node never takes this exit; remove it, or correct its id";
                self.find(Code::W113, &exit.id, why);
            }
        }
        self.exits = &[];
    }

    /// The names of variables, by their numbers; notes those that are read and never set, or the other way round.
    pub(crate) fn take_names(&mut self) -> Vec<String> {
        self.names.look_at(&mut self.findings);
        std::mem::take(&mut self.names.list)
    }

    /// The bot's own language.
    pub(crate) fn default_language(&self) -> &str {
        self.languages.first().map(String::as_str).unwrap_or_default()
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
        let place = self.exits.iter().position(|exit| exit.id == id);
        let exit = place.and_then(|place| u16::try_from(place).ok()).map_or(ExitId::NONE, ExitId);
        self.taken.insert(exit.0);
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

    /// A flow that is referred to.
    pub(crate) fn flow(&mut self, field: &str, id: &str) -> Option<FlowRef<'d>> {
        let flow = self.flows.get(id).copied();
        if flow.is_none() {
            self.find(Code::E005, field, format!("there is no flow `{id}`"));
        }
        flow
    }

    /// The place of a flow's first node, and the flow.
    pub(crate) fn entry(&mut self, field: &str, id: &str) -> Option<(u32, FlowRef<'d>)> {
        let flow = self.flow(field, id)?;
        Some((flow.entry.unwrap_or(0), flow))
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
    pub(crate) fn own_flow(&self) -> FlowRef<'d> {
        let nameless = FlowRef { id: self.flow, params: &[], returns: &[], place: 0, entry: None };
        self.flows.get(self.flow).copied().unwrap_or(nameless)
    }

    /// Is it among what there is outside, if that is known?
    pub(crate) fn known(&mut self, field: &str, list: fn(&Known) -> &Option<Vec<String>>, id: &str) {
        let known = self.known.and_then(|known| list(known).as_ref());
        if id.is_empty() {
            self.find(Code::E001, field, "a name is missing");
        } else if known.is_some_and(|known| !known.iter().any(|known| known == id)) {
            self.find(Code::E011, field, format!("there is no `{id}`; add it, or correct the name"));
        }
    }

    /// A number that stands for what is compiled now, the same in every version (FNV-1a of its path).
    pub(crate) fn place_hash(&self) -> u64 {
        whatsapp_store::hash::fnv1a(self.place.bytes())
    }

    /// Words, folded, each once.
    pub(crate) fn words(&mut self, field: &str, words: &Words) -> Vec<String> {
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
