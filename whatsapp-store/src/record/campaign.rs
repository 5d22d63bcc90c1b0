//! Campaigns: their audience, the state of each recipient, and who sends which part.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CampaignChange {}
