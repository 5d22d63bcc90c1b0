//! Reads the outbox for a part of the host: one node does, by a lease; where it has come to is stored, so that nothing is missed
//! over a crash. What is read twice must have no further effect.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use tokio::time::{sleep, timeout};
use whatsapp_store::{Changes, Error, ErrorKind, EventChange, EventRecord, Lease, Store, WorkspaceId};

use crate::time::now_millis;

const TERM: i64 = 15_000;
/// Read at once.
const PAGE: u32 = 500;
/// How long it waits for a hint before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A page that fails so often is read event by event, and an event that fails so often is set aside.
const TRIES: u32 = 5;
/// Told of an event that was set aside, with its id: it stays in the log as long as others do.
const SET_ASIDE: &str = "event.failed";

/// Who takes the events in.
#[async_trait]
pub(crate) trait Ear: Send + Sync {
    /// A page of events, in order.
    ///
    /// # Errors
    /// When they were not all taken in: they come again then.
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error>;
}

/// Follows for as long as the host runs, under a name of its own.
pub(crate) async fn run(store: Arc<dyn Store>, owner: Arc<str>, name: &'static str, ear: impl Ear) {
    run_until(store, owner, name, ear, std::future::pending()).await;
}

/// Follows until it is to stop; another node can go on at once then. What was read of a page that was not taken in to its end is
/// read again.
pub(crate) async fn run_until(
    store: Arc<dyn Store>,
    owner: Arc<str>,
    name: &'static str,
    ear: impl Ear,
    stop: impl Future<Output = ()>,
) {
    let mut consumer = Consumer { store, owner, name, ear, lease: None, after: None, failures: 0, singly: 0 };
    tokio::select! {
        biased;
        () = stop => {}
        () = consumer.follow() => {}
    }
    consumer.give_back().await;
}

/// Is it the store that fails, whatever the event is?
fn is_of_the_store(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Busy | ErrorKind::Full | ErrorKind::Unreachable | ErrorKind::Fenced)
}

struct Consumer<E> {
    store: Arc<dyn Store>,
    owner: Arc<str>,
    name: &'static str,
    ear: E,
    lease: Option<Lease>,
    after: Option<String>,
    /// Of what comes next, in a row.
    failures: u32,
    /// So many events are taken one by one, since one of them fails.
    singly: u32,
}

impl<E: Ear> Consumer<E> {
    async fn follow(&mut self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(%error, name = self.name, "what was heard waits: it is tried again");
                self.lease = None;
                sleep(LOOK_AGAIN).await;
            }
        }
    }

    async fn give_back(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Err(error) = self.store.release_lease(&WorkspaceId::default(), &lease).await
        {
            tracing::info!(%error, name = self.name, "the lease was not given back: it ends by itself");
        }
    }

    /// Reads a page, and waits when there is nothing.
    async fn round(&mut self) -> Result<(), Error> {
        if !self.hold().await? {
            sleep(LOOK_AGAIN).await;
            return Ok(());
        }
        let page = if self.singly > 0 { 1 } else { PAGE };
        let events = self.store.all_events(self.after.as_deref(), page).await?;
        let Some(last) = events.last().cloned() else {
            // A hint, and no more.
            return match timeout(LOOK_AGAIN, self.store.new_events(self.after.as_deref())).await {
                Ok(hint) => hint,
                Err(_) => Ok(()),
            };
        };
        if let Err(error) = self.ear.take(events).await
            && !self.give_up(&last, &error).await?
        {
            return Err(error);
        }
        self.failures = 0;
        self.singly = self.singly.saturating_sub(1);
        let mut changes = Changes::new(WorkspaceId::default());
        changes.fence = self.lease.as_ref().map(Lease::fence);
        changes.push(EventChange::Passed { consumer: self.name.to_owned(), position: last.position.clone() });
        self.store.commit(changes).await?;
        self.after = Some(last.position);
        Ok(())
    }

    /// One event must not keep all others waiting, nor the log from being trimmed. `true` when it was set aside.
    async fn give_up(&mut self, event: &EventRecord, error: &Error) -> Result<bool, Error> {
        if is_of_the_store(error) {
            return Ok(false);
        }
        self.failures += 1;
        if self.failures < TRIES {
            return Ok(false);
        }
        self.failures = 0;
        if self.singly == 0 {
            self.singly = PAGE;
            return Ok(false);
        }
        tracing::error!(%error, name = self.name, event = event.position, "an event cannot be taken in and is set aside");
        let told = json!({
            "consumer": self.name, "eventId": event.position, "event": event.key, "reason": error.to_string(),
        });
        let mut changes = Changes::new(event.workspace.clone());
        changes.fence =
            self.lease.as_ref().map(Lease::fence).filter(|_| event.workspace == WorkspaceId::default());
        changes.push(crate::events::event(SET_ASIDE, &told));
        self.store.commit(changes).await?;
        Ok(true)
    }

    async fn hold(&mut self) -> Result<bool, Error> {
        let now = now_millis();
        if self.lease.as_ref().is_some_and(|lease| lease.until - now > TERM / 2) {
            return Ok(true);
        }
        let former = self.lease.take().map(|lease| lease.token);
        let name = format!("ears/{}", self.name);
        self.lease =
            self.store.acquire_lease(&WorkspaceId::default(), &name, &self.owner, now, now + TERM).await?;
        let token = self.lease.as_ref().map(|lease| lease.token);
        if token.is_some() && token != former {
            self.after = self.store.passed(self.name).await?;
        }
        Ok(token.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use whatsapp_store::{EventStore, NewEvent, memory::MemoryStore};

    use super::*;

    /// Takes all but one kind of event.
    #[derive(Clone, Default)]
    struct Picky(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Ear for Picky {
        async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
            for event in events {
                if event.key == "poison" {
                    return Err(Error::new(ErrorKind::Invalid, "hearing"));
                }
                self.0.lock().unwrap().push(event.key);
            }
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_cannot_be_taken_in_does_not_stop_the_others() {
        let store = Arc::new(MemoryStore::new());
        let mut changes = Changes::new(WorkspaceId::default());
        for key in ["a", "poison", "b", "poison", "c"] {
            changes.push(EventChange::Put(NewEvent { key: key.into(), data: "null".into(), at: 1 }));
        }
        store.commit(changes).await.unwrap();
        let ear = Picky::default();
        let running = tokio::spawn(run(store.clone(), "me".into(), "test", ear.clone()));
        let told = timeout(Duration::from_secs(600), async {
            loop {
                let events = store.all_events(None, 100).await.unwrap();
                let told: Vec<_> = events.into_iter().filter(|event| event.key == SET_ASIDE).collect();
                if told.len() == 2 && ear.0.lock().unwrap().iter().any(|key| key == "c") {
                    return told;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        let told = told.await.unwrap();
        assert!(told[0].data.contains(r#""eventId":"2""#), "{told:?}");
        assert!(ear.0.lock().unwrap().iter().any(|key| key == "b"));
        running.abort();
    }
}
