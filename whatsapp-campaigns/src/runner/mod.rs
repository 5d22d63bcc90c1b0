//! Sends what is due of all campaigns: over the store, through a [`Sender`] for each account.
//!
//! ```text
//!             ┌─ conductor ──────── starts, pauses and ends campaigns; on one of all nodes, by a lease
//!   Runner ───┤
//!             └─ ActiveCampaigns ── those that send now, read again and again
//!                  │
//!                  ▼         an AccountWorker for each account that sends; on one node at a time, by a lease
//!   lease a range ─► read its rows ─► ask the scheduler ─► screen ─► render ─► hand over ─► write outcomes in batches
//!        ▲                                                                              │
//!        └───────────────── give the lease back, with what was not sent ◄───────────────┘
//! ```
//!
//! The lease of a range is the intent: ids follow from campaign, lane and place, so nothing is written before a message is handed
//! over. After a crash, the next holder of the sender hands every row without an outcome over again, under its old id and with its
//! old text. A worker whose lease was taken writes nothing more: the store refuses it.
mod active;
mod addresses;
mod conductor;
mod ears;
mod expire;
mod guard;
mod lanes;
mod late;
mod port;
mod range;
mod serve;
mod stop;
mod tick;
mod winner;
mod worker;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::sleep,
};
use whatsapp_store::{
    AccountId, CampaignRecord, CampaignState, Error as StoreError, ErrorKind, Lease, Store, WorkspaceId,
};

use self::{
    active::ActiveCampaigns,
    conductor::Conductor,
    serve::{Account, serve},
    worker::WorkerRequests,
};
pub use self::{
    ears::{Ears, Heard, Incoming, Receipt, ReceiptKind},
    port::{Message, Sender, Submission},
};
pub use crate::{
    clock::{Clock, SystemClock},
    keys::Keys,
    stopped::StoppedSender,
};
use crate::{dispatch::Dispatch, stopped, window::Millis};

/// How a runner works. The defaults suit a host.
#[derive(Clone, Debug)]
pub struct Options {
    /// A name that no other runner on the same store has.
    pub owner: String,
    /// How rows are leased and handed over. Give the same to dry runs.
    pub dispatch: Dispatch,
    /// How long messages under way are waited for at the end.
    pub shutdown_timeout: Duration,
    /// Write an event for each message that was handed over.
    pub events: bool,
}

impl Options {
    /// The defaults, under a name.
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            dispatch: Dispatch::default(),
            shutdown_timeout: Duration::from_secs(5),
            events: true,
        }
    }
}

/// Sends campaigns. Cheap to clone.
///
/// [`Runner::run`] has to be polled for anything to happen; [`Runner::serve`] adds an account that sends.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("owner", &self.shared.options.owner).finish_non_exhaustive()
    }
}

/// What all parts of a runner have.
struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    options: Options,
    active: watch::Sender<ActiveCampaigns>,
    /// Something changed: look now.
    nudge: Notify,
    stop: watch::Sender<bool>,
    lines: Mutex<HashMap<AccountId, Serving>>,
}

