//! Reads the outbox for a part of the host: one node does, by a lease; where it has come to is stored, so that nothing is missed
//! over a crash. What is read twice must have no further effect.
//!
//! Events come in one order for all workspaces, and no workspace waits for another: one whose events cannot be taken in, or not soon,
//! is left behind. It has a position of its own then (`NAME@WORKSPACE`), follows by itself ([`behind`]), and joins the others once it
//! has come to where they are. An event that fails again and again is set aside ([`DeadLetters`]).
mod behind;
mod dead;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};
use whatsapp_store::{Changes, Error, ErrorKind, EventChange, EventRecord, Fence, Lease, Store, WorkspaceId};

use self::behind::Behind;
pub(crate) use self::dead::{DeadLetter, DeadLetters};
use crate::time::now_millis;

const TERM: i64 = 15_000;
/// Read at once.
const PAGE: u32 = 500;
/// How long it waits for a hint before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A workspace that takes longer over its part of a page is left behind.
const SOON: Duration = Duration::from_secs(5);
/// Workspaces whose events are taken in side by side.
const AT_ONCE: usize = 8;
/// Workspaces that may be behind; with more of them, all wait.
const MOST_BEHIND: usize = 64;

/// Who takes the events in.
#[async_trait]
pub(crate) trait Ear: Send + Sync + 'static {
    /// Events of one workspace, in order.
    ///
    /// # Errors
    /// When they were not all taken in: they come again then.
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error>;
}

/// The consumers of this node, by name. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Consumers {
    store: Arc<dyn Store>,
    owner: Arc<str>,
    ears: Arc<std::sync::Mutex<BTreeMap<&'static str, Arc<dyn Ear>>>>,
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumers")
    }
}

impl Consumers {
    /// On a store; `node` is a name that no other node has.
    pub(crate) fn new(store: Arc<dyn Store>, node: &str) -> Self {
        Self { store, owner: node.into(), ears: Arc::default() }
    }

    /// Somebody takes events in under a name of its own.
    pub(crate) fn register(&self, name: &'static str, ear: impl Ear) {
        self.ears().insert(name, Arc::new(ear));
    }

    /// Follows until it is to stop; another node can go on at once then. What was read of a page that was not taken in to its end
    /// is read again.
    pub(crate) async fn run(self, name: &'static str, stop: impl Future<Output = ()>) {
        let Some(ear) = self.ear(name) else { return };
        let source = Source { store: self.store, name, ear };
        let (owner, followers) = (self.owner, JoinSet::new());
        let mut consumer = Consumer { source, owner, lease: None, head: Arc::default(), followers };
        tokio::select! {
            biased;
            () = stop => {}
            () = consumer.follow() => {}
        }
        consumer.followers.shutdown().await;
        consumer.give_back().await;
    }

    /// Who takes events in under that name.
    pub(crate) fn ear(&self, name: &str) -> Option<Arc<dyn Ear>> {
        self.ears().get(name).cloned()
    }

