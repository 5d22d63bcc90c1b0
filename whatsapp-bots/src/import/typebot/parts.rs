//! Parts of a bot that are run from several places and come back.
use std::collections::{BTreeMap, BTreeSet};

use super::FLOW;
use crate::{
    definition::{Flow, Node},
    import::{ImportError, MAX_STEPS},
    nodes::Kind,
};

/// The id of the flow that a group becomes, where it is called.
pub(super) fn flow_of(group: &str) -> String {
    format!("{FLOW}.{group}")
}

/// The flows that begin at those nodes, with all that they lead to.
pub(super) fn flows(called: BTreeMap<String, String>, main: &Flow) -> Result<Vec<Flow>, ImportError> {
    let (mut flows, mut count) = (Vec::new(), main.nodes.len());
    for (id, entry) in called {
        let reached = reached(&entry, &main.nodes);
        count += reached.len();
        // Each holds what it leads to once more.
        if count > MAX_STEPS {
            let path = "groups".to_owned();
            return Err(ImportError::TooLarge {
                path,
                limit: MAX_STEPS,
                what: "steps in groups that are called",
            });
        }
        let nodes = main.nodes.iter().filter(|node| reached.contains(node.id.as_str())).cloned().collect();
        flows.push(Flow {
            id,
            name: main.name.clone(),
            entry,
            nodes,
            params: Vec::new(),
            returns: Vec::new(),
            expire: main.expire.clone(),
            interrupt: main.interrupt,
        });
    }
    Ok(flows)
}

fn reached<'n>(entry: &'n str, nodes: &'n [Node]) -> BTreeSet<&'n str> {
    let by_id: BTreeMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let (mut reached, mut open) = (BTreeSet::new(), vec![entry]);
    while let Some(id) = open.pop() {
        let Some(node) = by_id.get(id).filter(|_| reached.insert(id)) else { continue };
        open.extend(node.exits.iter().filter_map(|exit| exit.to.as_deref()));
        if let Kind::Goto(goto) = &node.kind {
            open.extend(goto.node.as_deref());
        }
    }
    reached
}
