//! `emit`: notes something for the reports.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    parts::Source,
    effect::Event,
    expr::Value,
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Notes an event of its own for the reports, and goes on by `next`.
///
/// ```json
/// {"id": "sold", "kind": "emit", "config": {"name": "sold", "data": {"size": {"expr": "size"}}},
///  "exits": [{"id": "next", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emit {
    /// The event's name.
    pub name: String,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Source>,
}

impl Emit {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        if self.name.is_empty() {
            compiler.find(Code::E001, "name", "the event needs a name");
        }
        let data = self.data.iter().map(|(name, source)| {
            (name.clone(), compiler.source(&format!("data/{name}"), source))
        });
        let data = Value::Map(data.collect());
        Box::new(Emitting { name: self.name.clone(), data, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Emitting {
    name: String,
    data: Value,
    next: ExitId,
}

impl Behaviour for Emitting {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let data = turn.value(&self.data);
        turn.emit(Event::Custom { name: self.name.clone(), data });
        Next::Exit(self.next)
    }
}
