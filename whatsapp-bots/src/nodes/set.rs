//! `set`: gives values to variables.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    parts::Source,
    expr::Value,
    turn::{Behaviour, Next, Turn},
};

/// Gives values to variables, in order, and goes on by `next`. `null` takes a value away.
///
/// ```json
/// {"id": "count", "kind": "set", "config": {"values": [{"to": "total", "from": {"expr": "total + 1"}}]},
///  "exits": [{"id": "next", "to": "again"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Set {
    /// What is set.
    pub values: Vec<Assignment>,
}

/// A value for a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assignment {
    /// The name.
    pub to: String,
    /// The value.
    pub from: Source,
}

impl Set {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let mut values = Vec::new();
        for Assignment { to, from } in &self.values {
            // Read before it is written: `n + 1` of an `n` that nothing else sets is told of.
            let value = compiler.source(&format!("values/{to}"), from);
            if let Some(slot) = compiler.write(&format!("values/{to}"), to) {
                values.push((slot, value));
            }
        }
        Box::new(Setting { values, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Setting {
    values: Vec<(u16, Value)>,
    next: ExitId,
}

impl Behaviour for Setting {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        for (slot, value) in &self.values {
            let value = turn.value(value);
            turn.set(*slot, value);
        }
        Next::Exit(self.next)
    }
}
