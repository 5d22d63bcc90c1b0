//! Conversations over a store in memory, with crashes at every commit and every send.
mod crashes;
mod edits;
mod holes;
mod load;
mod order;
mod versions;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use whatsapp_store::{
    ContactStore, Content, ConversationStatus, ConversationStore, FlowChange, WorkspaceId,
    memory::MemoryStore,
};

use super::*;
use crate::{Message, Outcome};

const CHAT: &str = "4915110000001@s.whatsapp.net";

struct At(AtomicI64);

impl Clock for Arc<At> {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the person was shown, by id: an id is shown once.
#[derive(Default)]
struct Phone {
    shown: Mutex<BTreeMap<String, String>>,
    order: Mutex<Vec<String>>,
    sends: AtomicI64,
    /// The send at which the process dies, after it was shown.
    dies_at: AtomicI64,
    later: AtomicI64,
    requests: Mutex<Vec<String>>,
    /// Does the account show menus?
    native: AtomicBool,
}

#[async_trait]
impl Outlet for Phone {
    async fn send(&self, _: &AccountId, _: &str, id: &str, content: Content) -> Result<(), NotSent> {
        if self.later.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Err(NotSent::Later);
        }
        let count = self.sends.fetch_add(1, Ordering::Relaxed) + 1;
        let text = match &content {
            Content::Text { text } => text.clone(),
            other => format!("{}: {}", other.type_name(), other.as_text().unwrap_or_default()),
        };
        let former = self.shown.lock().unwrap().insert(id.to_owned(), text.clone());
        match former {
            None => self.order.lock().unwrap().push(text),
            Some(former) => assert_eq!(former, text, "an id came again with another text"),
        }
        if count == self.dies_at.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn menus(&self, _: &AccountId) -> Menus {
        if self.native.load(Ordering::Relaxed) { Menus::Native } else { Menus::Text }
    }

    async fn request(&self, call: Call) -> Outcome {
        self.requests.lock().unwrap().push(call.key);
        Outcome::Answered { status: 200, body: r#"{"price":"9.90"}"#.to_owned() }
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    phone: Arc<Phone>,
    clock: Arc<At>,
}

fn account() -> AccountId {
    "shop".parse().unwrap()
}

/// Asks for a name, looks a price up, says both, and takes a number back.
fn shop() -> Json {
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "name", "nodes": [
            {"id": "name", "kind": "ask", "config": {"text": "Your name?", "save": "name",
                "timeoutSeconds": 600}, "exits": [{"id": "ok", "to": "price"}, {"id": "timeout", "to": "late"}, {"id": "invalid", "to": "late"}]},
            {"id": "price", "kind": "http", "config": {"method": "GET", "url": "https://example.org/price",
                "save": [{"path": "price", "to": "price"}]}, "exits": [{"id": "ok", "to": "say"}, {"id": "error", "to": "late"}]},
            {"id": "say", "kind": "say", "config": {"text": "Hello {{ name }}, it is {{ price }}."},
                "exits": [{"id": "next", "to": "bye"}]},
            {"id": "bye", "kind": "say", "config": {"text": "Bye."}, "exits": [{"id": "next"}]},
            {"id": "late", "kind": "say", "config": {"text": "Too late."}, "exits": [{"id": "next"}]},
        ]}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    })
}

impl Bench {
    async fn new(definition: &Json) -> Self {
        let read = crate::Definition::from_json(&definition.to_string()).unwrap();
        crate::Compiled::new(&read, 1).unwrap_or_else(|findings| panic!("{findings}"));
        let store = Arc::new(MemoryStore::new());
        let mut changes = whatsapp_store::Changes::new(WorkspaceId::default());
        let flow = "shop".to_owned();
        changes.push(FlowChange::PutDraft { flow: flow.clone(), name: "Shop".into(), draft: None, at: 1 });
        changes.push(FlowChange::Publish {
            flow: flow.clone(),
            definition: definition.to_string(),
            at: 1,
            by: "ana".into(),
        });
        changes.push(FlowChange::SetEnabled { flow, enabled: true, at: 1 });
        store.commit(changes).await.unwrap();
        Self { store, phone: Arc::new(Phone::default()), clock: Arc::new(At(AtomicI64::new(1_000_000))) }
    }

