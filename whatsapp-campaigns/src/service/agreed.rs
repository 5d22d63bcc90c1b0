//! Whether a consent covers a campaign, and what a workspace decided about replies.
use bytes::Bytes;
use serde_json::json;
use whatsapp_store::{AudienceFilter, SettingChange};

use super::{CampaignService, ServiceError};
use crate::{
    audience::ConsentStamp,
    changes::REPLY_RULES,
    consent::{ReplyRules, ScopeVerdict, scope_names, scope_verdict},
    content::Category,
};

impl CampaignService {
    /// Can this have been agreed to by now, and does it cover such messages?
    pub(super) async fn covers(
        &self,
        consent: &ConsentStamp,
        category: Category,
    ) -> Result<(), ServiceError> {
        consent.check_time(self.clock.now())?;
        let scope = consent.scope().to_owned();
        match scope_verdict(&scope, category) {
            ScopeVerdict::Fits => Ok(()),
            ScopeVerdict::Unknown if self.is_held(&scope).await? => Ok(()),
            _ => Err(ServiceError::Scope { scope, known: scope_names(category) }),
        }
    }

    /// Has a contact of the workspace agreed to it?
    async fn is_held(&self, scope: &str) -> Result<bool, ServiceError> {
        let filter = AudienceFilter { consent_scope: Some(scope.to_owned()), ..AudienceFilter::default() };
        Ok(!self.store.audience_page(&self.workspace, &filter, None, 1).await?.is_empty())
    }

    /// What the workspace decided about replies.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn reply_rules(&self) -> Result<ReplyRules, ServiceError> {
        let stored = self.store.setting(&self.workspace, REPLY_RULES).await?;
        Ok(stored.and_then(|stored| serde_json::from_slice(&stored).ok()).unwrap_or_default())
    }

    /// Decides about replies.
    ///
    /// # Errors
    /// When the rules do not work, or they cannot be stored.
    pub async fn set_reply_rules(&self, rules: &ReplyRules, actor: &str) -> Result<(), ServiceError> {
        rules.check()?;
        let value = Bytes::from(serde_json::to_vec(rules).map_err(|_| ServiceError::Internal)?);
        let put = SettingChange::Put { name: REPLY_RULES.to_owned(), value };
        self.commit(vec![put.into(), self.audit(actor, "campaign.reply.rules", "replies", json!(rules))])
            .await
    }
}
