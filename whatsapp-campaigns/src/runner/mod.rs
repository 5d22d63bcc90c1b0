//! Sends what is due of a campaign's lane: over the store, through a [`Sender`].
//!
//! ```text
//! lease a range ─► read its rows ─► ask the scheduler ─► render ─► hand over ─► write outcomes down, many at once
//!      ▲                                                                            │
//!      └──────────────── give the lease back, with what was not sent ◄──────────────┘
//! ```
//!
//! The lease is the intent: ids follow from campaign, lane and place, so nothing is written before a message is handed over.
//! After a crash the lease runs out, another run takes the range over, and hands every row without an outcome over again, under
//! its old id. A run whose lease was taken writes nothing more: the store refuses it.
mod port;
mod range;
mod receipts;

use std::fmt;

use whatsapp_store::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, Changes, Error as StoreError, RangeClaim,
    RecipientState, Store, WorkspaceId,
};

pub use self::{
    port::{Clock, Message, Sender, Submission},
    receipts::{Receipt, ReceiptKind, Receipts},
};
use crate::{
    content::{Arms, Template},
    id::MessageIds,
    pacing::UniqueCap,
    scheduler::{Limits, Scheduler},
};

/// Rows leased at once: what a fast sender sends in half a minute.
const WINDOW: u32 = 1_000;
/// How long a lease lasts without being renewed.
const TERM: i64 = 30_000;
/// How often outcomes are written, the lease renewed, and the campaign's state looked at.
const TICK: i64 = 250;

/// What one lane needs to be sent.
pub struct LaneRun<'a> {
    /// Where everything is.
    pub store: &'a dyn Store,
    /// Who sends it.
    pub sender: &'a dyn Sender,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// Makes ids.
    pub ids: &'a MessageIds,
    /// What is sent.
    pub template: &'a Template,
    /// Who gets which variant.
    pub arms: &'a Arms,
    /// Whose campaign.
    pub workspace: WorkspaceId,
    /// Which campaign.
    pub campaign: String,
    /// Which lane; 0 to 4,095.
    pub lane: i32,
    /// The name of this run; no two that run at the same time have the same.
    pub owner: String,
    /// The sender's limits.
    pub limits: Limits,
}

impl fmt::Debug for LaneRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneRun")
            .field("campaign", &self.campaign)
            .field("lane", &self.lane)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing of this lane is left to send, now or later.
    Done,
    /// Nothing is due now: rows wait to be tried again, or somebody else sends the rest.
    NothingDue,
    /// The campaign does not send: it was paused or cancelled, or has not begun.
    NotSending(CampaignState),
    /// The service stopped the sender: a person has to let it go on.
    SenderStopped,
}

/// Why a run failed. What was sent before is written down, or is found by the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The store failed, or somebody else has the lease by now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoCampaign,
    /// A number is too high to make an id of.
    #[error("the lane or a place in it is too high: 4,096 lanes of 16,777,215 rows are the most")]
    TooLarge,
}

impl LaneRun<'_> {
    /// Sends until nothing is due, the campaign stops, or something fails.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(&self) -> Result<Ended, RunError> {
        let record = self.record().await?;
        let mut scheduler = Scheduler::new(self.limits, UniqueCap::default());
        loop {
            let now = self.clock.now();
            let claim = RangeClaim {
                campaign: self.campaign.clone(),
                lane: self.lane,
                owner: self.owner.clone(),
                now,
                until: now + TERM,
                limit: WINDOW,
            };
            let ended = if let Some(lease) = self.store.lease_range(&self.workspace, &claim).await? {
                self.send_range(&mut scheduler, &record, lease, None).await?
            } else if let Some(retries) = self.store.due_retries(&self.workspace, &claim).await? {
                self.send_range(&mut scheduler, &record, retries.lease, Some(retries.seqs)).await?
            } else {
                Some(self.rest().await?)
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    async fn record(&self) -> Result<CampaignRecord, RunError> {
        self.store.campaign(&self.workspace, &self.campaign).await?.ok_or(RunError::NoCampaign)
    }

    /// Nothing could be leased: why?
    async fn rest(&self) -> Result<Ended, RunError> {
        let state = self.record().await?.state;
        if !sends(state) {
            return Ok(Ended::NotSending(state));
        }
        let leases = self.store.campaign_leases(&self.workspace, &self.campaign).await?;
        let counts = self.store.campaign_progress(&self.workspace, &self.campaign).await?;
        let unsent = [RecipientState::Pending, RecipientState::Retry, RecipientState::InDoubt];
        let left: u64 = unsent.iter().map(|state| counts.of(*state)).sum();
        if left > 0 || !leases.is_empty() {
            return Ok(Ended::NothingDue);
        }
        // By count, and never because nothing was found.
        let from = CampaignState::bits(&[CampaignState::Running, CampaignState::Draining]);
        self.move_to(CampaignState::Finished, None, from).await?;
        Ok(Ended::Done)
    }

    async fn move_to(
        &self,
        state: CampaignState,
        reason: Option<String>,
        from: u64,
    ) -> Result<(), StoreError> {
        let campaign = self.campaign.clone();
        let step = CampaignMove { campaign, state, reason, from, at: self.clock.now() };
        let mut changes = Changes::new(self.workspace.clone());
        changes.push(CampaignChange::SetState(step));
        self.store.commit(changes).await
    }
}

const fn sends(state: CampaignState) -> bool {
    matches!(state, CampaignState::Running | CampaignState::Draining)
}

#[cfg(test)]
mod tests;
