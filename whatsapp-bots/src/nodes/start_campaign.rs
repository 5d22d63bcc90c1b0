//! `start_campaign`: puts the contact on the reply path of a campaign.
use serde::{Deserialize, Serialize};

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
