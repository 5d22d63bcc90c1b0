//! What is kept for a while only: events that everybody has had, messages past their time, who was written to, secrets
//! under an old key.
use std::{sync::Arc, time::Duration};

use whatsapp_store::{AccountId, Changes, ChatChange, Error, EventChange, ReachChange, Store, WorkspaceId};

use crate::time::now_millis;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// How often it is looked after.
const ROUND: Duration = Duration::from_secs(10 * 60);
/// Removed in one transaction, at most: others want to write too.
const STEP: u32 = 1000;
/// How long it is known who was written to, in days: the longest limit looks back seven.
const REACH: u32 = 8;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events, in days.
    pub events: u32,
    /// Messages, in days; `None` for ever.
    pub messages: Option<u32>,
}

/// Looks after it for as long as the host runs.
pub(crate) async fn run(store: Arc<dyn Store>, retention: Retention) {
    loop {
        if let Err(error) = round(&*store, retention, now_millis()).await {
            tracing::warn!(%error, "old records were not removed: it is tried again");
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Removes what is past its time now.
///
/// # Errors
/// When the store fails; what was removed before stays so.
pub async fn round(store: &dyn Store, retention: Retention, now: i64) -> Result<(), Error> {
    let before = |days: u32| now - i64::from(days) * DAY;
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(EventChange::Trim { before: before(retention.events) });
    store.commit(changes).await?;
    reseal(store).await?;
    forget_reach(store, before(REACH)).await?;
    let Some(days) = retention.messages else { return Ok(()) };
    for session in store.all_sessions().await? {
        expire(store, &session.id, before(days)).await?;
    }
    Ok(())
}

/// After a change of the storage key, what is left under the old one.
async fn reseal(store: &dyn Store) -> Result<(), Error> {
    let mut count = 0;
    loop {
        match store.reseal(STEP).await? {
            0 if count > 0 => {
                tracing::info!(
                    count,
                    "all secrets are sealed with the first storage key now: the others may go"
                );
                return Ok(());
            }
            0 => return Ok(()),
            some => count += some,
        }
    }
}

async fn forget_reach(store: &dyn Store, before: i64) -> Result<(), Error> {
    loop {
        let workspaces = store.outdated_reach(before).await?;
        if workspaces.is_empty() {
            return Ok(());
        }
        for workspace in workspaces {
            let mut changes = Changes::new(workspace);
            changes.push(ReachChange::Trim { before, limit: STEP });
            store.commit(changes).await?;
        }
    }
}

async fn expire(store: &dyn Store, id: &AccountId, before: i64) -> Result<(), Error> {
    while store.oldest_message(id).await?.is_some_and(|oldest| oldest < before) {
        let mut changes = Changes::new(id.clone());
        changes.push(ChatChange::Expire { before, limit: STEP });
        store.commit(changes).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{
        Change, Content, MessageKey, MessageQuery, MessageRecord, MessageStatus, SessionRecord, Source,
        WantedState, memory::MemoryStore,
    };

    use super::*;
    use crate::events::event;

    fn message(id: u32, timestamp: i64) -> MessageRecord {
        MessageRecord {
            key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.to_string() },
            from_me: false,
            timestamp,
            content: Content::text("hello"),
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        }
    }

    #[tokio::test]
    async fn old_messages_and_events_go_and_the_others_stay() {
        let (store, id): (Box<dyn Store>, AccountId) =
            (Box::new(MemoryStore::new()), "shop".parse().unwrap());
        let now = now_millis();
        let mut changes = Changes::new(id.clone());
        changes.push(Change::PutSession(SessionRecord {
            id: id.clone(),
            name: "Shop".into(),
            wanted: WantedState::Running,
            created_at: 0,
            seen: None,
        }));
        for number in 0..2 * STEP + 2 {
            let age = if number < 2 { 1 } else { 31 };
            changes.push(Change::PutMessage(message(number, now - age * DAY)));
        }
        changes.push(event("message.received", &"new"));
        store.commit(changes).await.unwrap();

        round(&*store, Retention { events: 7, messages: None }, now).await.unwrap();
        assert!(store.oldest_message(&id).await.unwrap().unwrap() < now - 30 * DAY, "kept for ever");
        round(&*store, Retention { events: 7, messages: Some(30) }, now).await.unwrap();
        let left = store.messages(&id, &MessageQuery { limit: 500, ..Default::default() }).await.unwrap();
        assert_eq!(left.messages.len(), 2);
        assert_eq!(store.all_events(None, 10).await.unwrap().len(), 1);
        round(&*store, Retention { events: 7, messages: None }, now + 8 * DAY).await.unwrap();
        assert_eq!(store.all_events(None, 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn who_was_written_to_is_known_for_eight_days() {
        let store: Box<dyn Store> = Box::new(MemoryStore::new());
        let now = now_millis();
        let workspaces = ["one", "two"].map(|name| name.parse::<WorkspaceId>().unwrap());
        for workspace in &workspaces {
            let people = (0..2 * u64::from(STEP) + 2).map(|person| {
                let age = if person < 2 { 8 * DAY } else { 8 * DAY + 1 };
                (person, now - age)
            });
            let mut changes = Changes::new(workspace.clone());
            changes.push(ReachChange::Note { sender: "a".into(), people: people.collect() });
            store.commit(changes).await.unwrap();
        }
        round(&*store, Retention { events: 7, messages: None }, now).await.unwrap();
        for workspace in &workspaces {
            let left = store.reached_by(workspace, "a", i64::MIN).await.unwrap();
            assert_eq!(left, [(0, now - 8 * DAY), (1, now - 8 * DAY)]);
        }
    }
}
