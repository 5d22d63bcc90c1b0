//! Reads the outbox for a part of the host: one node does, by a lease; where it has come to is stored, so that nothing is missed
//! over a crash. What is read twice must have no further effect.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use whatsapp_store::{Changes, Error, EventChange, EventRecord, Lease, Store, WorkspaceId};

use crate::time::now_millis;

const TERM: i64 = 15_000;
/// Read at once.
const PAGE: u32 = 500;
/// How long it waits for a hint before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

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
    let mut consumer = Consumer { store, owner, name, ear, lease: None, after: None };
    tokio::select! {
        biased;
        () = stop => {}
        () = consumer.follow() => {}
    }
    consumer.give_back().await;
}

struct Consumer<E> {
    store: Arc<dyn Store>,
    owner: Arc<str>,
    name: &'static str,
    ear: E,
    lease: Option<Lease>,
    after: Option<String>,
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
        let events = self.store.all_events(self.after.as_deref(), PAGE).await?;
        let Some(last) = events.last().map(|event| event.position.clone()) else {
            // A hint, and no more.
            return match timeout(LOOK_AGAIN, self.store.new_events(self.after.as_deref())).await {
                Ok(hint) => hint,
                Err(_) => Ok(()),
            };
        };
        self.ear.take(events).await?;
        let mut changes = Changes::new(WorkspaceId::default());
        changes.fence = self.lease.as_ref().map(Lease::fence);
        changes.push(EventChange::Passed { consumer: self.name.to_owned(), position: last.clone() });
        self.store.commit(changes).await?;
        self.after = Some(last);
        Ok(())
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