    /// A process that runs bots.
    fn bots(&self) -> Bots {
        Bots::with_clock(self.store.clone(), self.phone.clone(), Arc::new(self.clock.clone()))
    }

    async fn write(&self, bots: &Bots, id: &str, text: &str) -> Heard {
        let input = Input::Message(Message { id: id.into(), ..Message::text(text) });
        bots.hear(&account(), CHAT, id, &input, "Ada").await.unwrap()
    }

    fn shown(&self) -> Vec<String> {
        self.phone.order.lock().unwrap().clone()
    }

    /// Waits until so much was shown, looking after conversations meanwhile.
    async fn until(&self, bots: &Bots, count: usize) -> Vec<String> {
        for _ in 0..2_000 {
            if self.shown().len() >= count && self.is_quiet().await {
                return self.shown();
            }
            bots.look().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            // As if what a dead process had taken was given back.
            self.clock.0.fetch_add(100, Ordering::Relaxed);
        }
        panic!("{:?}", self.shown());
    }

    /// Nothing is left to be done.
    async fn is_quiet(&self) -> bool {
        let stored = self.store.conversation(&account(), CHAT).await.unwrap();
        stored.is_none_or(|stored| envelope::Envelope::from_bytes(&stored.state).unwrap().pending.is_empty())
    }
}

const WHOLE: [&str; 3] = ["Your name?", "Hello Ada, it is 9.90.", "Bye."];

