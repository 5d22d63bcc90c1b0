//! A store in memory with people in it, under a clock that the tests move.
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use whatsapp_store::{
    AccountId, Change, Changes, Consent, ContactChange, ContactRecord, Content, DesiredState, FlowChange,
    MessageKey, MessageRecord, MessageStatus, SessionRecord, Source, Store, memory::MemoryStore,
};

use super::*;
use crate::Outcome;

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
/// The 24th of November 2026, 08:00 in UTC.
pub(super) const EIGHT: i64 = 1_795_507_200_000;

pub(super) struct At(pub(super) AtomicI64);

impl Clock for Arc<At> {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who was sent what from which account, and when.
pub(super) struct Phones {
    clock: Arc<At>,
    sent: Mutex<Vec<(i64, String, String)>>,
    /// The texts, by number.
    texts: Mutex<Vec<(String, String)>>,
    /// Seconds between two messages; 0 for an account that may not write.
    pub(super) interval: AtomicI64,
    /// Does sending last for ever?
    pub(super) hangs: AtomicBool,
}

#[async_trait]
impl Outlet for Phones {
    async fn send(&self, account: &AccountId, chat: &str, _: &str, content: Content) -> Result<(), NotSent> {
        let number = chat.split('@').next().unwrap().to_owned();
        let text = content.as_text().unwrap_or_default().to_owned();
        self.texts.lock().unwrap().push((number.clone(), text));
        self.sent.lock().unwrap().push((self.clock.now(), account.to_string(), number));
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("nobody".into())
    }

    async fn interval(&self, _: &AccountId) -> Result<Option<Duration>, whatsapp_store::Error> {
        let seconds = self.interval.load(Ordering::Relaxed);
        Ok((seconds > 0).then(|| Duration::from_secs(seconds.unsigned_abs())))
    }
}

pub(super) struct Bench {
    pub(super) store: Arc<MemoryStore>,
    pub(super) phones: Arc<Phones>,
    pub(super) clock: Arc<At>,
}

pub(super) fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

pub(super) fn chat(number: u64) -> String {
    format!("{number}@s.whatsapp.net")
}

/// Says good morning at nine, in Lisbon, to those with the tag, and asks how they are.
pub(super) fn morning(cron: &str, texts: &[&str]) -> Json {
    let mut nodes: Vec<Json> = texts
        .iter()
        .enumerate()
        .map(|(place, text)| {
            json!({"id": format!("n{place}"), "kind": "say", "config": {"text": text},
                "exits": [{"id": "next", "to": format!("n{}", place + 1)}]})
        })
        .collect();
    nodes.push(json!({"id": format!("n{}", texts.len()), "kind": "end", "config": {"outcome": "greeted"}}));
    json!({
        "format": 1, "bot": {"id": "b", "language": "en", "zone": "Europe/Lisbon"},
        "flows": [{"id": "f", "entry": "n0", "nodes": nodes}],
        "triggers": [{"id": "daily", "on": {"schedule": {"cron": cron, "tags": ["vip", "new"]}}, "flow": "f"}],
    })
}

impl Bench {
    pub(super) async fn new(sessions: &[&str]) -> Self {
        let clock = Arc::new(At(AtomicI64::new(EIGHT)));
        let (sent, texts) = Default::default();
        let (interval, hangs) = (AtomicI64::new(6), AtomicBool::new(false));
        let phones = Phones { clock: clock.clone(), sent, texts, interval, hangs };
        let bench = Self { store: Arc::new(MemoryStore::new()), phones: Arc::new(phones), clock };
        for session in sessions {
            let id = account(session);
            let (name, desired) = (String::new(), DesiredState::Running);
            let record =
                SessionRecord { id: id.clone(), name, desired, created_at: 0, updated_at: 0, observed: None };
            bench.commit(&id, vec![Change::PutSession(record)]).await;
        }
        bench
    }

    pub(super) async fn commit(&self, account: &AccountId, list: Vec<Change>) {
        let mut changes = Changes::new(account.clone());
        changes.list = list;
        self.store.commit(changes).await.unwrap();
    }

    pub(super) async fn publish(&self, flow: &str, definition: &Json) {
        let at = self.clock.now();
        let draft = FlowChange::PutDraft { flow: flow.into(), name: flow.into(), draft: None, at };
        let (definition, by) = (definition.to_string(), "ana".to_owned());
        let publish = FlowChange::Publish { flow: flow.into(), definition, at, by };
        let enable = FlowChange::SetEnabled { flow: flow.into(), enabled: true, at };
        self.commit(&account("shop"), vec![draft.into(), publish.into(), enable.into()]).await;
    }

    pub(super) async fn enable(&self, enabled: bool) {
        let change = FlowChange::SetEnabled { flow: "b".into(), enabled, at: self.clock.now() };
        self.commit(&account("shop"), vec![change.into()]).await;
    }

    /// Somebody who agreed and has the tag.
    pub(super) fn vip(&self, number: u64) -> ContactRecord {
        ContactRecord {
            id: format!("c{number}"),
            phone: Some(number.to_string()),
            tags: ["vip".to_owned()].into(),
            consent: Some(Consent { scope: "news".into(), source: "form".into(), at: 1, evidence: None }),
            created_at: 1,
            updated_at: 1,
            ..ContactRecord::default()
        }
    }

    pub(super) async fn put(&self, contact: ContactRecord) {
        self.commit(&account("shop"), vec![ContactChange::Put(Box::new(contact)).into()]).await;
    }

    /// There was a message in a chat with that session.
    pub(super) async fn chatted(&self, session: &str, number: u64, at: i64) {
        let message = MessageRecord {
            key: MessageKey { chat: chat(number), sender: chat(number), id: at.to_string() },
            from_me: false,
            timestamp: at,
            content: Content::text("hi"),
            edited_at: None,
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        };
        self.commit(&account(session), vec![Change::PutMessage(message)]).await;
    }

    /// So many that agreed and have chatted with the shop.
    pub(super) async fn people(&self, count: u64) {
        for number in 4_900_000_000..4_900_000_000 + count {
            self.put(self.vip(number)).await;
            self.chatted("shop", number, 5).await;
        }
    }

    pub(super) fn bots(&self) -> Bots {
        Bots::with_clock(self.store.clone(), self.phones.clone(), Arc::new(self.clock.clone()))
    }

    /// What is to be sent is sent: virtual time goes on when nothing else does.
    pub(super) async fn rest(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    pub(super) fn sent(&self) -> Vec<(i64, String, String)> {
        self.phones.sent.lock().unwrap().clone()
    }

    /// What a number was sent, in order.
    pub(super) fn said(&self, number: u64) -> Vec<String> {
        let texts = self.phones.texts.lock().unwrap();
        texts.iter().filter(|(to, _)| *to == number.to_string()).map(|(_, text)| text.clone()).collect()
    }

    /// The numbers, in order.
    pub(super) fn reached(&self) -> Vec<String> {
        let mut reached: Vec<_> = self.sent().into_iter().map(|(_, _, number)| number).collect();
        reached.sort();
        reached
    }
}
