//! Runs bots over the store: every input is answered once, in order, whatever is killed when.
//!
//! ```text
//!   an input ─► read the conversation ─► step ─► one commit: input seen, conversation, contact, events, counts
//!                                                    │
//!                       the conversation holds what is to be done ─► send (under ids that follow from it) ─► done
//! ```
//!
//! The commit fails if the input was seen before, or if another node wrote the conversation meanwhile: then it is read again. What is
//! to be sent stands in the conversation until it was handed over; after a crash it is handed over again under the same id. A
//! request's answer is an input like any other.
mod catalog;
mod consent;
mod counts;
mod deliver;
mod edits;
mod envelope;
mod events;
mod lanes;
mod order;
mod outstanding;
mod owner;
mod peek;
mod person;
mod port;
mod recent;
mod schedules;
mod settings;
mod turn;
mod unheard;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use whatsapp_store::{AccountId, ConversationRecord, Error as StoreError, Store};

use self::{catalog::Catalog, lanes::Lane, outstanding::Outstanding, schedules::Schedules, turn::Hearing};
pub use self::{
    consent::Refusal,
    counts::{ENDED, STARTED},
    edits::Edit,
    envelope::Call,
    lanes::Bounds,
    port::{NotSent, Outlet},
    schedules::setting as schedule_setting,
    settings::RunnerSettings,
    turn::{Heard, TurnError, TurnErrorKind},
};
use crate::Input;
pub use crate::{
    Menus,
    clock::{Clock, SystemClock},
};

/// Conversations taken at once when their time has come.
const PAGE: u32 = 64;
/// A conversation that was taken and not written is taken again after this time, milliseconds.
const TERM: i64 = 30_000;
/// How long it waits before it looks for conversations that are due.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs bots. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    shared: Arc<Shared>,
}

impl fmt::Debug for Bots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bots")
    }
}

struct Shared {
    store: Arc<dyn Store>,
    outlet: Arc<dyn Outlet>,
    clock: Arc<dyn Clock>,
    settings: RunnerSettings,
    catalog: Catalog,
    /// Where messages are handed over, and where requests are made: a slow server keeps no message waiting.
    deliveries: Lane,
    requests: Lane,
    /// Chats for which something is being done, and whether somebody came meanwhile with more.
    busy: Mutex<HashMap<(AccountId, String), bool>>,
    /// What was noted and not given to an account yet.
    outstanding: Outstanding,
    nudge: Notify,
    stop: watch::Sender<bool>,
    /// What is being done for chats.
    tasks: Mutex<JoinSet<()>>,
}

