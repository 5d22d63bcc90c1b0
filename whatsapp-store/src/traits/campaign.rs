use async_trait::async_trait;

/// Campaigns: their audience, the state of each recipient, and who sends which part.
#[async_trait]
pub trait CampaignStore {}
