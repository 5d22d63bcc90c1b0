//! `campaignReply`: an answer to a campaign.
use serde::{Deserialize, Serialize};

use super::super::index::{Fits, Index, TriggerKind};
use crate::{compile::Compiler, input::Message};

/// An answer to a campaign, or to that one.
///
/// ```json
/// {"id": "spring", "on": {"campaignReply": {"campaign": "spring"}}, "flow": "offer"}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CampaignReply {
    /// The campaign's id; any without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
}

impl TriggerKind for CampaignReply {
    fn specificity(&self) -> u8 {
        if self.campaign.is_some() { 90 } else { 85 }
    }

    fn subjects(&self) -> Vec<String> {
        // An id is never empty.
        vec![self.campaign.clone().unwrap_or_default()]
    }

    fn compile(&self, _: &str, _: Option<&str>, compiler: &mut Compiler<'_>) -> Option<Index> {
        if let Some(campaign) = &self.campaign {
            compiler.known("on", |known| &known.campaigns, campaign);
        }
        Some(Index::Test { fits: Box::new(self.clone()), is_specific: true })
    }
}

impl Fits for CampaignReply {
    fn fits(&self, message: &Message) -> bool {
        match &self.campaign {
            None => message.campaign.is_some(),
            wanted => message.campaign == *wanted,
        }
    }
}
