//! `start_campaign`: puts the contact on the reply path of a campaign.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    effect::Effect,
    engine::{Behaviour, Next, Turn},
};

/// Asks the host to put the contact on the reply path of a campaign, and goes on by `next`. The host checks consent: nobody
/// is written to who did not agree.
///
/// ```json
/// {"id": "series", "kind": "start_campaign", "config": {"campaign": "welcome", "path": "interested"},
///  "exits": [{"id": "next", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartCampaign {
    /// The campaign's id.
    pub campaign: String,
    /// Which path of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl StartCampaign {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        compiler.known("campaign", |known| &known.campaigns, &self.campaign);
        Box::new(Starting { campaign: self.campaign.clone(), path: self.path.clone(), next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Starting {
    campaign: String,
    path: Option<String>,
    next: ExitId,
}

impl Behaviour for Starting {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        turn.effect(Effect::StartCampaign { campaign: self.campaign.clone(), path: self.path.clone() });
        Next::Exit(self.next)
    }
}
