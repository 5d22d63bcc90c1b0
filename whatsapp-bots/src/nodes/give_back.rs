//! `return`: goes back to the caller.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    compile::Compiler,
    parts::Source,
    expr::Value,
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Goes back to the flow that called this one; where none did, the conversation is over.
///
/// ```json
/// {"id": "done", "kind": "return", "config": {"values": {"street": {"expr": "street"}}}}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Return {
    /// What it gives back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Source>,
}

impl Return {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let flow = compiler.own_flow();
        let mut values = Vec::new();
        for (name, source) in &self.values {
            let field = format!("values/{name}");
            if !flow.returns.contains(name) {
                compiler.find(Code::E015, &field, format!("`{name}` is not among what the flow returns"));
            }
            values.push((name.clone(), compiler.source(&field, source)));
        }
        Box::new(Returning { values })
    }
}

#[derive(Debug)]
struct Returning {
    values: Vec<(String, Value)>,
}

impl Behaviour for Returning {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        Next::Return(self.values.iter().map(|(name, value)| (name.clone(), turn.value(value))).collect())
    }
}
