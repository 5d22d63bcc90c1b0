//! `opt_out`: the contact wants no more messages, or wants some again.
use serde::{Deserialize, Serialize};
use whatsapp_store::Consent;

use crate::{
    compile::{Compiler, ExitId},
    effect::Effect,
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Tells the host that the contact wants no more messages; with `back`, that the contact agrees to those of a scope. Goes on by `next`.
///
/// ```json
/// {"id": "again", "kind": "opt_out", "config": {"back": true, "scope": "news"}, "exits": [{"id": "next", "to": "confirm"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptOut {
    /// Does the contact want messages again?
    #[serde(default)]
    pub back: bool,
    /// With `back`: to what the contact agrees, such as `news` or `marketing`, as the flow said it before. Without one it is `service`,
    /// which covers no marketing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl OptOut {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let scope = match (self.back, self.scope.as_deref()) {
            (true, None) => {
                let why = "no scope is named: `service` is recorded, which covers no marketing; name what the flow asked for";
                compiler.find(Code::W114, "scope", why);
                Some(Consent::SERVICE.to_owned())
            }
            (true, Some(scope)) => {
                if scope.trim().is_empty() {
                    compiler.find(Code::E001, "scope", "say to what the contact agrees, such as `news`");
                }
                Some(scope.trim().to_owned())
            }
            (false, None) => None,
            (false, Some(_)) => {
                let why = "whoever wants no more messages wants none of any scope: remove it, or set `back`";
                compiler.find(Code::E001, "scope", why);
                None
            }
        };
        Box::new(OptingOut { back: scope, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct OptingOut {
    /// The scope of one who comes back.
    back: Option<String>,
    next: ExitId,
}

impl Behaviour for OptingOut {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.effect(match &self.back {
            Some(scope) => Effect::OptIn { scope: scope.clone() },
            None => Effect::OptOut,
        });
        Next::Exit(self.next)
    }
}
