//! Approve, start, pause, resume, cancel.
use serde_json::json;
use whatsapp_store::{CampaignChange, CampaignState, Change, LaneRecord};

use super::{CampaignService, CampaignView, ServiceError, Target, freeze::FIRST, lanes::shares};
use crate::{
    changes::{event, expect},
    content::Category,
    model::{Document, DryRun, LaneSpec, StoredCampaign},
};

impl CampaignService {
    /// A second person agrees.
    ///
    /// # Errors
    /// When it is no draft, the person made it, or somebody else changed it.
    pub async fn approve<'a>(
        &self,
        target: impl Into<Target<'a>>,
        actor: &str,
    ) -> Result<CampaignView, ServiceError> {
        let (id, CampaignView { record, document }) = self.target(target.into()).await?;
        if document.kept.created_by.as_deref() == Some(actor) {
            return Err(ServiceError::SamePerson);
        }
        if record.state != CampaignState::Draft {
            return Err(ServiceError::State { state: record.state, todo: "only a draft can be approved" });
        }
        let from = CampaignState::bits(&[CampaignState::Draft]);
        let moved = self.moved_from(id, CampaignState::Approved, None, from);
        let audit = self.audit(actor, "campaign.approved", id, json!({}));
        self.step(id, vec![expect(&record), moved, audit]).await
    }

    /// Notes that somebody looked at what would happen to this audience.
    ///
    /// # Errors
    /// When there is no audience.
    pub async fn note_dry_run(&self, id: &str) -> Result<(), ServiceError> {
        let CampaignView { record, mut document } = self.show(id).await?;
        let frozen_at = document.kept.frozen.as_ref().ok_or(ServiceError::NoRecipients)?.at;
        document.kept.dry_run = Some(DryRun { at: self.clock.now(), frozen_at });
        self.commit(vec![expect(&record), CampaignChange::Put(self.with(&record, &document)).into()]).await
    }

    /// Lets a campaign go: it begins at its time.
    ///
    /// # Errors
    /// When it has no recipients, nobody looked at a dry run, nobody approved it, it began already, or somebody else changed it.
    pub async fn start<'a>(
        &self,
        target: impl Into<Target<'a>>,
        actor: &str,
    ) -> Result<CampaignView, ServiceError> {
        let (id, CampaignView { record, document }) = self.target(target.into()).await?;
        let settings = &document.settings;
        let checked = settings.check()?;
        match record.state {
            CampaignState::Approved => {}
            CampaignState::Draft if settings.needs_approval => return Err(ServiceError::NotApproved),
            CampaignState::Draft => {}
            state => return Err(ServiceError::State { state, todo: "only a draft can be started" }),
        }
        let from = CampaignState::bits(&[CampaignState::Draft, CampaignState::Approved]);
        // What was approved and looked at is what goes out.
        let mut list = vec![expect(&record), self.moved_from(id, CampaignState::Scheduled, None, from)];
        if !checked.plan.is_recurring() {
            let frozen = document.kept.frozen.as_ref().filter(|frozen| frozen.recipients > 0);
            let frozen = frozen.ok_or(ServiceError::NoRecipients)?;
            if !frozen.fits(checked.template.version()) {
                return Err(ServiceError::OutOfDate);
            }
            if document.kept.dry_run.as_ref().is_none_or(|run| run.frozen_at != frozen.at) {
                return Err(ServiceError::NoDryRun);
            }
            list.extend(self.canary(id, &document, frozen.recipients).await?);
        }
        list.push(self.audit(actor, "campaign.started", id, self.told(&document)));
        self.step(id, list).await
    }

    /// What the audit log keeps of a start.
    fn told(&self, document: &Document) -> serde_json::Value {
        let content = &document.settings.content;
        let consent = document.kept.frozen.as_ref().map(|frozen| &frozen.consent);
        json!({
            "contentVersion": document.kept.frozen.as_ref().map(|frozen| &frozen.version),
            "consent": consent,
            "marketing": content.category == Category::Marketing,
            "withoutOptOutHint": content.opt_out_override.as_ref().map(|why| &why.reason),
        })
    }

    /// The ends of the lanes, when a first part goes before the others.
    async fn canary(
        &self,
        id: &str,
        document: &Document,
        recipients: u64,
    ) -> Result<Vec<Change>, ServiceError> {
        let first = document.settings.canary.and_then(|canary| canary.size(recipients));
        let Some(first) = first else { return Ok(Vec::new()) };
        let lanes = self.lanes(id).await?;
        let rows: Vec<u32> = lanes.iter().map(|(_, spec)| spec.rows).collect();
        let ends = shares(&rows, first);
        let cut = |((lane, _), share): ((LaneRecord, LaneSpec), u32)| {
            CampaignChange::PutLane(LaneRecord { end: FIRST + share, ..lane }).into()
        };
        Ok(lanes.into_iter().zip(ends).map(cut).collect())
    }

    pub(super) async fn lanes(&self, id: &str) -> Result<Vec<(LaneRecord, LaneSpec)>, ServiceError> {
        let lanes = self.store.lanes(&self.workspace, id).await?.into_iter();
        lanes
            .map(|lane| {
                LaneSpec::from_json(&lane.definition)
                    .map(|spec| (lane, spec))
                    .map_err(|_| ServiceError::Stored)
            })
            .collect()
    }

    /// Ends the hold behind the first part.
    ///
    /// # Errors
    /// When the campaign has none, or does not send.
    pub async fn end_canary(&self, id: &str, actor: &str) -> Result<CampaignView, ServiceError> {
        let CampaignView { record, mut document } = self.show(id).await?;
        if !matches!(record.state, CampaignState::Running | CampaignState::Paused | CampaignState::Scheduled)
        {
            return Err(ServiceError::State { state: record.state, todo: "there is no hold to end" });
        }
        document.kept.canary_until = Some(self.clock.now());
        let mut list: Vec<Change> =
            vec![expect(&record), CampaignChange::Put(self.with(&record, &document)).into()];
        for (lane, spec) in self.lanes(id).await? {
            list.push(CampaignChange::PutLane(LaneRecord { end: FIRST + spec.rows, ..lane }).into());
        }
        list.push(self.audit(actor, "campaign.canary.ended", id, json!({})));
        self.step(id, list).await
    }

    /// Stops sending, until somebody says otherwise.
    ///
    /// # Errors
    /// When it does not send.
    pub async fn pause(&self, id: &str, reason: &str, actor: &str) -> Result<CampaignView, ServiceError> {
        let state = self.show(id).await?.record.state;
        if !matches!(state, CampaignState::Scheduled | CampaignState::Running | CampaignState::Draining) {
            return Err(ServiceError::State { state, todo: "only one that sends can be paused" });
        }
        let told = json!({ "campaignId": id, "reason": reason });
        let list = vec![
            self.moved(id, CampaignState::Paused, Some(reason)),
            self.audit(actor, "campaign.paused", id, json!({ "reason": reason })),
            event("campaign.paused", &told, self.clock.now()),
        ];
        self.step(id, list).await
    }

    /// Lets a campaign that was paused go on.
    ///
    /// # Errors
    /// When it is not paused.
    pub async fn resume(&self, id: &str, actor: &str) -> Result<CampaignView, ServiceError> {
        let CampaignView { record, document } = self.show(id).await?;
        if record.state != CampaignState::Paused {
            return Err(ServiceError::State {
                state: record.state,
                todo: "only one that is paused can go on",
            });
        }
        let StoredCampaign { started_at, .. } = document.kept;
        let state = if started_at.is_some() { CampaignState::Running } else { CampaignState::Scheduled };
        let from = CampaignState::bits(&[CampaignState::Paused]);
        let list = vec![
            self.moved_from(id, state, None, from),
            self.audit(actor, "campaign.resumed", id, json!({ "was": record.reason })),
            event("campaign.resumed", &json!({ "campaignId": id }), self.clock.now()),
        ];
        self.step(id, list).await
    }

    /// Ends a campaign for good. What is on its way stays so.
    ///
    /// # Errors
    /// When it is over already.
    pub async fn cancel(&self, id: &str, reason: &str, actor: &str) -> Result<CampaignView, ServiceError> {
        let state = self.show(id).await?.record.state;
        if matches!(state, CampaignState::Finished | CampaignState::Cancelled) {
            return Err(ServiceError::State { state, todo: "there is nothing left to cancel" });
        }
        let told = json!({ "campaignId": id, "state": "cancelled", "reason": reason });
        let list = vec![
            self.moved(id, CampaignState::Cancelled, Some(reason)),
            self.audit(actor, "campaign.cancelled", id, json!({ "reason": reason })),
            event("campaign.failed", &told, self.clock.now()),
        ];
        self.step(id, list).await
    }
}
