//! One account of a node: it sleeps until a campaign sends from it, takes the sender, sends, and gives it back.
use std::sync::{Arc, atomic::Ordering};

use tokio::{sync::watch, time::sleep};
use whatsapp_store::{AccountId, Error as StoreError, Lease};

use super::{
    Shared,
    lanes::Lanes,
    millis,
    port::Sender,
    worker::{self, AccountWorker, Ended, WorkerRequests, micros},
};
use crate::{
    pacing::{REMEMBERED, Verdict},
    scheduler::Scheduler,
    stopped,
    window::Millis,
};

/// An account that may send here.
pub(super) struct Account {
    pub(super) shared: Arc<Shared>,
    pub(super) id: AccountId,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) requests: Arc<WorkerRequests>,
}

/// The pace of a sender when it was given back, and the token of the lease that it had.
struct Former {
    scheduler: Scheduler,
    token: i64,
}

/// Serves an account until it is told to stop.
pub(super) async fn serve(account: Account, mut stopping: watch::Receiver<bool>) {
    let mut active = account.shared.active.subscribe();
    let mut former = None;
    loop {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            found = active.wait_for(|active| active.send_from(&account.id)) => if found.is_err() { return },
        }
        match account.open(former.take(), &stopping).await {
            Ok(Some(worker)) => match Box::pin(worker.run()).await {
                Ended::Idle { scheduler, token } => {
                    former = Some(Former { scheduler: *scheduler, token });
                    continue;
                }
                Ended::Stopped => {}
                Ended::Lost => {
                    tracing::warn!(account = %account.id, "somebody else sends from this account now");
                }
            },
            Ok(None) => tracing::debug!(account = %account.id, "another node sends from this account"),
            Err(error) => {
                tracing::warn!(account = %account.id, %error, "cannot send from this account: it is tried again");
            }
        }
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = sleep(millis(account.shared.options.dispatch.lease_term / 3)) => {}
        }
    }
}

impl Account {
    /// Takes the sender; `None` while another node has it.
    async fn open(
        &self,
        former: Option<Former>,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Option<AccountWorker>, StoreError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let Some(lease) = shared.take(&self.id, now).await? else { return Ok(None) };
        let scheduler = self.scheduler(former, &lease, now).await?;
        let mut active = shared.active.subscribe();
        active.mark_changed();
        Ok(Some(AccountWorker {
            shared: shared.clone(),
            account: self.id.clone(),
            sender: self.sender.clone(),
            requests: self.requests.clone(),
            active,
            lease,
            lease_renewed_at: now,
            scheduler,
            lanes: Lanes::default(),
            seen: Default::default(),
            ranges: Default::default(),
            next_range: 0,
            tickets: Default::default(),
            next_ticket: 0,
            in_flight: Default::default(),
            next_tick: now,
            looked_at: now,
            reached: Vec::new(),
            is_behind: false,
            is_blind: false,
            stops: Vec::new(),
            stopping: stopping.clone(),
        }))
    }

    /// The pace to go on with: the former one if nobody else had the sender since, else that of a restart.
    async fn scheduler(
        &self,
        former: Option<Former>,
        lease: &Lease,
        now: Millis,
    ) -> Result<Scheduler, StoreError> {
        let store = &*self.shared.store;
        // What people and bots sent meanwhile was not counted.
        let was_used = self.requests.interactive.swap(0, Ordering::Relaxed) > 0;
        let mut scheduler = match former.filter(|former| former.token + 1 == lease.token) {
            Some(former) if !was_used => former.scheduler,
            Some(former) => former.scheduler.after_a_restart(micros(now)),
            None => {
                let limits = self.sender.limits();
                let workspace = self.id.workspace();
                let reached = match limits.people {
                    Some(_) => store.contacted_by(workspace, self.id.name(), now - REMEMBERED).await?,
                    None => Vec::new(),
                };
                Scheduler::new(limits, worker::cap(reached)).after_a_restart(micros(now))
            }
        };
        match stopped::stopped(store, &self.id).await? {
            Some(_) => scheduler.apply(Verdict::Stop { until: None }, micros(now)),
            None => scheduler.release(),
        }
        Ok(scheduler)
    }
}
