//! `goto`: jumps into another flow.
use serde::{Deserialize, Serialize};

use crate::{
    compile::Compiler,
    turn::{Behaviour, Next, Turn},
};

/// Goes to another flow, or to a node of this or another one, and does not come back here: whoever called this flow is
/// returned to by the other.
///
/// ```json
/// {"id": "menu", "kind": "goto", "config": {"flow": "main", "node": "menu"}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Goto {
    /// The flow; this one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The node; the first one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Goto {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let entry = match &self.flow {
            Some(flow) => compiler.entry("flow", flow),
            None => {
                let flow = compiler.own_flow();
                compiler.entry("flow", flow.id)
            }
        };
        let to = match (entry, &self.node) {
            (Some((_, flow)), Some(node)) => compiler.node_of("node", flow.id, node),
            (entry, _) => entry.map(|(entry, _)| entry),
        };
        Box::new(Going { to: to.unwrap_or_default() })
    }
}

#[derive(Debug)]
struct Going {
    to: u32,
}

impl Behaviour for Going {
    fn enter(&self, _turn: &mut Turn<'_>) -> Next {
        Next::Jump(self.to)
    }
}
