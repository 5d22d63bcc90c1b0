//! One workspace that follows by itself.
use std::sync::Arc;

use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};
use whatsapp_store::{Error, ErrorKind, EventChange, EventRecord, Fence, WorkspaceId};

use super::{Head, LOOK_AGAIN, PAGE, Source, dead::DeadLetters, is_of_the_store};

/// A page that fails so often is read event by event, and an event that fails so often is set aside.
const TRIES: u32 = 5;
/// What takes longer has failed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) struct Behind {
    source: Source,
    head: Arc<Mutex<Head>>,
    workspace: WorkspaceId,
    after: String,
    fence: Fence,
    /// Of what comes next, in a row.
    failures: u32,
    /// So many events are taken one by one, since one of them fails.
    singly: u32,
}

impl Behind {
    pub(super) fn new(
        source: Source,
        head: Arc<Mutex<Head>>,
        workspace: WorkspaceId,
        after: String,
        fence: Fence,
    ) -> Self {
        Self { source, head, workspace, after, fence, failures: 0, singly: 0 }
    }

    /// Until it has come to where the others are, or another node reads.
    pub(super) async fn follow(mut self) {
        loop {
            match self.round().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::Fenced => return,
                Err(error) => {
                    let (name, workspace) = (self.source.name, &self.workspace);
                    tracing::warn!(%error, name, %workspace, "the events of a workspace wait: it is tried again");
                    sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    /// Takes a page in; `true` once it is one of the others again.
    async fn round(&mut self) -> Result<bool, Error> {
        let page = if self.singly > 0 { 1 } else { PAGE };
        let events = self.events(page).await?;
        let is_last = (events.len() as u32) < page;
        if let Some(last) = events.last().cloned() {
            let taken = timeout(PATIENCE, self.source.ear.take(events)).await;
            let late =
                || Err(Error::new(ErrorKind::Invalid, "taking events in").because("it takes too long"));
            if let Err(error) = taken.unwrap_or_else(|_| late())
                && !self.give_up(&last, &error).await?
            {
                return Err(error);
            }
            self.failures = 0;
            self.singly = self.singly.saturating_sub(1);
            let mut changes = Source::changes(&self.fence);
            let (consumer, position) = (self.source.of(&self.workspace), last.position.clone());
            changes.push(EventChange::Passed { consumer, position });
            self.source.store.commit(changes).await?;
            self.after = last.position;
        }
        if is_last { self.join().await } else { Ok(false) }
    }

    async fn events(&self, limit: u32) -> Result<Vec<EventRecord>, Error> {
        self.source.store.events(&self.workspace, Some(&self.after), limit).await
    }

    /// Joins the others, if the next event of the workspace is the same for both.
    async fn join(&self) -> Result<bool, Error> {
        let head = self.head.clone();
        let mut head = head.lock().await;
        let next = async |after: Option<&str>| {
            let next = self.source.store.events(&self.workspace, after, 1).await?;
            Ok::<_, Error>(next.into_iter().next().map(|event| event.position))
        };
        if next(Some(&self.after)).await? != next(head.after.as_deref()).await? {
            return Ok(false);
        }
        let mut changes = Source::changes(&self.fence);
        changes.push(EventChange::Forget { consumer: self.source.of(&self.workspace) });
        self.source.store.commit(changes).await?;
        head.behind.remove(&self.workspace);
        Ok(true)
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
        let (name, store) = (self.source.name, &self.source.store);
        tracing::error!(%error, name, event = event.position, "an event cannot be taken in and is set aside");
        DeadLetters::new(&**store).set_aside(name, event, &error.to_string()).await?;
        Ok(true)
    }
}
