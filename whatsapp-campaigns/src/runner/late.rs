//! What a refusal stops that comes as a receipt, after the message was accepted: the same as if it had come at once.
use whatsapp_store::{AccountId, CampaignState, Error as StoreError, Store, WorkspaceId};

use super::stop::{cannot_pay, pause_campaign, restricted, template_refused};
use crate::{
    model::LaneSpec,
    outcome::{Code, Stop},
    stopped::{self, StoppedSender},
    window::Millis,
};

/// The states that a campaign is paused from.
const PAUSABLE: [CampaignState; 3] =
    [CampaignState::Scheduled, CampaignState::Running, CampaignState::Draining];

/// A refusal of a message of a campaign's lane.
pub(super) struct LateStop {
    pub(super) campaign: String,
    pub(super) lane: u16,
    pub(super) code: Code,
    pub(super) stop: Stop,
}

impl LateStop {
    /// To do it again has no further effect.
    pub(super) async fn carry_out(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        at: Millis,
    ) -> Result<(), StoreError> {
        let code = self.code;
        match self.stop {
            // The pace of messages that were sent meanwhile says nothing of those to come.
            Stop::Nothing | Stop::Halve => Ok(()),
            Stop::Sender { until } => self.stop_sender(store, workspace, until, at).await,
            Stop::Campaign => {
                pause_campaign(store, workspace, &self.campaign, &template_refused(code), at).await
            }
            Stop::Workspace => {
                let reason = cannot_pay(code);
                for campaign in pausable(store, workspace).await? {
                    pause_campaign(store, workspace, &campaign, &reason, at).await?;
                }
                Ok(())
            }
        }
    }

    /// The sender is stopped until a person releases it, and campaigns that have no other are paused.
    async fn stop_sender(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        until: Option<Millis>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let senders = senders(store, workspace, &self.campaign).await?;
        let Some((_, name)) = senders.iter().find(|(lane, _)| *lane == i32::from(self.lane)) else {
            return Ok(());
        };
        let Ok(account) = AccountId::new(workspace.clone(), name) else { return Ok(()) };
        let reason = restricted(name, self.code);
        if stopped::stopped(store, &account).await?.is_none() {
            stopped::keep(store, &account, &StoppedSender { reason: reason.clone(), at, until }).await?;
        }
        for campaign in pausable(store, workspace).await? {
            let all = self::senders(store, workspace, &campaign).await?;
            if all.iter().all(|(_, other)| other == name) {
                pause_campaign(store, workspace, &campaign, &reason, at).await?;
            }
        }
        Ok(())
    }
}

/// Each lane with its sender.
async fn senders(
    store: &dyn Store,
    workspace: &WorkspaceId,
    campaign: &str,
) -> Result<Vec<(i32, String)>, StoreError> {
    let lanes = store.lanes(workspace, campaign).await?.into_iter();
    Ok(lanes
        .filter_map(|lane| Some((lane.lane, LaneSpec::from_json(&lane.definition).ok()?.sender)))
        .collect())
}

async fn pausable(store: &dyn Store, workspace: &WorkspaceId) -> Result<Vec<String>, StoreError> {
    let all = store.campaigns_in_state(&PAUSABLE).await?.into_iter();
    Ok(all.filter(|(of, _)| of == workspace).map(|(_, campaign)| campaign).collect())
}
