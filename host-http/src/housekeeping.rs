//! What is kept for a while only: events that everybody has had, messages past their time, conversations of bots that are over, who
//! was written to, secrets under an old key.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use whatsapp_store::{
    AccountId, Changes, ChatChange, ContactedChange, Error, EventChange, FlowChange, Store, WorkspaceId,
};

use crate::time::now_millis;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// How often it is looked after.
const ROUND: Duration = Duration::from_secs(10 * 60);
/// Removed in one transaction, at most: others want to write too.
const STEP: u32 = 1000;
/// How long it is known who was written to, in days: the longest limit looks back seven.
const CONTACTED: u32 = 8;
/// A conversation outlives its inputs by so much, milliseconds: the next one gives the same names to its timers and requests, and
/// one that was still noted would never be heard. Clocks of nodes differ by less.
const APART: i64 = 60 * 60 * 1000;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events, in days.
    pub events: u32,
    /// Messages, in days; `None` for ever.
    pub messages: Option<u32>,
    /// Conversations of bots that are over, and which inputs were answered, in days. What could come again would be answered
    /// again once it is forgotten: messages for a day, since older ones are not answered at all; results and timers for as
    /// long as their conversation lives, which knows them by itself; times of schedules for an hour; and events from outside
    /// as long as their senders repeat them. So a month is plenty, and two days are the least.
    pub conversations: u32,
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
    // One that fails keeps none of the others from being done.
    let mut outcome = store.commit(changes).await;
    outcome = outcome.and(reseal(store).await);
    outcome = outcome.and(forget_contacted(store, before(CONTACTED)).await);
    let sessions = store.all_sessions().await?;
    let workspaces: BTreeSet<_> = sessions.iter().map(|session| session.id.workspace()).collect();
    for workspace in workspaces {
        outcome = outcome.and(forget_conversations(store, workspace, before(retention.conversations)).await);
    }
    let Some(days) = retention.messages else { return outcome };
    for session in sessions {
        outcome = outcome.and(expire(store, &session.id, before(days)).await);
    }
    outcome
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

async fn forget_contacted(store: &dyn Store, before: i64) -> Result<(), Error> {
    loop {
        let workspaces = store.outdated_contacted(before).await?;
        if workspaces.is_empty() {
            return Ok(());
        }
        for workspace in workspaces {
            let mut changes = Changes::new(workspace);
            changes.push(ContactedChange::Trim { before, limit: STEP });
            store.commit(changes).await?;
        }
    }
}

/// First inputs, then conversations: see [`APART`].
async fn forget_conversations(store: &dyn Store, workspace: &WorkspaceId, before: i64) -> Result<(), Error> {
    while store.oldest_input(workspace).await?.is_some_and(|oldest| oldest < before) {
        let mut changes = Changes::new(workspace.clone());
        changes.push(FlowChange::ForgetInputs { before, limit: STEP });
        store.commit(changes).await?;
    }
    let before = before - APART;
    while store.oldest_ended(workspace).await?.is_some_and(|oldest| oldest < before) {
        let mut changes = Changes::new(workspace.clone());
        changes.push(FlowChange::ForgetEnded { before, limit: STEP });
        store.commit(changes).await?;
    }
    Ok(())
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
    use bytes::Bytes;
    use whatsapp_store::{
        Change, Content, ConversationRecord, ConversationStatus, DesiredState, MessageKey, MessageQuery,
        MessageRecord, MessageStatus, SessionRecord, Source, memory::MemoryStore,
    };

    use super::*;
    use crate::events::event;

    fn keep(messages: Option<u32>) -> Retention {
        Retention { events: 7, messages, conversations: 30 }
    }

    fn session(id: &AccountId) -> Change {
        let (id, name, desired) = (id.clone(), String::new(), DesiredState::Running);
        Change::PutSession(SessionRecord { id, name, desired, created_at: 0, updated_at: 0, observed: None })
    }

    fn message(id: u32, timestamp: i64) -> MessageRecord {
        MessageRecord {
            key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.to_string() },
            from_me: false,
            timestamp,
            content: Content::text("hello"),
            edited_at: None,
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
        changes.push(session(&id));
        for number in 0..2 * STEP + 2 {
            let age = if number < 2 { 1 } else { 31 };
            changes.push(Change::PutMessage(message(number, now - age * DAY)));
        }
        changes.push(event("message.received", &"new"));
        store.commit(changes).await.unwrap();

        round(&*store, keep(None), now).await.unwrap();
        assert!(store.oldest_message(&id).await.unwrap().unwrap() < now - 30 * DAY, "kept for ever");
        round(&*store, keep(Some(30)), now).await.unwrap();
        let left = store.messages(&id, &MessageQuery { limit: 500, ..Default::default() }).await.unwrap();
        assert_eq!(left.messages.len(), 2);
        assert_eq!(store.all_events(None, 10).await.unwrap().len(), 1);
        round(&*store, keep(None), now + 8 * DAY).await.unwrap();
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
            changes.push(ContactedChange::Note { sender: "a".into(), people: people.collect() });
            store.commit(changes).await.unwrap();
        }
        round(&*store, keep(None), now).await.unwrap();
        for workspace in &workspaces {
            let left = store.contacted_by(workspace, "a", i64::MIN).await.unwrap();
            assert_eq!(left, [(0, now - 8 * DAY), (1, now - 8 * DAY)]);
        }
    }

    #[tokio::test]
    async fn conversations_that_are_over_are_kept_for_a_month_and_live_ones_for_ever() {
        let store: Box<dyn Store> = Box::new(MemoryStore::new());
        let now = now_millis();
        let id: AccountId = "acme/shop".parse().unwrap();
        let mut changes = Changes::new(id.clone());
        changes.push(session(&id));
        for number in 0..2 * STEP + 3 {
            let (chat, at) = (number.to_string(), if number < 3 { now - 30 * DAY } else { now - 31 * DAY });
            let (account, message_id) = (id.clone(), "1".to_owned());
            changes.push(FlowChange::SeenInput { account, chat: chat.clone(), message_id, at });
            let record = ConversationRecord {
                account: id.clone(),
                chat,
                flow: "f".into(),
                version: 1,
                state: Bytes::new(),
                status: if number == 9 { ConversationStatus::Waiting } else { ConversationStatus::Ended },
                wake_at: None,
                revision: 1,
                updated_at: at,
            };
            changes.push(FlowChange::PutConversation { record, expected: None });
        }
        store.commit(changes).await.unwrap();
        round(&*store, keep(None), now).await.unwrap();
        let (mut inputs, mut conversations) = (Vec::new(), Vec::new());
        for number in 0..2 * STEP + 3 {
            let chat = number.to_string();
            inputs.extend(store.input_seen(&id, &chat, "1").await.unwrap().then_some(number));
            conversations.extend(store.conversation(&id, &chat).await.unwrap().map(|_| number));
        }
        assert_eq!((inputs, conversations), (vec![0, 1, 2], vec![0, 1, 2, 9]));
        // A moment later: a conversation outlives its inputs.
        round(&*store, keep(None), now + 1).await.unwrap();
        assert!(!store.input_seen(&id, "0", "1").await.unwrap());
        assert!(store.conversation(&id, "0").await.unwrap().is_some());
        round(&*store, keep(None), now + APART + 1).await.unwrap();
        assert!(store.conversation(&id, "0").await.unwrap().is_none());
    }
}
