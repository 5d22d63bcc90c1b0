//! Which campaign a person means, and in which state they have seen it.
use whatsapp_store::CampaignRecord;

use super::{CampaignService, CampaignView, ServiceError};
use crate::window::Millis;

/// A campaign that something is done with. An id alone means the campaign as it is now.
///
/// ```
/// use whatsapp_campaigns::service::Target;
/// assert_eq!(Target::from("spring"), Target::new("spring").as_read_at(None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    pub(super) id: &'a str,
    read_at: Option<Millis>,
}

impl<'a> Target<'a> {
    /// As it is now.
    pub fn new(id: &'a str) -> Self {
        Self { id, read_at: None }
    }

    /// Only as it was read: `updated_at` is [`CampaignRecord::updated_at`]. What somebody else changed since then is neither
    /// overwritten nor started unseen.
    #[must_use]
    pub fn as_read_at(self, updated_at: Option<Millis>) -> Self {
        Self { read_at: updated_at, ..self }
    }

    pub(super) fn check(&self, record: &CampaignRecord) -> Result<(), ServiceError> {
        match self.read_at {
            Some(read_at) if read_at != record.updated_at => Err(ServiceError::ChangedSince),
            _ => Ok(()),
        }
    }
}

impl<'a> From<&'a str> for Target<'a> {
    fn from(id: &'a str) -> Self {
        Self::new(id)
    }
}

impl<'a> From<&'a String> for Target<'a> {
    fn from(id: &'a String) -> Self {
        Self::new(id)
    }
}

impl CampaignService {
    /// The campaign, if it is still as it was read.
    pub(super) async fn target<'a>(
        &self,
        target: Target<'a>,
    ) -> Result<(&'a str, CampaignView), ServiceError> {
        let view = self.show(target.id).await?;
        target.check(&view.record)?;
        Ok((target.id, view))
    }
}