impl Bots {
    /// Over a store, by the clock of this machine.
    pub fn new(store: Arc<dyn Store>, outlet: Arc<dyn Outlet>) -> Self {
        Self::with_clock(store, outlet, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(store: Arc<dyn Store>, outlet: Arc<dyn Outlet>, clock: Arc<dyn Clock>) -> Self {
        Self::with_settings(store, outlet, clock, RunnerSettings::default())
    }

    /// By another clock, and with other bounds of what it uses.
    pub fn with_settings(
        store: Arc<dyn Store>,
        outlet: Arc<dyn Outlet>,
        clock: Arc<dyn Clock>,
        settings: RunnerSettings,
    ) -> Self {
        let (stop, _) = watch::channel(false);
        let (busy, outstanding, nudge, tasks) = Default::default();
        let (deliveries, requests) = (Lane::new(settings.deliveries), Lane::new(settings.requests));
        let catalog = Catalog::new(settings.catalog_bytes);
        let shared = Shared {
            store,
            outlet,
            clock,
            settings,
            catalog,
            deliveries,
            requests,
            busy,
            outstanding,
            nudge,
            stop,
            tasks,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Looks after conversations whose time has come, until [`Bots::shutdown`]: timers, and what was left undone.
    pub async fn run(&self) {
        let mut stop = self.shared.stop.subscribe();
        while !*stop.borrow() {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "conversations of bots wait: it is tried again");
            }
            tokio::select! {
                () = self.shared.nudge.notified() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Lets bots write by themselves at the times of their schedules, until [`Bots::shutdown`]. `owner` is a name that no other
    /// runner on the same store has: one of them does it at a time, by a lease of each workspace.
    ///
    /// Each time is for each contact once, over crashes and on however many nodes. A time that is more than an hour past is left
    /// out, and of several that came meanwhile all but the last.
    pub async fn run_schedules(&self, owner: &str) {
        Schedules::new(self.clone(), owner).run().await;
    }

    /// Ends [`Bots::run`] and [`Bots::run_schedules`]. What is not done is done by whoever runs next.
    pub fn shutdown(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Ends as [`Bots::shutdown`] does, and waits for messages and requests under way; after so long, they are given up, to be
    /// handed over again under their ids.
    pub async fn finish(&self, patience: Duration) {
        self.shutdown();
        let mut tasks = std::mem::take(&mut *self.shared.tasks());
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::info!(
                count = tasks.len(),
                "answers of bots that were under way are left to the next start"
            );
            tasks.shutdown().await;
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        while !*shared.stop.borrow() {
            let now = shared.clock.now();
            let mut taken = 0;
            for workspace in shared.store.due_workspaces(now, PAGE).await? {
                let due = shared.store.claim_due_conversations(&workspace, now, now + TERM, PAGE).await?;
                taken += due.len();
                // Side by side: their commits are one write to the disk.
                let mut going = JoinSet::new();
                for record in due {
                    let bots = self.clone();
                    going.spawn(async move { bots.go_on(record, now).await });
                }
                while going.join_next().await.is_some() {}
            }
            // A page that is not full is the last one.
            if taken < PAGE as usize {
                break;
            }
        }
        Ok(())
    }

    /// Hears an input. `id` names it within the chat: a message's id. What is to be done is done in a task of its own; when this
    /// returns, it is certain to be done. An input that was heard before has no effect.
    ///
    /// What nobody in the chat asked for (an event, a schedule, a start) is refused unless the person agreed to be written to; an
    /// event that the conversation waits for is heard from all who did not opt out.
    ///
    /// # Errors
    /// When it was not heard; hand it in again then.
    pub async fn hear(
        &self,
        account: &AccountId,
        chat: &str,
        id: &str,
        input: &Input,
        name: &str,
    ) -> Result<Heard, TurnError> {
        Ok(self.heard(Hearing { account, chat, id, input, name, bot: None, also: None }).await?.0)
    }

    /// Hears an input; also tells how many messages follow from it.
    async fn heard(&self, hearing: Hearing<'_>) -> Result<(Heard, usize), TurnError> {
        let turn::Turn { heard, says, record } = turn::take(&self.shared, hearing).await?;
        if record.is_some() {
            self.deliver_soon(hearing.account, hearing.chat, record);
        }
        Ok((heard, says))
    }

    /// Lets a task do what is to be done for a chat. Where the queue of the account is full, it stands in the store until
    /// [`Bots::run`] comes to it.
    fn deliver_soon(&self, account: &AccountId, chat: &str, known: Option<ConversationRecord>) {
        let mut tasks = self.shared.tasks();
        // Those that are over.
        while tasks.try_join_next().is_some() {}
        if self.shared.is_stopping() {
            return;
        }
        let most = self.shared.settings.queue_of_account;
        let Some(queued) = self.shared.deliveries.queue(account, most) else {
            tracing::warn!(%account, most, "answers of bots wait in the store: the account has too many under way");
            return;
        };
        let (bots, account, chat) = (self.clone(), account.clone(), chat.to_owned());
        tasks.spawn(async move { bots.deliver(&account, &chat, known, &queued).await });
    }
}

impl Shared {
    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashMap<(AccountId, String), bool>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One at a time does something for a chat; `None` when somebody does, who is told that there may be more.
    fn begin(self: &Arc<Self>, account: &AccountId, chat: &str) -> Option<Busy> {
        let place = (account.clone(), chat.to_owned());
        match self.busy().entry(place.clone()) {
            Entry::Occupied(mut more) => {
                more.insert(true);
                None
            }
            Entry::Vacant(free) => {
                free.insert(false);
                Some(Busy { shared: self.clone(), place, is_over: false })
            }
        }
    }
}

/// Something is being done for a chat.
struct Busy {
    shared: Arc<Shared>,
    place: (AccountId, String),
    is_over: bool,
}

impl Busy {
    /// Ends it, unless somebody came with more; then it goes on.
    fn end(&mut self) -> bool {
        let mut busy = self.shared.busy();
        self.is_over = !busy.get_mut(&self.place).is_some_and(std::mem::take);
        if self.is_over {
            busy.remove(&self.place);
        }
        self.is_over
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Else the place may be somebody else's by now.
        if !self.is_over {
            self.shared.busy().remove(&self.place);
        }
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
