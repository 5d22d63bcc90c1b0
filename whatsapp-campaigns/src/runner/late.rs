//! What a refusal stops that comes as a receipt, after the message was accepted: the same as if it had come at once.
use whatsapp_store::{
    AccountId, CampaignState, Changes, Error as StoreError, SettingChange, Store, WorkspaceId,
};

use super::stop::{StoppedSender, pause, setting, stopped, unless_moved};
use crate::{
    model::LaneSpec,
    outcome::{Code, Stop},
    window::Millis,
};

/// The states that a campaign is paused from.
const SENDING: [CampaignState; 3] =
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
                let reason = format!("the service refuses the template ({code})");
                pause_one(store, workspace, &self.campaign, &reason, at).await
            }
            Stop::Workspace => {
                let reason = format!("the account cannot pay ({code})");
                for campaign in sending(store, workspace).await? {
                    pause_one(store, workspace, &campaign, &reason, at).await?;
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
        if stopped(store, &account).await?.is_some() {
            return Ok(());
        }
        let reason = format!("the service restricts the account {name} ({})", self.code);
        let value = StoppedSender { reason: reason.clone(), at, until };
        let mut changes = Changes::new(workspace.clone());
        let value = serde_json::to_vec(&value).unwrap_or_default().into();
        changes.push(SettingChange::Put { name: setting(&account), value });
        store.commit(changes).await?;
        for campaign in sending(store, workspace).await? {
            let all = self::senders(store, workspace, &campaign).await?;
            if all.iter().all(|(_, other)| other == name) {
                pause_one(store, workspace, &campaign, &reason, at).await?;
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

async fn sending(store: &dyn Store, workspace: &WorkspaceId) -> Result<Vec<String>, StoreError> {
    let all = store.campaigns_in_state(&SENDING).await?.into_iter();
    Ok(all.filter(|(of, _)| of == workspace).map(|(_, campaign)| campaign).collect())
}

async fn pause_one(
    store: &dyn Store,
    workspace: &WorkspaceId,
    campaign: &str,
    reason: &str,
    at: Millis,
) -> Result<(), StoreError> {
    let mut changes = Changes::new(workspace.clone());
    changes.list = pause(campaign, reason, at);
    unless_moved(store.commit(changes).await)
}
