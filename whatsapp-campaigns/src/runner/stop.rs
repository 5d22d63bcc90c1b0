//! What stops when the service refuses more than a row.
use serde_json::json;
use whatsapp_store::{
    CampaignChange, CampaignMove, CampaignState, Change, Changes, Error as StoreError, ErrorKind, Store,
    WorkspaceId,
};

use super::{
    board::Live,
    line::{Line, micros},
};
use crate::{
    changes::event,
    lattice::followed_by,
    outcome::{Code, Stop},
    pacing::Verdict,
    stopped::{self, StoppedSender},
    window::Millis,
};

/// How often a line looks whether it was stopped.
const LOOK_AGAIN: Millis = 5_000;

/// What stops.
#[derive(Clone, Debug)]
pub(super) enum Halt {
    /// The sender, until a person releases it.
    Sender(StoppedSender),
    /// One campaign.
    Campaign(String, String),
    /// All campaigns of the workspace.
    Workspace(String),
}

/// The service restricts an account: for people.
pub(super) fn restricted(account: &str, code: Code) -> String {
    format!("the service restricts the account {account} ({code})")
}

/// The service refuses the template of a campaign: for people.
pub(super) fn template_refused(code: Code) -> String {
    format!("the service refuses the template ({code})")
}

/// The service wants to be paid: for people.
pub(super) fn cannot_pay(code: Code) -> String {
    format!("the account cannot pay ({code})")
}

impl Line {
    /// Takes in what stops besides a row; it is carried out at once.
    pub(super) fn react(&mut self, campaign: String, code: Code, stop: Stop, now: Millis) {
        let halt = match stop {
            Stop::Nothing => return,
            Stop::Halve => return self.scheduler.hear(Verdict::SlowDown, micros(now)),
            Stop::Sender { until } => {
                self.scheduler.hear(Verdict::Stop { until: None }, micros(now));
                let reason = restricted(self.account.name(), code);
                Halt::Sender(StoppedSender { reason, at: now, until })
            }
            Stop::Campaign => Halt::Campaign(campaign, template_refused(code)),
            Stop::Workspace => Halt::Workspace(cannot_pay(code)),
        };
        self.stops.push(halt);
        self.next_tick = 0;
    }

    /// Writes down what was stopped, with the reason for people.
    pub(super) async fn carry_out_stops(&mut self, now: Millis) -> Result<(), StoreError> {
        while let Some(halt) = self.stops.last().cloned() {
            let board = self.board.borrow().clone();
            let ours = board.0.iter().filter(|live| live.workspace == *self.account.workspace());
            match halt {
                Halt::Sender(stopped) => {
                    stopped::keep(&*self.shared.store, &self.account, &stopped).await?;
                    // Others have senders that go on.
                    let alone = |live: &&std::sync::Arc<Live>| {
                        live.lanes.values().all(|lane| lane.sender == self.account.name())
                    };
                    for live in ours.filter(alone) {
                        self.pause(&live.record.id, &stopped.reason, now).await?;
                    }
                }
                Halt::Campaign(id, reason) => self.pause(&id, &reason, now).await?,
                Halt::Workspace(reason) => {
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
        let asked = self.wishes.look.swap(false, std::sync::atomic::Ordering::Relaxed);
        if !asked && now - self.looked_at < LOOK_AGAIN {
            return Ok(());
        }
        self.looked_at = now;
        match stopped::stopped(&*self.shared.store, &self.account).await? {
            Some(_) => self.scheduler.hear(Verdict::Stop { until: None }, micros(now)),
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
        from: followed_by(CampaignState::Paused),
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
