//! What happened, for whoever listens. Events are written to the outbox in the commit that causes them, and told from
//! there, so that none is lost over a crash and all nodes tell the same.
use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;
use whatsapp_store::{Changes, Error, EventChange, EventRecord, NewEvent, Scope, Store, WorkspaceId};

use crate::time::{now_millis, rfc3339};

/// Tells a listener that its place in the log is gone.
pub const EVENTS_RESET: &str = "events.reset";

/// Told at once.
const PAGE: u32 = 100;
/// How long a listener waits before it looks again unasked: hints may be missed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

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

/// The outbox, for those who tell and those who listen. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    store: Arc<dyn Store>,
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
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
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
        Ok(Listener { store: self.store.clone(), workspace, after, first, waiting: Vec::new() })
    }
}

/// One who listens.
pub struct Listener {
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    after: Option<String>,
    /// What is told before all else.
    first: Option<Told>,
    /// Read and not told yet, the next one last.
    waiting: Vec<EventRecord>,
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
        while self.waiting.is_empty() {
            let after = self.after.as_deref();
            self.waiting = self.store.events(&self.workspace, after, PAGE).await.ok()?;
            self.waiting.reverse();
            if self.waiting.is_empty() {
                self.pass_others().await?;
            }
        }
        let record = self.waiting.pop()?;
        self.after = Some(record.position.clone());
        Some(Told::of(record))
    }

    /// Waits for an event of any workspace, and steps over those of others.
    async fn pass_others(&mut self) -> Option<()> {
        let hint = self.store.new_events(self.after.as_deref());
        // In time or not, it is looked again; only a store that fails ends it.
        if let Ok(Err(_)) = tokio::time::timeout(LOOK_AGAIN, hint).await {
            return None;
        }
        let others = self.store.all_events(self.after.as_deref(), PAGE).await.ok()?;
        let of_others = others.iter().take_while(|event| event.workspace != self.workspace);
        if let Some(last) = of_others.last() {
            self.after = Some(last.position.clone());
        }
        Some(())
    }
}
