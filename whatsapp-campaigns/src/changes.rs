//! Parts of commits that the server and the runner share.
use whatsapp_store::{CampaignChange, CampaignRecord, Change, EventChange, NewEvent};

use crate::window::Millis;

/// The setting that holds what a workspace decided about replies.
pub(crate) const REPLY_RULES: &str = "campaigns/replies";

/// An event to be put into a commit.
pub(crate) fn event(key: &str, data: &serde_json::Value, at: Millis) -> Change {
    EventChange::Put(NewEvent { key: key.to_owned(), data: data.to_string(), at }).into()
}

/// The campaign is still as it was read. It comes before all other changes of a commit.
pub(crate) fn expect(record: &CampaignRecord) -> Change {
    let (campaign, updated_at) = (record.id.clone(), Some(record.updated_at));
    CampaignChange::Expect { campaign, updated_at }.into()
}
