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
mod deliver;
mod envelope;
mod person;
mod port;
mod turn;

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use whatsapp_store::{AccountId, Error as StoreError, Store};

use self::catalog::Catalog;
pub use self::{
    envelope::Call,
    port::{Clock, NotSent, Outlet, SystemClock},
    turn::{Heard, TurnError},
};
use crate::Input;
pub use crate::Menus;

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
    catalog: Catalog,
    /// Chats for which something is being done.
    busy: Mutex<HashSet<(AccountId, String)>>,
    nudge: Notify,
    stop: watch::Sender<bool>,
}

impl Bots {
    /// Over a store, by the clock of this machine.
    pub fn new(store: Arc<dyn Store>, outlet: Arc<dyn Outlet>) -> Self {
        Self::with_clock(store, outlet, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(store: Arc<dyn Store>, outlet: Arc<dyn Outlet>, clock: Arc<dyn Clock>) -> Self {
        let (stop, _) = watch::channel(false);
        let (catalog, busy, nudge) = Default::default();
        Self { shared: Arc::new(Shared { store, outlet, clock, catalog, busy, nudge, stop }) }
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

    /// Ends [`Bots::run`]. What is not done is done by whoever runs next.
    pub fn shutdown(&self) {
        self.shared.stop.send_replace(true);
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
        let heard = turn::take(&self.shared, account, chat, id, input, name).await?;
        if heard == Heard::Answered {
            self.deliver_soon(account, chat);
        }
        Ok(heard)
    }

    fn deliver_soon(&self, account: &AccountId, chat: &str) {
        let (bots, account, chat) = (self.clone(), account.clone(), chat.to_owned());
        tokio::spawn(async move { bots.deliver(&account, &chat).await });
    }
}

impl Shared {
    /// One at a time does something for a chat; `None` when somebody does.
    fn begin(self: &Arc<Self>, account: &AccountId, chat: &str) -> Option<Busy> {
        let place = (account.clone(), chat.to_owned());
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(place.clone()).then(|| Busy { shared: self.clone(), place })
    }
}

/// Something is being done for a chat.
struct Busy {
    shared: Arc<Shared>,
    place: (AccountId, String),
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

#[cfg(test)]
mod tests;
