//! `branch`: goes one of several ways.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    parts::Condition,
    expr::Check,
    finding::{Code, MAX_EXITS},
    turn::{Behaviour, Next, Turn},
};

/// Goes by the exit of the first case that holds, or by `else`.
///
/// ```json
/// {"id": "adult", "kind": "branch", "config": {"cases": [
///   {"id": "yes", "when": {"test": {"path": "age", "is": "greaterOrEqual", "value": 18}}}]},
///  "exits": [{"id": "yes", "to": "shop"}, {"id": "else", "to": "sorry"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Branch {
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// The exit.
    pub id: String,
    /// What has to hold.
    pub when: Condition,
}

impl Branch {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let mut cases = Vec::new();
        if self.cases.len() > MAX_EXITS {
            compiler.find(Code::E017, "cases", format!("at most {MAX_EXITS}; divide them"));
        }
        for (place, case) in self.cases.iter().enumerate().take(MAX_EXITS) {
            if self.cases[..place].iter().any(|earlier| earlier.when == case.when) {
                compiler.find(Code::E012, &case.id, "an earlier case has the same condition; this one never gets its turn");
            }
            let when = compiler.condition(&format!("cases/{}", case.id), &case.when);
            cases.push((when, compiler.exit(&case.id)));
        }
        Box::new(Branching { cases, other: compiler.exit("else") })
    }
}

#[derive(Debug)]
struct Branching {
    cases: Vec<(Check, ExitId)>,
    other: ExitId,
}

impl Behaviour for Branching {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let case = self.cases.iter().find(|(when, _)| turn.holds(when));
        Next::Exit(case.map_or(self.other, |(_, exit)| *exit))
    }
}