#[tokio::test(start_paused = true)]
async fn a_conversation_from_its_trigger_to_its_end() {
    let bench = Bench::new(&shop()).await;
    let bots = bench.bots();
    assert_eq!(bench.write(&bots, "1", "hi").await, Heard::Answered);
    bench.until(&bots, 1).await;
    assert_eq!(bench.write(&bots, "1", "hi").await, Heard::Again, "the same message has no second answer");
    assert_eq!(bench.write(&bots, "2", "Ada").await, Heard::Answered);
    assert_eq!(bench.until(&bots, 3).await, WHOLE);
    let stored = bench.store.conversation(&account(), CHAT).await.unwrap().unwrap();
    assert_eq!(stored.status, ConversationStatus::Ended);
    assert_eq!(bench.phone.requests.lock().unwrap().len(), 1);
    // The next one has ids of its own.
    bench.write(&bots, "3", "again").await;
    assert_eq!(bench.until(&bots, 4).await[3], "Your name?");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_at_every_send_nothing_is_said_twice_or_not_at_all() {
    for dies_at in 1..=3 {
        let bench = Bench::new(&shop()).await;
        bench.phone.dies_at.store(dies_at, Ordering::Relaxed);
        let dying = bench.bots();
        let inputs = [("1", "hi"), ("2", "Ada")];
        for (id, text) in inputs {
            bench.write(&dying, id, text).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Another process, which is handed the same inputs again.
        let bots = bench.bots();
        for (id, text) in inputs {
            bench.write(&bots, id, text).await;
        }
        assert_eq!(bench.until(&bots, 3).await, WHOLE, "killed at {dies_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_once_answer_once() {
    let bench = Bench::new(&shop()).await;
    let (one, other) = (bench.bots(), bench.bots());
    let (first, second) = tokio::join!(bench.write(&one, "1", "hi"), bench.write(&other, "1", "hi"));
    assert!(first != second && [first, second].contains(&Heard::Again), "{first:?} {second:?}");
    assert_eq!(bench.until(&one, 1).await, WHOLE[..1]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_comes_once_and_a_late_answer_begins_anew() {
    let bench = Bench::new(&shop()).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    bench.until(&bots, 1).await;
    bench.clock.0.fetch_add(601_000, Ordering::Relaxed);
    assert_eq!(bench.until(&bots, 2).await, ["Your name?", "Too late."]);
    bots.look().await.unwrap();
    assert_eq!(bench.shown().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_off_line_answers_later() {
    let bench = Bench::new(&shop()).await;
    bench.phone.later.store(3, Ordering::Relaxed);
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    assert_eq!(bench.until(&bots, 1).await, WHOLE[..1]);
}

#[tokio::test(start_paused = true)]
async fn menus_are_text_unless_the_account_shows_them() {
    let bot = json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "size", "nodes": [
            {"id": "size", "kind": "choose", "config": {"text": "Which?", "options": [{"id": "s", "label": "Small"}, {"id": "l", "label": "Large"}]},
                "exits": [{"id": "chosen", "to": "size"}, {"id": "invalid"}]},
        ]}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    });
    let bench = Bench::new(&bot).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    assert_eq!(bench.until(&bots, 1).await, ["Which?\n\n1. Small\n2. Large"]);
    bench.phone.native.store(true, Ordering::Relaxed);
    // It was noted as buttons: as such it comes again, whatever the account shows by then.
    bench.phone.dies_at.store(2, Ordering::Relaxed);
    bench.write(&bots, "2", "1").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    bench.phone.native.store(false, Ordering::Relaxed);
    let bots = bench.bots();
    assert_eq!(bench.until(&bots, 2).await[1], "buttons: Which?");
    assert!(bench.phone.sends.load(Ordering::Relaxed) > 2, "it was sent again");
    let tap = Message {
        id: "3".into(),
        body: crate::Body::Button { payload: "l".into() },
        ..Message::text("Large")
    };
    bots.hear(&account(), CHAT, "3", &Input::Message(tap), "Ada").await.unwrap();
    assert_eq!(bench.until(&bots, 3).await[2], "Which?\n\n1. Small\n2. Large");
}

#[tokio::test(start_paused = true)]
async fn a_person_takes_over_and_gives_back() {
    let bench = Bench::new(&shop()).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    bench.until(&bots, 1).await;
    bots.hear(&account(), CHAT, "takeover/1", &Input::HumanTookOver, "").await.unwrap();
    bench.write(&bots, "2", "Ada").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.shown().len(), 1, "the bot is silent");
    bots.hear(&account(), CHAT, "release/1", &Input::HumanReleased, "").await.unwrap();
    bench.write(&bots, "3", "Ada").await;
    assert_eq!(bench.until(&bots, 3).await.last().unwrap(), "Bye.");
}

#[tokio::test(start_paused = true)]
async fn what_a_flow_notes_of_a_contact_is_in_the_store() {
    let bot = json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "tag", "nodes": [
            {"id": "tag", "kind": "tag", "config": {"add": ["vip"]}, "exits": [{"id": "next", "to": "out"}]},
            {"id": "out", "kind": "opt_out", "config": {}, "exits": [{"id": "next"}]},
        ]}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    });
    let bench = Bench::new(&bot).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    let workspace = WorkspaceId::default();
    let contact = bench.store.contact_by_phone(&workspace, "4915110000001").await.unwrap().unwrap();
    assert!(contact.tags.contains("vip") && contact.opted_out_at.is_some());
    assert_eq!(bench.store.suppressed(&workspace, &["4915110000001".into()]).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_due_goes_on_at_one_look() {
    let bench = Bench::new(&shop()).await;
    let bots = bench.bots();
    let people = 5 * PAGE;
    for person in 0..people {
        let input = Input::Message(Message::text("hi"));
        let chat = format!("4915120{person:06}@s.whatsapp.net");
        bots.hear(&account(), &chat, "1", &input, "").await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.shown().len() as u32, people);
    bench.clock.0.fetch_add(601_000, Ordering::Relaxed);
    bots.look().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.shown().iter().filter(|text| *text == "Too late.").count() as u32, people);
}
