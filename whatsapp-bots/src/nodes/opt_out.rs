//! `opt_out`: the contact wants no more messages.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    effect::Effect,
    engine::{Behaviour, Next, Turn},
};

/// Tells the host that the contact wants no more messages, or, with `back`, wants them again; goes on by `next`.
///
/// ```json
/// {"id": "bye", "kind": "opt_out", "exits": [{"id": "next", "to": "confirm"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptOut {
    /// Does the contact want them again?
    #[serde(default)]
    pub back: bool,
}

impl OptOut {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        Box::new(OptingOut { back: self.back, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct OptingOut {
    back: bool,
    next: ExitId,
}

impl Behaviour for OptingOut {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.effect(Effect::OptOut { back: self.back });
        Next::Exit(self.next)
    }
}
