//! The way through a bot: loops without a wait, and nodes that nothing leads to.
use std::collections::{HashMap, HashSet};

use crate::{
    definition::{CommandKind, Definition, Flow, Node, OnError},
    finding::{Code, Finding},
    nodes::{CallFlow, Goto, Kind, Wait},
};

pub(super) fn check(definition: &Definition, findings: &mut Vec<Finding>) {
    let graph = Graph::new(definition);
    graph.look_for_loops(findings);
    graph.look_for_unreachable(findings);
}

/// All nodes of all flows, by number.
struct Graph<'d> {
    definition: &'d Definition,
    nodes: Vec<(usize, &'d Node)>,
    places: HashMap<(&'d str, &'d str), usize>,
    flows: HashMap<&'d str, usize>,
}

/// One step from a node to the next.
struct Edge {
    to: usize,
    is_call: bool,
}

/// How it goes on from a node without anything having to happen.
#[derive(Default)]
struct Ways {
    /// To these, unless the flow that is called first does not come back so.
    on: Vec<usize>,
    is_call: bool,
    /// The flow that is called.
    after: Option<usize>,
    /// Its first node.
    calls: Option<usize>,
    /// Back to the caller of this flow.
    returns: bool,
}

impl Ways {
    fn comes_back(&self, passes: &[bool]) -> bool {
        !self.is_call || self.after.is_some_and(|flow| passes[flow])
    }

    fn edges(&self, passes: &[bool]) -> Vec<Edge> {
        let on = self.on.iter().filter(|_| self.comes_back(passes));
        let on = on.map(|to| Edge { to: *to, is_call: false });
        on.chain(self.calls.map(|to| Edge { to, is_call: true })).collect()
    }
}

impl<'d> Graph<'d> {
    fn new(definition: &'d Definition) -> Self {
        let (mut nodes, mut places, mut flows) = (Vec::new(), HashMap::new(), HashMap::new());
        for (place, flow) in definition.flows.iter().enumerate() {
            flows.entry(flow.id.as_str()).or_insert(place);
            for node in &flow.nodes {
                places.entry((flow.id.as_str(), node.id.as_str())).or_insert(nodes.len());
                nodes.push((place, node));
            }
        }
        Self { definition, nodes, places, flows }
    }

    fn place(&self, flow: &'d str, node: &'d str) -> Option<usize> {
        self.places.get(&(flow, node)).copied()
    }

    fn entry(&self, flow: &str) -> Option<usize> {
        let flow = &self.definition.flows[*self.flows.get(flow)?];
        self.place(&flow.id, &flow.entry)
    }

