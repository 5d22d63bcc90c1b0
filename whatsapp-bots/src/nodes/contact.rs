//! `contact`: changes what is known of the contact.
use serde::{Deserialize, Serialize};

use super::set::Assignment;
use crate::{
    compile::{Compiler, ExitId},
    effect::Effect,
    expr::Value,
    turn::{Behaviour, Next, Turn},
};

/// Writes fields of the contact and goes on by `next`. `name` and `language` are the contact's own, all others are fields
/// of the workspace. `null` takes a field away.
///
/// ```json
/// {"id": "city", "kind": "contact", "config": {"set": [{"to": "city", "from": {"value": "{{ city }}"}}]},
///  "exits": [{"id": "next", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// What is written.
    pub set: Vec<Assignment>,
}

impl Contact {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let mut set = Vec::new();
        for Assignment { to, from } in &self.set {
            let field = format!("set/{to}");
            if to != "name" && to != "language" {
                compiler.known(&field, |known| &known.fields, to);
            }
            set.push((to.clone(), compiler.source(&field, from)));
        }
        Box::new(Writing { set, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Writing {
    set: Vec<(String, Value)>,
    next: ExitId,
}

impl Behaviour for Writing {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        for (field, value) in &self.set {
            let value = turn.value(value);
            turn.effect(Effect::SetField { field: field.clone(), value });
        }
        Next::Exit(self.next)
    }
}
