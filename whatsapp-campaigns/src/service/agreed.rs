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
        Ok(self.stored_rules().await?.1)
    }

    /// The rules as they are stored, and read.
    async fn stored_rules(&self) -> Result<(Option<Bytes>, ReplyRules), ServiceError> {
        let stored = self.store.setting(&self.workspace, REPLY_RULES).await?;
        let rules = stored.as_ref().and_then(|stored| serde_json::from_slice(stored).ok());
        Ok((stored, rules.unwrap_or_default()))
    }

    /// Decides about replies. Gives back the rules as they are now.
    ///
    /// # Errors
    /// When the rules do not work, somebody changed them since [`ReplyRules::updated_at`], or they cannot be stored.
    pub async fn set_reply_rules(&self, rules: &ReplyRules, actor: &str) -> Result<ReplyRules, ServiceError> {
        rules.check()?;
        let (stored, former) = self.stored_rules().await?;
        if rules.updated_at.is_some() && rules.updated_at != former.updated_at {
            return Err(ServiceError::RulesChanged);
        }
        let now = self.clock.now().max(former.updated_at.map_or(0, |at| at + 1));
        let rules = ReplyRules { updated_at: Some(now), ..rules.clone() };
        let value = Bytes::from(serde_json::to_vec(&rules).map_err(|_| ServiceError::Internal)?);
        let name = REPLY_RULES.to_owned();
        let list = vec![
            SettingChange::Expect { name: name.clone(), value: stored }.into(),
            SettingChange::Put { name, value }.into(),
            self.audit(actor, "campaign.reply.rules", "replies", json!(rules)),
        ];
        self.commit_unless(list, ServiceError::RulesChanged).await?;
        Ok(rules)
    }
}
