//! What stops when the server refuses more than a row.
use serde_json::json;
use whatsapp_store::{
    CampaignChange, CampaignMove, CampaignState, Change, Changes, Error as StoreError, ErrorKind, Store,
    WorkspaceId,
};

use super::{
    active::ActiveCampaign,
    worker::{AccountWorker, micros},
};
use crate::{
    changes::event,
    lattice::predecessors,
    outcome::{Code, Stop},
    pacing::Verdict,
    stopped::{self, StoppedSender},
    window::Millis,
};

/// How often a worker looks whether it was stopped.
const LOOK_AGAIN: Millis = 5_000;

/// What stops.
#[derive(Clone, Debug)]
pub(super) enum StopReason {
    /// The sender, until a person releases it.
    Sender(StoppedSender),
    /// One campaign.
    Campaign(String, String),
    /// All campaigns of the workspace.
    Workspace(String),
}

/// The server restricts an account: for people.
pub(super) fn restricted(account: &str, code: Code) -> String {
    format!("the server restricts the account {account} ({code})")
}

/// The server refuses the template of a campaign: for people.
pub(super) fn template_refused(code: Code) -> String {
    format!("the server refuses the template ({code})")
}

/// The server wants to be paid: for people.
pub(super) fn cannot_pay(code: Code) -> String {
    format!("the account cannot pay ({code})")
}

impl AccountWorker {
    /// Takes in what stops besides a row; it is carried out at once.
    pub(super) fn react(&mut self, campaign: String, code: Code, stop: Stop, now: Millis) {
        let halt = match stop {
            Stop::Nothing => return,
            Stop::Halve => return self.scheduler.apply(Verdict::SlowDown, micros(now)),
            Stop::Sender { until } => {
                self.scheduler.apply(Verdict::Stop { until: None }, micros(now));
                let reason = restricted(self.account.name(), code);
                StopReason::Sender(StoppedSender { reason, at: now, until })
            }
            Stop::Campaign => StopReason::Campaign(campaign, template_refused(code)),
            Stop::Workspace => StopReason::Workspace(cannot_pay(code)),
        };
        self.stops.push(halt);
        self.next_tick = 0;
    }

    /// Writes down what was stopped, with the reason for people.
    pub(super) async fn carry_out_stops(&mut self, now: Millis) -> Result<(), StoreError> {
        while let Some(halt) = self.stops.last().cloned() {
            let active = self.active.borrow().clone();
            let ours = active.0.iter().filter(|live| live.workspace == *self.account.workspace());
            match halt {
                StopReason::Sender(stopped) => {
                    stopped::keep(&*self.shared.store, &self.account, &stopped).await?;
                    // Others have senders that go on.
                    let alone = |live: &&std::sync::Arc<ActiveCampaign>| {
                        live.senders.iter().all(|sender| sender == self.account.name())
                    };
                    for live in ours.filter(alone) {
                        self.pause(&live.record.id, &stopped.reason, now).await?;
                    }
                }
                StopReason::Campaign(id, reason) => self.pause(&id, &reason, now).await?,
                StopReason::Workspace(reason) => {
                    for live in ours {
                        self.pause(&live.record.id, &reason, now).await?;
                    }
                }
            }
            self.stops.pop();
            self.shared.nudge.notify_one();
        }
        Ok(())
    }

    async fn pause(&self, campaign: &str, reason: &str, now: Millis) -> Result<(), StoreError> {
        pause_campaign(&*self.shared.store, self.account.workspace(), campaign, reason, now).await
    }

    /// Takes the sender's limits as they are now, and looks whether it was released, or stopped by a late refusal on another node.
    pub(super) async fn look_at_limits(&mut self, now: Millis) -> Result<(), StoreError> {
        self.scheduler.limit(self.sender.limits());
        let asked = self.requests.look.swap(false, std::sync::atomic::Ordering::Relaxed);
        if !asked && now - self.looked_at < LOOK_AGAIN {
            return Ok(());
        }
        self.looked_at = now;
        match stopped::stopped(&*self.shared.store, &self.account).await? {
            Some(_) => self.scheduler.apply(Verdict::Stop { until: None }, micros(now)),
            None if asked => self.scheduler.release(),
            None => {}
        }
        Ok(())
    }
}

/// Pauses a campaign that cannot go on, unless somebody moved it meanwhile.
pub(super) async fn pause_campaign(
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

/// What pauses a campaign that cannot go on, and tells it.
pub(super) fn pause(campaign: &str, reason: &str, at: Millis) -> Vec<Change> {
    let step = CampaignMove {
        campaign: campaign.to_owned(),
        state: CampaignState::Paused,
        reason: Some(reason.to_owned()),
        from: predecessors(CampaignState::Paused),
        at,
    };
    let told = json!({ "campaignId": campaign, "state": "paused", "reason": reason });
    vec![CampaignChange::SetState(step).into(), event("campaign.failed", &told, at)]
}

/// Somebody else moved the campaign in the meantime: that is theirs to decide.
pub(super) fn unless_moved(outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other,
    }
}
