//! What happened, for whoever listens. Events are written to the outbox in the commit that causes them, and told from
//! there, so that none is lost over a crash and all nodes tell the same.
mod hub;

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;
use whatsapp_store::{Changes, Error, EventChange, EventRecord, NewEvent, Scope, Store, WorkspaceId};

use self::hub::{Hub, Subscription};
use crate::time::{now_millis, rfc3339};

/// Tells a listener that its place in the log is gone.
pub const EVENTS_RESET: &str = "events.reset";

/// Told at once.
const PAGE: u32 = 100;
/// Before a listener asks again whether the tail has come to where it is.
const PAUSE: Duration = Duration::from_millis(100);
/// Listeners of one node.
const MOST_LISTENERS: usize = 2_000;

/// One event, as it is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Names the event, and its place in the order of all.
    pub event_id: String,
    /// `message.received`, `session.connected`, …
    pub event: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// Whose session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What happened.
    pub data: Value,
}

impl Told {
    fn of(record: EventRecord) -> Self {
        let data: Value = serde_json::from_str(&record.data).unwrap_or_default();
        Self {
            event_id: record.position,
            event: record.key,
            timestamp: rfc3339(record.at),
            session_id: record.account.map(|account| account.to_string()).or_else(|| session_in(&data)),
            data,
        }
    }

    /// Events that were told are not in the log any more: what was read of the API before may be out of date.
    fn reset(after: Option<&str>) -> Self {
        Self {
            event_id: after.unwrap_or("0").to_owned(),
            event: EVENTS_RESET.to_owned(),
            timestamp: rfc3339(now_millis()),
            session_id: None,
            data: serde_json::json!({
                "reason": "the event with that id is not in the log any more: read what you show of sessions, chats and campaigns anew",
            }),
        }
    }
}

/// The session that an event of a workspace is about, such as a campaign's message.
fn session_in(data: &Value) -> Option<String> {
    data.get("sessionId")?.as_str().map(str::to_owned)
}

/// The outbox, for those who tell and those who listen. Cheap to clone; clones share one tail.
#[derive(Clone)]
pub struct Events {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

/// An event to be put into a commit.
pub fn event(key: &str, data: &impl Serialize) -> EventChange {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    EventChange::Put(NewEvent { key: key.to_owned(), data, at: now_millis() })
}

impl Events {
    /// Those of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { hub: Arc::new(Hub::new(store.clone())), store }
    }

    /// Do so many listen already that no more can?
    pub fn is_full(&self) -> bool {
        self.hub.listeners() >= MOST_LISTENERS
    }

    /// Tells an event that no other change causes.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn tell(&self, scope: impl Into<Scope>, key: &str, data: &impl Serialize) -> Result<(), Error> {
        let mut changes = Changes::new(scope);
        changes.push(event(key, data));
        self.store.commit(changes).await
    }

    /// Starts to listen to a workspace: behind the event with that id, or with what comes from now on. The id `0` stands
    /// before all events. For an id that is ahead of all events, as after a backup was restored, the first event says so.
    ///
    /// # Errors
    /// When the store cannot be read, or has no such id.
    pub async fn listen(&self, workspace: WorkspaceId, after: Option<&str>) -> Result<Listener, Error> {
        let mut first = None;
        let after = match after {
            Some("0") => None,
            // An id that is none is told now, and not by silence.
            Some(position) if !self.store.is_ahead(position).await? => Some(position.to_owned()),
            Some(_) => {
                let last = self.store.last_event().await?;
                first = Some(Told::reset(last.as_deref()));
                last
            }
            None => self.store.last_event().await?,
        };
        let (store, hub) = (self.store.clone(), self.hub.clone());
        Ok(Listener { store, hub, workspace, after, first, waiting: VecDeque::new(), live: None })
    }
}

/// One who listens.
pub struct Listener {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    workspace: WorkspaceId,
    after: Option<String>,
    /// What is told before all else.
    first: Option<Told>,
    /// Read and not told yet.
    waiting: VecDeque<EventRecord>,
    /// Once it has come to the end.
    live: Option<Live>,
}

/// The tail, as one listener hears it.
struct Live {
    events: broadcast::Receiver<Arc<EventRecord>>,
    /// Read from the store, too: they may come again.
    read: BTreeSet<String>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("after", &self.after).finish_non_exhaustive()
    }
}

impl Listener {
    /// The next event, when it comes; `None` when the store fails, after which the listener has to come back.
    pub async fn next(&mut self) -> Option<Told> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if let Some(record) = self.waiting.pop_front() {
                self.after = Some(record.position.clone());
                return Some(Told::of(record));
            }
            match &mut self.live {
                None => self.catch_up().await?,
                Some(live) => match live.events.recv().await {
                    Ok(event) if event.workspace != self.workspace => {}
                    Ok(event) if live.read.remove(&event.position) => {}
                    Ok(event) => self.waiting.push_back((*event).clone()),
                    // It was too slow, or the tail is gone: what it missed is in the store.
                    Err(_) => self.live = None,
                },
            }
        }
    }

    /// Reads a page, and joins the tail when that was the last one.
    async fn catch_up(&mut self) -> Option<()> {
        let events = self.page(self.after.as_deref()).await?;
        if events.len() == PAGE as usize {
            self.waiting.extend(events);
            return Some(());
        }
        let Subscription { events: tail, behind } = self.hub.subscribe().await.ok()?;
        // First what the tail has not told yet, which may have been told here; then what follows here.
        let untold = self.page(Some(&behind)).await?;
        let events = self.page(self.after.as_deref()).await?;
        if untold.len() < PAGE as usize && events.len() < PAGE as usize {
            let read = untold.iter().chain(&events).map(|event| event.position.clone()).collect();
            self.live = Some(Live { events: tail, read });
        } else if events.is_empty() {
            // The tail is far behind: it comes.
            tokio::time::sleep(PAUSE).await;
        }
        self.waiting.extend(events);
        Some(())
    }

    async fn page(&self, after: Option<&str>) -> Option<Vec<EventRecord>> {
        self.store.events(&self.workspace, after, PAGE).await.ok()
    }
}

#[cfg(test)]
mod tests;
