//! `call_flow`: runs another flow and comes back.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    parts::Source,
    expr::Value,
    state::Vars,
    finding::Code,
    turn::{Behaviour, Next, Resume, Turn},
};

/// Runs another flow and comes back. It has variables of its own: what it is given, and what it sets.
///
/// Exits: `next`.
///
/// ```json
/// {"id": "address", "kind": "call_flow", "config": {"flow": "ask_address", "with": {"country": {"value": "BR"}}, "save": "address"},
///  "exits": [{"id": "next", "to": "confirm"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallFlow {
    /// The flow.
    pub flow: String,
    /// Values for its params.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Source>,
    /// Does it work on the variables of this flow instead of its own?
    #[serde(default)]
    pub shared: bool,
    /// The variable that what it returns goes to, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}

impl CallFlow {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let called = compiler.entry("flow", &self.flow);
        let mut with = Vec::new();
        for (name, source) in &self.with {
            let field = format!("with/{name}");
            let value = compiler.source(&field, source);
            if let Some((_, flow)) = called
                && !flow.params.contains(name)
            {
                compiler.find(Code::E015, &field, format!("the flow `{}` has no param `{name}`", flow.id));
            }
            if let Some(slot) = compiler.write(&field, name) {
                with.push((slot, value));
            }
        }
        let save = self.save.as_ref().and_then(|save| compiler.write("save", save));
        if let (Some((_, flow)), Some(_)) = (called, save)
            && flow.returns.is_empty()
        {
            compiler.find(Code::E015, "save", format!("the flow `{}` returns nothing", flow.id));
        }
        Box::new(Calling {
            entry: called.map_or(0, |(entry, _)| entry),
            with,
            shared: self.shared,
            save,
            next: compiler.exit("next"),
        })
    }
}

#[derive(Debug)]
struct Calling {
    entry: u32,
    with: Vec<(u16, Value)>,
    shared: bool,
    save: Option<u16>,
    next: ExitId,
}

impl Behaviour for Calling {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let mut own = Vars::default();
        for (slot, value) in &self.with {
            let value = turn.value(value);
            if self.shared { turn.set(*slot, value) } else { own.set(*slot, value) }
        }
        Next::Call { entry: self.entry, own: (!self.shared).then_some(own) }
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        let Resume::Back(values) = with else { return Next::Stay };
        if let Some(slot) = self.save {
            turn.set(slot, values.clone().into());
        }
        Next::Exit(self.next)
    }
}