    fn flow(&self, place: usize) -> &'d Flow {
        &self.definition.flows[self.nodes[place].0]
    }

    fn path(&self, place: usize) -> String {
        format!("{}/{}", self.flow(place).id, self.nodes[place].1.id)
    }

    fn exits(&self, place: usize) -> impl Iterator<Item = usize> {
        let flow = self.flow(place);
        let exits = self.nodes[place].1.exits.iter();
        exits.filter_map(move |exit| self.place(&flow.id, exit.to.as_deref()?))
    }

    fn goto(&self, place: usize, goto: &'d Goto) -> Option<usize> {
        let flow = goto.flow.as_deref().unwrap_or(&self.flow(place).id);
        match &goto.node {
            Some(node) => self.place(flow, node),
            None => self.entry(flow),
        }
    }

    /// Where it goes on without anything having to happen, and the flow that it has to come back from first.
    fn ways(&self) -> Vec<Ways> {
        let ways = |(place, (_, node)): (usize, &(usize, &'d Node))| match &node.kind {
            kind if waits(kind) => Ways::default(),
            // With nothing to choose from it goes on at once.
            Kind::ChooseFrom(_) => self.way_by(place, "empty"),
            Kind::Goto(goto) => Ways { on: self.goto(place, goto).into_iter().collect(), ..Ways::default() },
            Kind::Return(_) => Ways { returns: true, ..Ways::default() },
            Kind::End(_) => Ways::default(),
            Kind::CallFlow(CallFlow { flow, .. }) => Ways {
                on: self.exits(place).collect(),
                after: self.flows.get(flow.as_str()).copied(),
                returns: self.has_open_exit(place),
                calls: self.entry(flow),
                is_call: true,
            },
            _ => Ways {
                on: self.exits(place).collect(),
                returns: self.has_open_exit(place),
                ..Ways::default()
            },
        };
        self.nodes.iter().enumerate().map(ways).collect()
    }

    /// By one exit alone.
    fn way_by(&self, place: usize, id: &str) -> Ways {
        let (flow, node) = (self.flow(place), self.nodes[place].1);
        let to = node.exits.iter().find(|exit| exit.id == id).and_then(|exit| exit.to.as_deref());
        let on: Vec<_> = to.and_then(|to| self.place(&flow.id, to)).into_iter().collect();
        Ways { returns: to.is_none(), on, ..Ways::default() }
    }

    /// Of which flows one may come back without anything having to happen.
    fn passes(&self, ways: &[Ways]) -> Vec<bool> {
        let mut passes = vec![false; self.definition.flows.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (number, flow) in self.definition.flows.iter().enumerate() {
                let Some(entry) = self.place(&flow.id, &flow.entry).filter(|_| !passes[number]) else {
                    continue;
                };
                let (mut seen, mut open) = (HashSet::new(), vec![entry]);
                while let Some(place) = open.pop() {
                    if ways[place].comes_back(&passes) && seen.insert(place) {
                        passes[number] |= ways[place].returns;
                        open.extend(&ways[place].on);
                    }
                }
                changed |= passes[number];
            }
        }
        passes
    }

    fn has_open_exit(&self, place: usize) -> bool {
        let node = self.nodes[place].1;
        node.exits.is_empty() || node.exits.iter().any(|exit| exit.to.is_none())
    }

    fn reach(&self, from: impl IntoIterator<Item = usize>, next: impl Fn(usize) -> Vec<usize>) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = from.into_iter().collect();
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut reached[place], true) {
                open.extend(next(place));
            }
        }
        reached
    }

    fn look_for_loops(&self, findings: &mut Vec<Finding>) {
        let ways = self.ways();
        let passes = self.passes(&ways);
        let edges: Vec<Vec<Edge>> = ways.iter().map(|ways| ways.edges(&passes)).collect();
        let component = components(&edges);
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for (place, component) in component.iter().enumerate() {
            members.entry(*component).or_default().push(place);
        }
        for members in members.into_values() {
            let (edges, component) = (&edges, &component);
            let within = |place: &usize| {
                let own = component[*place];
                edges[*place].iter().filter(move |edge| component[edge.to] == own)
            };
            let is_loop =
                members.len() > 1 || members.iter().any(|place| within(place).any(|edge| edge.to == *place));
            if !is_loop {
                continue;
            }
            let calls = members.iter().flat_map(within).any(|edge| edge.is_call);
            let names: Vec<_> = members.iter().take(8).map(|place| self.path(*place)).collect();
            let (code, what) = match calls {
                true => (Code::E008, "these flows call each other without a wait"),
                false => (Code::E007, "this goes in a circle without a wait"),
            };
            let message =
                format!("{what}: {}; put a question, a wait or a request into it", names.join(", "));
            findings.push(Finding::new(code, self.path(members[0]), message));
        }
    }

    fn look_for_unreachable(&self, findings: &mut Vec<Finding>) {
        let definition = self.definition;
        let named = definition.triggers.iter().map(|trigger| trigger.flow.as_str());
        let commands = definition.commands.iter().filter_map(|command| match &command.does {
            CommandKind::Flow(flow) | CommandKind::Visit(flow) => Some(flow.as_str()),
            _ => None,
        });
        let on_error = match &definition.on_error {
            OnError::Flow(flow) => Some(flow.as_str()),
            _ => None,
        };
        // A flow with params is for whoever starts it from outside.
        let open = definition
            .flows
            .iter()
            .enumerate()
            .filter(|(place, flow)| *place == 0 || !flow.params.is_empty());
        let open = open.map(|(_, flow)| flow.id.as_str());
        let entries = named.chain(commands).chain(on_error).chain(open).filter_map(|flow| self.entry(flow));
        let reached = self.reach(entries.collect::<Vec<_>>(), |place| self.leads_to(place));
        for (place, _) in reached.iter().enumerate().filter(|(_, is)| !**is) {
            let message = "nothing leads to this node; connect it, or remove it";
            findings.push(Finding::new(Code::W101, self.path(place), message));
        }
    }

    fn leads_to(&self, place: usize) -> Vec<usize> {
        let mut next: Vec<usize> = self.exits(place).collect();
        match &self.nodes[place].1.kind {
            Kind::Goto(goto) => next.extend(self.goto(place, goto)),
            Kind::CallFlow(call) => next.extend(self.entry(&call.flow)),
            _ => {}
        }
        let flow = self.flow(place);
        next.extend(flow.expire.as_ref().and_then(|expire| self.place(&flow.id, expire.to.as_deref()?)));
        next
    }
}

/// Does something have to happen before it goes on?
fn waits(kind: &Kind) -> bool {
    match kind {
        Kind::Ask(_) | Kind::Choose(_) | Kind::Http(_) | Kind::Handoff(_) => true,
        Kind::Wait(Wait { seconds, .. }) => *seconds != Some(0),
        _ => false,
    }
}

/// The strongly connected components, by a walk in each direction, without recursion: a bot may be long.
fn components(edges: &[Vec<Edge>]) -> Vec<usize> {
    let mut back = vec![Vec::new(); edges.len()];
    for (from, edges) in edges.iter().enumerate() {
        edges.iter().for_each(|edge| back[edge.to].push(from));
    }
    let (mut order, mut seen) = (Vec::with_capacity(edges.len()), vec![false; edges.len()]);
    for start in 0..edges.len() {
        let mut open = vec![(start, 0)];
        while let Some((place, next)) = open.pop() {
            if next == 0 && std::mem::replace(&mut seen[place], true) {
                continue;
            }
            match edges[place].get(next) {
                Some(edge) => {
                    open.push((place, next + 1));
                    if !seen[edge.to] {
                        open.push((edge.to, 0));
                    }
                }
                None => order.push(place),
            }
        }
    }
    let mut component = vec![usize::MAX; edges.len()];
    for start in order.into_iter().rev() {
        let mut open = vec![start];
        while let Some(place) = open.pop() {
            if component[place] == usize::MAX {
                component[place] = start;
                open.extend(back[place].iter().copied().filter(|place| component[*place] == usize::MAX));
            }
        }
    }
    component
}
