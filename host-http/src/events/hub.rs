//! One tail of the outbox for all listeners of this node.
//!
//! A listener reads what is behind it from the store, and joins the tail once it has come to its end. It subscribes before its last
//! read, so that no event falls between the two, and passes over those that it has from both: the tail may be behind the store. One
//! that is slow is told by the tail that it missed some, and reads from the store again: nothing is kept for it.
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, watch},
    time::{sleep, timeout},
};
use whatsapp_store::{Error, ErrorKind, EventRecord, Store};

/// Events that a listener may be behind the tail.
const CAPACITY: usize = 1_024;
/// Read at once.
const PAGE: u32 = 500;
/// How long the tail waits before it looks again unasked: hints may be missed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells new events to those who listen; it reads nothing while nobody does.
pub(super) struct Hub {
    store: Arc<dyn Store>,
    tail: broadcast::Sender<Arc<EventRecord>>,
    /// How far the tail that runs has told; nothing before it has begun.
    told: Mutex<Option<watch::Receiver<Option<String>>>>,
}

/// What a listener hears from the tail.
pub(super) struct Subscription {
    pub(super) events: broadcast::Receiver<Arc<EventRecord>>,
    /// All that comes is behind this position.
    pub(super) behind: String,
}

impl Hub {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, tail: broadcast::Sender::new(CAPACITY), told: Mutex::default() }
    }

    /// How many listen now.
    pub(super) fn listeners(&self) -> usize {
        self.tail.receiver_count()
    }

    /// All events that can be read from now on, and some that could be read before.
    ///
    /// # Errors
    /// When the tail did not begin, since the store cannot be read.
    pub(super) async fn subscribe(self: &Arc<Self>) -> Result<Subscription, Error> {
        let (events, before, mut told) = {
            let mut running = self.running();
            // A sender that is gone: the tail ended, or failed by a mistake of the program.
            let told = running.take().filter(|told| told.has_changed().is_ok());
            // First how far it is, then what comes.
            let before = told.as_ref().and_then(|told| told.borrow().clone());
            let events = self.tail.subscribe();
            let told = told.unwrap_or_else(|| {
                let (tell, told) = watch::channel(None);
                tokio::spawn(Arc::clone(self).follow(tell));
                told
            });
            *running = Some(told.clone());
            (events, before, told)
        };
        let begun = told.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        let behind = before.or(begun).ok_or_else(|| Error::new(ErrorKind::Busy, "listening to events"))?;
        Ok(Subscription { events, behind })
    }

    fn running(&self) -> MutexGuard<'_, Option<watch::Receiver<Option<String>>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until nobody listens.
    async fn follow(self: Arc<Self>, tell: watch::Sender<Option<String>>) {
        let Ok(last) = self.store.last_event().await else { return };
        let mut after = last.unwrap_or_else(|| EventRecord::START.to_owned());
        tell.send_replace(Some(after.clone()));
        while !self.is_over() {
            match self.store.all_events(Some(&after), PAGE).await {
                Ok(events) => {
                    let Some(last) = events.last() else {
                        let _ = timeout(LOOK_AGAIN, self.store.new_events(Some(&after))).await;
                        continue;
                    };
                    after.clone_from(&last.position);
                    for event in events {
                        // Without listeners there is nobody to tell.
                        let _ = self.tail.send(Arc::new(event));
                    }
                    tell.send_replace(Some(after.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "events wait: it is tried again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Whoever subscribes next starts another tail.
    fn is_over(&self) -> bool {
        let mut running = self.running();
        let is_over = self.tail.receiver_count() == 0;
        if is_over {
            *running = None;
        }
        is_over
    }
}
