//! Events that a consumer could not take in: kept with the reason, to be looked at and given to it again.
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use whatsapp_store::{AccountId, Changes, Error, ErrorKind, EventRecord, SettingChange, Store, WorkspaceId};

use crate::time::now_millis;

/// Told of an event that was set aside, with its id.
const SET_ASIDE: &str = "event.failed";
/// What the names of the settings begin with that hold them; the consumer and the event's id follow.
const PREFIX: &str = "dead-letters/";
/// So many are kept of a workspace; of more, only the event tells.
const MOST: u32 = 1_000;
/// Read at once.
const PAGE: u32 = 100;

/// An event that was set aside.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// Who could not take it in.
    pub(crate) consumer: String,
    /// The event's id.
    pub(crate) event_id: String,
    /// Such as `message.received`.
    pub(crate) event: String,
    /// Whose session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<AccountId>,
    /// What happened, as JSON text.
    pub(crate) data: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub(crate) at: i64,
    /// Why it could not be taken in.
    pub(crate) reason: String,
    /// When it was set aside, milliseconds since the Unix epoch.
    pub(crate) failed_at: i64,
}

impl DeadLetter {
    fn of(consumer: &str, event: &EventRecord, reason: &str) -> Self {
        Self {
            consumer: consumer.to_owned(),
            event_id: event.position.clone(),
            event: event.key.clone(),
            session_id: event.account.clone(),
            data: event.data.clone(),
            at: event.at,
            reason: reason.to_owned(),
            failed_at: now_millis(),
        }
    }

    /// The event as it was.
    pub(crate) fn into_event(self, workspace: &WorkspaceId) -> EventRecord {
        EventRecord {
            position: self.event_id,
            workspace: workspace.clone(),
            account: self.session_id,
            key: self.event,
            data: self.data,
            at: self.at,
        }
    }
}

fn name(consumer: &str, event_id: &str) -> String {
    format!("{PREFIX}{consumer}/{event_id}")
}

/// Those of a store.
#[derive(Clone, Copy)]
pub(crate) struct DeadLetters<'a> {
    store: &'a dyn Store,
}

impl<'a> DeadLetters<'a> {
    pub(crate) const fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Keeps an event that a consumer could not take in, and tells it.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn set_aside(
        &self,
        consumer: &str,
        event: &EventRecord,
        reason: &str,
    ) -> Result<(), Error> {
        let told = json!({
            "consumer": consumer, "eventId": event.position, "event": event.key, "reason": reason,
        });
        let mut changes = Changes::new(event.workspace.clone());
        changes.push(crate::events::event(SET_ASIDE, &told));
        if self.store.settings(&event.workspace, PREFIX, None, MOST).await?.len() < MOST as usize {
            let letter = DeadLetter::of(consumer, event, reason);
            let value = serde_json::to_vec(&letter).map(Bytes::from).unwrap_or_default();
            changes.push(SettingChange::Put { name: name(consumer, &event.position), value });
        } else {
            tracing::error!(workspace = %event.workspace, "an event is lost: too many are set aside already");
        }
        self.store.commit(changes).await
    }

    /// Those of a workspace behind one of them, by consumer and event.
    pub(crate) async fn page(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
        let after = after.map(|after| format!("{PREFIX}{after}"));
        let found = self.store.settings(workspace, PREFIX, after.as_deref(), PAGE).await?;
        let next = found.last().filter(|_| found.len() == PAGE as usize);
        let next = next.map(|(name, _)| name[PREFIX.len()..].to_owned());
        let letters = found.iter().filter_map(|(_, value)| serde_json::from_slice(value).ok());
        Ok((letters.collect(), next))
    }

    pub(crate) async fn find(
        &self,
        workspace: &WorkspaceId,
        consumer: &str,
        event_id: &str,
    ) -> Result<Option<DeadLetter>, Error> {
        let stored = self.store.setting(workspace, &name(consumer, event_id)).await?;
        stored
            .map(|value| serde_json::from_slice(&value))
            .transpose()
            .map_err(|_| Error::new(ErrorKind::Corrupt, "reading an event that was set aside"))
    }

    /// Forgets one; an absent one is accepted.
    pub(crate) async fn remove(
        &self,
        workspace: &WorkspaceId,
        consumer: &str,
        event_id: &str,
    ) -> Result<(), Error> {
        let mut changes = Changes::new(workspace.clone());
        changes.push(SettingChange::Delete { name: name(consumer, event_id) });
        self.store.commit(changes).await
    }

    /// Forgets those of a workspace that were set aside before that time.
    pub(crate) async fn forget(&self, workspace: &WorkspaceId, before: i64) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (letters, next) = self.page(workspace, after.as_deref()).await?;
            for letter in letters.iter().filter(|letter| letter.failed_at < before) {
                self.remove(workspace, &letter.consumer, &letter.event_id).await?;
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
