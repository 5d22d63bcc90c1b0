//! What was not sent before a campaign's end.
use whatsapp_store::{
    CampaignChange, Changes, Error as StoreError, Outcome, RangeClaim, RangeLease, RecipientState, Settlement,
};

use super::{active::ActiveCampaign, conductor::Conductor};
use crate::{
    lattice::{RowEvent, effect},
    window::Millis,
};

/// Rows closed at once.
const STEP: u32 = 5_000;

impl Conductor {
    /// Closes all rows that were not sent. What a sender still has is left to it: it gives it back.
    pub(super) async fn expire(&self, live: &ActiveCampaign, now: Millis) -> Result<(), StoreError> {
        let (store, workspace, id) = (&self.shared.store, &live.workspace, &live.record.id);
        for lane in live.lanes.keys() {
            let claim = |now| RangeClaim {
                campaign: id.clone(),
                lane: *lane,
                owner: format!("{}/end", self.shared.options.owner),
                now,
                until: now.saturating_add(self.shared.options.dispatch.lease_term),
                limit: STEP,
            };
            while let Some(lease) = store.lease_range(workspace, &claim(now)).await? {
                let seqs = (lease.lo..lease.hi).collect();
                self.close(live, lease, seqs, now).await?;
            }
            // Whatever time they wait for, once nobody is sending any of them.
            while store.campaign_leases(workspace, id).await?.is_empty() {
                let Some(due) = store.due_retries(workspace, &claim(Millis::MAX)).await? else { break };
                self.close(live, due.lease, due.seqs, now).await?;
            }
        }
        Ok(())
    }

    async fn close(
        &self,
        live: &ActiveCampaign,
        lease: RangeLease,
        seqs: Vec<u32>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let effect = effect(RowEvent::Excluded(RecipientState::Expired));
        let outcomes = seqs.into_iter().map(|seq| Outcome { seq, effect, retry_at: None }).collect();
        let (campaign, lane, epoch) = (live.record.id.clone(), lease.lane, lease.epoch);
        let mut changes = Changes::new(live.workspace.clone());
        changes.push(CampaignChange::Settle(Settlement {
            campaign: campaign.clone(),
            lane,
            epoch: Some(epoch),
            at: now,
            outcomes,
        }));
        changes.push(CampaignChange::ReleaseLease { campaign, lane, epoch, unsent: lease.hi });
        self.shared.store.commit(changes).await
    }
}
