//! A store with a published bot, its runner, and the phones of the people it talks to.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::Value as Json;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use whatsapp_bots::{
    Input, Message, Outcome,
    runner::{Bots, Call, Heard, NotSent, Outlet},
};
use whatsapp_store::{AccountId, Changes, Content, ConversationRecord, FlowChange, Store, WorkspaceId};

use super::twins::{NOW, Said};
use crate::storage::Result;

/// Whoever waits longer is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the store is asked whether something happened.
const PAUSE: Duration = Duration::from_millis(2);

/// What people were sent: nothing of it but how much.
#[derive(Debug)]
pub(super) struct Phones {
    /// A permit for each message that a person was sent and nobody waited for yet.
    unread: Vec<Semaphore>,
    sent: AtomicU64,
}

impl Phones {
    pub(super) fn new(people: usize) -> Arc<Self> {
        let unread = (0..people).map(|_| Semaphore::new(0)).collect();
        Arc::new(Self { unread, sent: AtomicU64::new(0) })
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until a person was sent so many more.
    pub(super) async fn read(&self, person: usize, messages: usize) -> Result<()> {
        let messages = u32::try_from(messages)?;
        let unread = self.unread.get(person).ok_or("nobody has this number")?;
        timeout(PATIENCE, unread.acquire_many(messages)).await??.forget();
        Ok(())
    }
}

#[async_trait]
impl Outlet for Phones {
    async fn send(&self, _: &AccountId, chat: &str, _: &str, _: Content) -> std::result::Result<(), NotSent> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(unread) = person(chat).and_then(|person| self.unread.get(person)) {
            unread.add_permits(1);
        }
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("none".to_owned())
    }
}

pub(super) fn chat(person: usize) -> String {
    format!("55119{person:08}@s.whatsapp.net")
}

fn person(chat: &str) -> Option<usize> {
    chat.get(5..13)?.parse().ok()
}

pub(super) fn account() -> Result<AccountId> {
    Ok("bench".parse()?)
}

/// A runner over a store with one bot, published and enabled.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) store: Arc<dyn Store>,
    pub(super) bots: Bots,
    pub(super) phones: Arc<Phones>,
}

impl Ground {
    pub(super) async fn open(address: &str, bot: &Json, people: usize) -> Result<Self> {
        let store = whatsapp_store::open(address).await?;
        let flow = bot["bot"]["id"].as_str().ok_or("a bot has an id")?.to_owned();
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(FlowChange::PutDraft { flow: flow.clone(), name: flow.clone(), draft: None, at: NOW });
        let by = "bench".to_owned();
        changes.push(FlowChange::Publish { flow: flow.clone(), definition: bot.to_string(), at: NOW, by });
        changes.push(FlowChange::SetEnabled { flow, enabled: true, at: NOW });
        store.commit(changes).await?;
        let phones = Phones::new(people);
        let bots = Bots::new(store.clone(), phones.clone());
        Ok(Self { store, bots, phones })
    }

    /// A person writes; how long it took until that was durable.
    pub(super) async fn write(&self, person: usize, turn: usize, text: &str) -> Result<Duration> {
        let (account, chat, id) = (account()?, chat(person), format!("3EB0{person:08X}{turn:02X}"));
        let input = Input::Message(Message { id: id.clone(), ..Message::text(text) });
        let begun = Instant::now();
        match self.bots.hear(&account, &chat, &id, &input, "Ada").await? {
            Heard::Answered => Ok(begun.elapsed()),
            other => Err(format!("{chat}, turn {turn}: {other:?}").into()),
        }
    }

    /// Waits until a chat's conversation is stored as it is wanted.
    pub(super) async fn rest(
        &self,
        person: usize,
        is_wanted: impl Fn(&ConversationRecord) -> bool,
    ) -> Result<()> {
        let (account, chat) = (account()?, chat(person));
        let is_done = async || -> Result<bool> {
            let stored = self.store.conversation(&account, &chat).await?;
            Ok(stored.is_some_and(|stored| is_wanted(&stored)))
        };
        let wait = async {
            while !is_done().await? {
                sleep(PAUSE).await;
            }
            Ok(())
        };
        timeout(PATIENCE, wait).await?
    }
}

/// Messages of a conversation.
pub(super) fn messages(turns: &[Said]) -> usize {
    turns.iter().map(|turn| turn.said.len()).sum()
}