struct Serving {
    requests: Arc<WorkerRequests>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Runner {
    /// Over a store, by the clock of this machine.
    pub fn new(store: Arc<dyn Store>, options: Options) -> Self {
        Self::with_clock(store, options, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(store: Arc<dyn Store>, options: Options, clock: Arc<dyn Clock>) -> Self {
        let (active, _) = watch::channel(ActiveCampaigns::default());
        let (stop, _) = watch::channel(false);
        let (nudge, lines) = Default::default();
        Self { shared: Arc::new(Shared { store, clock, options, active, nudge, stop, lines }) }
    }

    /// How it leases rows and hands messages over.
    pub fn dispatch(&self) -> Dispatch {
        self.shared.options.dispatch
    }

    /// Looks after campaigns until [`Runner::shutdown`]. What the store cannot do now is tried again.
    pub async fn run(&self) {
        let shared = &self.shared;
        let mut stop = shared.stop.subscribe();
        let mut conductor = Conductor::new(shared.clone());
        while !*stop.borrow() {
            if let Err(error) = self.look(&mut conductor).await {
                tracing::warn!(%error, "campaigns were not looked after: it is tried again");
            }
            tokio::select! {
                () = shared.nudge.notified() => {}
                _ = stop.changed() => {}
                () = sleep(millis(conductor.wait())) => {}
            }
        }
        conductor.give_back().await;
    }

    async fn look(&self, conductor: &mut Conductor) -> Result<(), StoreError> {
        let shared = &self.shared;
        let former = shared.active.borrow().clone();
        let (active, broken) = former.look(&*shared.store).await?;
        conductor.round(&active, broken).await?;
        shared.active.send_if_modified(|current| {
            let is_new = !active.is_same(current);
            *current = active;
            is_new
        });
        Ok(())
    }

    /// Looks after campaigns until one of them is over or paused: for a program that sends one, and for tests. Drop it, or let it
    /// end, and nothing is looked after any more.
    ///
    /// # Errors
    /// When the campaign cannot be read, or there is none.
    pub async fn until_over(&self, workspace: &WorkspaceId, id: &str) -> Result<CampaignRecord, StoreError> {
        let over = async {
            loop {
                let record = self.shared.store.campaign(workspace, id).await?;
                let record =
                    record.ok_or_else(|| StoreError::new(ErrorKind::Invalid, "waiting for a campaign"))?;
                if matches!(
                    record.state,
                    CampaignState::Finished | CampaignState::Cancelled | CampaignState::Paused
                ) {
                    return Ok(record);
                }
                sleep(millis(self.shared.options.dispatch.tick)).await;
            }
        };
        tokio::select! {
            over = over => over,
            () = self.run() => Err(StoreError::new(ErrorKind::Other, "waiting for a campaign: the runner was shut down")),
        }
    }

    /// Has an account send, from now on until [`Runner::leave`]. While another node has it, this one waits. An account that no campaign
    /// sends from has no cost: no lease, no tick.
    pub fn serve(&self, account: AccountId, sender: Arc<dyn Sender>) {
        let (stop, stopping) = watch::channel(false);
        let requests = Arc::new(WorkerRequests::default());
        let (shared, id) = (self.shared.clone(), account.clone());
        let task = tokio::spawn(serve(Account { shared, id, sender, requests: requests.clone() }, stopping));
        let former = self.lines().insert(account, Serving { requests, stop, task });
        if let Some(former) = former {
            former.stop.send_replace(true);
        }
    }

    /// An account sends no more here: what is under way is finished, the rest given back.
    pub async fn leave(&self, account: &AccountId) {
        let serving = self.lines().remove(account);
        if let Some(serving) = serving {
            serving.stop.send_replace(true);
            drop(serving.task.await);
        }
    }

    /// A message of a person or a bot went through an account: campaigns give way to it.
    pub fn interactive(&self, account: &AccountId) {
        if let Some(serving) = self.lines().get(account) {
            serving.requests.interactive.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why the server stopped a sender; `None` when it did not, or a person released it.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn stopped(&self, account: &AccountId) -> Result<Option<StoppedSender>, StoreError> {
        stopped::stopped(&*self.shared.store, account).await
    }

    /// A person lets a sender go on that the server stopped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn release(&self, account: &AccountId) -> Result<(), StoreError> {
        stopped::release(&*self.shared.store, account).await?;
        if let Some(serving) = self.lines().get(account) {
            serving.requests.look.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Something changed in the store: look at once, and not at the next tick.
    pub fn nudge(&self) {
        self.shared.nudge.notify_one();
    }

    /// The keys of a workspace; they are made when they are asked for the first time.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub async fn keys(&self, workspace: &WorkspaceId) -> Result<Keys, StoreError> {
        Keys::of(&*self.shared.store, workspace).await
    }

    /// Ends: nothing new is begun, what is under way is finished, the rest given back.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let all: Vec<_> = self.lines().drain().map(|(_, serving)| serving).collect();
        for serving in &all {
            serving.stop.send_replace(true);
        }
        for serving in all {
            drop(serving.task.await);
        }
    }

    /// As if the process was killed.
    #[cfg(test)]
    fn abandon(&self) {
        for (_, serving) in self.lines().drain() {
            serving.task.abort();
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Serving>> {
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Takes or keeps the right to send from an account.
    async fn acquire(&self, account: &AccountId, now: Millis) -> Result<Option<Lease>, StoreError> {
        let (workspace, name) = (account.workspace(), lease_name(account));
        let until = now + self.options.dispatch.lease_term;
        self.store.acquire_lease(workspace, &name, &self.options.owner, now, until).await
    }

    async fn release(&self, account: &AccountId, lease: &Lease) {
        if let Err(error) = self.store.release_lease(account.workspace(), lease).await {
            tracing::info!(%account, %error, "a sender was not given back: that ends by itself");
        }
    }

    /// Takes the sender from an earlier run of this node, so that what that one may still write is refused.
    async fn take(&self, account: &AccountId, now: Millis) -> Result<Option<Lease>, StoreError> {
        let held = self.store.lease(account.workspace(), &lease_name(account)).await?;
        if let Some(held) = held.filter(|held| held.owner == self.options.owner) {
            self.store.release_lease(account.workspace(), &held).await?;
        }
        self.acquire(account, now).await
    }
}

fn lease_name(account: &AccountId) -> String {
    format!("campaigns/sender/{}", account.name())
}

fn millis(span: Millis) -> Duration {
    Duration::from_millis(u64::try_from(span).unwrap_or_default())
}

#[cfg(test)]
mod tests;