    /// The events that were set aside.
    pub(crate) fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters::new(&*self.store)
    }

    fn ears(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Arc<dyn Ear>>> {
        self.ears.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Is it the store that fails, whatever the event is?
fn is_of_the_store(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Busy | ErrorKind::Full | ErrorKind::Unreachable | ErrorKind::Fenced)
}

/// What is read, and who takes it in.
#[derive(Clone)]
struct Source {
    store: Arc<dyn Store>,
    name: &'static str,
    ear: Arc<dyn Ear>,
}

impl Source {
    /// The name of a workspace's own position.
    fn of(&self, workspace: &WorkspaceId) -> String {
        format!("{}@{workspace}", self.name)
    }

    /// A commit that fails once another node reads.
    fn changes(fence: &Fence) -> Changes {
        let mut changes = Changes::new(WorkspaceId::default());
        changes.fence = Some(fence.clone());
        changes
    }
}

/// How far all have come who are not behind.
#[derive(Default)]
struct Head {
    after: Option<String>,
    behind: BTreeSet<WorkspaceId>,
}

struct Consumer {
    source: Source,
    owner: Arc<str>,
    lease: Option<Lease>,
    /// Held while a page is taken in, and while a workspace joins the others.
    head: Arc<Mutex<Head>>,
    /// Of the workspaces that are behind.
    followers: JoinSet<()>,
}

impl Consumer {
    async fn follow(&mut self) {
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(error) => {
                    tracing::warn!(%error, name = self.source.name, "what was heard waits: it is tried again");
                    self.lease = None;
                    sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// For a hint, and no more: it is looked again in time.
    async fn wait(&self) {
        let after = self.head.lock().await.after.clone();
        let hint = async {
            match &self.lease {
                Some(_) => self.source.store.new_events(after.as_deref()).await,
                None => std::future::pending().await,
            }
        };
        if let Ok(Err(error)) = timeout(LOOK_AGAIN, hint).await {
            tracing::warn!(%error, name = self.source.name, "there may be events: it is looked again");
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn give_back(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Err(error) = self.source.store.release_lease(&WorkspaceId::default(), &lease).await
        {
            tracing::info!(%error, name = self.source.name, "the lease was not given back: it ends by itself");
        }
    }

    /// Takes a page in; `false` when there is nothing to read, or another node reads.
    async fn round(&mut self) -> Result<bool, Error> {
        let Some(fence) = self.hold().await? else { return Ok(false) };
        while self.followers.try_join_next().is_some() {}
        let shared = self.head.clone();
        let mut head = shared.lock().await;
        let events = self.source.store.all_events(head.after.as_deref(), PAGE).await?;
        let Some(last) = events.last().map(|event| event.position.clone()) else { return Ok(false) };
        let left = self.take(&head, events).await?;
        // Where all were before this page.
        let before = head.after.clone().unwrap_or_else(|| EventRecord::START.to_owned());
        let mut changes = Source::changes(&fence);
        changes.push(EventChange::Passed { consumer: self.source.name.to_owned(), position: last.clone() });
        for workspace in &left {
            let (consumer, position) = (self.source.of(workspace), before.clone());
            changes.push(EventChange::Passed { consumer, position });
        }
        self.source.store.commit(changes).await?;
        head.after = Some(last);
        for workspace in left {
            head.behind.insert(workspace.clone());
            self.leave_behind(workspace, before.clone(), fence.clone());
        }
        Ok(true)
    }

    /// Takes in what is of workspaces that are not behind. Gives those that could not take it.
    async fn take(&self, head: &Head, events: Vec<EventRecord>) -> Result<Vec<WorkspaceId>, Error> {
        let mut parts = BTreeMap::<WorkspaceId, Vec<EventRecord>>::new();
        for event in events.into_iter().filter(|event| !head.behind.contains(&event.workspace)) {
            parts.entry(event.workspace.clone()).or_default().push(event);
        }
        let takes = parts.into_iter().map(|(workspace, part)| async move {
            let why = match timeout(SOON, self.source.ear.take(part)).await {
                Ok(Ok(())) => return Ok(None),
                Ok(Err(error)) if is_of_the_store(&error) => return Err(error),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it takes long".to_owned(),
            };
            tracing::warn!(name = self.source.name, %workspace, why, "a workspace is left behind, and follows by itself");
            Ok(Some(workspace))
        });
        let outcomes: Vec<Result<_, Error>> = stream::iter(takes).buffer_unordered(AT_ONCE).collect().await;
        let left: Vec<_> = outcomes.into_iter().filter_map(Result::transpose).collect::<Result<_, _>>()?;
        if head.behind.len() + left.len() > MOST_BEHIND {
            return Err(
                Error::new(ErrorKind::Busy, "reading events").because("too many workspaces are behind")
            );
        }
        Ok(left)
    }

    fn leave_behind(&mut self, workspace: WorkspaceId, after: String, fence: Fence) {
        let behind = Behind::new(self.source.clone(), self.head.clone(), workspace, after, fence);
        self.followers.spawn(behind.follow());
    }

    /// The fence of the lease, renewed in time; `None` when another node has it.
    async fn hold(&mut self) -> Result<Option<Fence>, Error> {
        let now = now_millis();
        if let Some(lease) = self.lease.as_ref().filter(|lease| lease.until - now > TERM / 2) {
            return Ok(Some(lease.fence()));
        }
        let former = self.lease.take().map(|lease| lease.token);
        let (name, store) = (format!("ears/{}", self.source.name), &self.source.store);
        self.lease =
            store.acquire_lease(&WorkspaceId::default(), &name, &self.owner, now, now + TERM).await?;
        let Some(lease) = &self.lease else {
            self.followers.abort_all();
            return Ok(None);
        };
        let fence = lease.fence();
        if former != Some(lease.token) {
            self.resume(fence.clone()).await?;
        }
        Ok(Some(fence))
    }

    /// Reads how far the node before has come.
    async fn resume(&mut self, fence: Fence) -> Result<(), Error> {
        self.followers.shutdown().await;
        let after = self.source.store.passed(self.source.name).await?;
        let prefix = format!("{}@", self.source.name);
        let mut head = Head { after, behind: BTreeSet::new() };
        for (consumer, position) in self.source.store.consumers(&prefix).await? {
            let Ok(workspace) = consumer[prefix.len()..].parse::<WorkspaceId>() else { continue };
            head.behind.insert(workspace.clone());
            self.leave_behind(workspace, position, fence.clone());
        }
        *self.head.lock().await = head;
        Ok(())
    }
}
