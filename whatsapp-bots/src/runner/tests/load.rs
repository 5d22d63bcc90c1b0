//! More at once than there are places: nobody waits for another account, and nothing is lost.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use whatsapp_store::{Content, ConversationStore, memory::MemoryStore};

use super::super::{
    bench::{Bench, account, chat, morning},
    *,
};
use crate::{Message, Outcome};

/// Counts what is under way; what is for the account `stuck` never ends while it is.
#[derive(Default)]
struct Phones {
    is_stuck: AtomicBool,
    are_requests_stuck: AtomicBool,
    under_way: AtomicUsize,
    most: AtomicUsize,
    sent: Mutex<Vec<(String, String, String)>>,
    free: Notify,
}

impl Phones {
    async fn pass(&self, waits: impl Fn() -> bool) {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        while waits() {
            self.free.notified().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    fn let_go(&self) {
        self.is_stuck.store(false, Ordering::SeqCst);
        self.are_requests_stuck.store(false, Ordering::SeqCst);
        self.free.notify_waiters();
    }

    fn sent_to(&self, account: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|(to, ..)| to == account).count()
    }
}

#[async_trait::async_trait]
impl Outlet for Phones {
    async fn send(&self, account: &AccountId, chat: &str, id: &str, _: Content) -> Result<(), NotSent> {
        self.pass(|| account.name() == "stuck" && self.is_stuck.load(Ordering::SeqCst)).await;
        self.sent.lock().unwrap().push((account.name().to_owned(), chat.to_owned(), id.to_owned()));
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        self.pass(|| self.are_requests_stuck.load(Ordering::SeqCst)).await;
        Outcome::Answered { status: 200, body: "{}".into() }
    }
}

/// Greets; to `price`, asks a server first and greets twice.
fn greeter() -> serde_json::Value {
    let mut bot = morning("0 9 * * *", &["Hello."]);
    let (flows, triggers) = (
        bot["flows"].as_array_mut().unwrap(),
        serde_json::json!([
            {"id": "any", "on": "anyMessage", "flow": "f"},
            {"id": "price", "on": {"keyword": {"words": ["price"]}}, "flow": "p"},
        ]),
    );
    flows.push(serde_json::json!({"id": "p", "entry": "one", "nodes": [
        {"id": "one", "kind": "say", "config": {"text": "A moment."}, "exits": [{"id": "next", "to": "ask"}]},
        {"id": "ask", "kind": "http", "config": {"url": "https://example.org/"}, "exits": [{"id": "ok", "to": "two"}, {"id": "error"}]},
        {"id": "two", "kind": "say", "config": {"text": "It is 9.90."}, "exits": [{"id": "next"}]}]}));
    bot["triggers"] = triggers;
    bot
}

async fn start(accounts: &[&str], settings: RunnerSettings) -> (Bench, Arc<Phones>, Bots) {
    let bench = Bench::new(accounts).await;
    bench.publish("b", &greeter()).await;
    let phones = Arc::new(Phones::default());
    let clock = Arc::new(bench.clock.clone());
    let bots = Bots::with_settings(bench.store.clone(), phones.clone(), clock, settings);
    (bench, phones, bots)
}

async fn write(bots: &Bots, name: &str, person: u64, text: &str) {
    let input = Input::Message(Message::text(text));
    let heard = bots.hear(&account(name), &chat(person), "1", &input, "").await.unwrap();
    assert_eq!(heard, Heard::Answered);
}

/// Chats with something to be done.
async fn undone(store: &MemoryStore, name: &str, people: u64) -> usize {
    let mut undone = 0;
    for person in 0..people {
        let stored = store.conversation(&account(name), &chat(person)).await.unwrap().unwrap();
        undone += usize::from(stored.status.is_live());
    }
    undone
}

const FEW: Bounds = Bounds { shared: 3, of_account: 3 };

fn few() -> RunnerSettings {
    RunnerSettings { deliveries: FEW, requests: FEW, ..RunnerSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_hangs_takes_its_places_and_no_more() {
    let (bench, phones, bots) = start(&["stuck", "free"], few()).await;
    phones.is_stuck.store(true, Ordering::SeqCst);
    for person in 0..100 {
        write(&bots, "stuck", person, "hi").await;
    }
    bench.rest().await;
    assert_eq!(phones.most.load(Ordering::SeqCst), FEW.of_account);
    for person in 0..100 {
        write(&bots, "free", person, "hi").await;
    }
    bench.rest().await;
    assert_eq!((phones.sent_to("stuck"), phones.sent_to("free")), (0, 100));
    assert!(phones.most.load(Ordering::SeqCst) <= FEW.shared + 2, "the shared ones, and one of each account");
    phones.let_go();
    bench.rest().await;
    assert_eq!(phones.sent_to("stuck"), 100);
}

#[tokio::test(start_paused = true)]
async fn slow_requests_keep_no_message_waiting() {
    let (bench, phones, bots) = start(&["shop"], few()).await;
    phones.are_requests_stuck.store(true, Ordering::SeqCst);
    for person in 0..50 {
        write(&bots, "shop", person, "price").await;
    }
    bench.rest().await;
    assert_eq!(phones.sent_to("shop"), 50, "what comes before the request");
    assert_eq!(phones.under_way.load(Ordering::SeqCst), FEW.of_account, "requests have a bound, too");
    write(&bots, "shop", 50, "hi").await;
    bench.rest().await;
    assert_eq!(phones.sent_to("shop"), 51);
    phones.let_go();
    bench.rest().await;
    assert_eq!(phones.sent_to("shop"), 101);
    assert_eq!(undone(&bench.store, "shop", 51).await, 0);
}

/// One place of each kind, and work that goes from one to the other and back.
#[tokio::test(start_paused = true)]
async fn the_fewest_places_come_to_an_end() {
    let one = Bounds { shared: 0, of_account: 1 };
    let settings = RunnerSettings { deliveries: one, requests: one, ..RunnerSettings::default() };
    let (bench, phones, bots) = start(&["shop", "club"], settings).await;
    for person in 0..40 {
        write(&bots, "shop", person, if person % 2 == 0 { "price" } else { "hi" }).await;
        write(&bots, "club", person, "price").await;
    }
    bench.rest().await;
    assert_eq!((phones.sent_to("shop"), phones.sent_to("club")), (60, 80));
    assert_eq!(phones.under_way.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_place_in_the_queue_waits_in_the_store() {
    let settings = RunnerSettings { queue_of_account: 5, ..few() };
    let (bench, phones, bots) = start(&["stuck"], settings).await;
    phones.is_stuck.store(true, Ordering::SeqCst);
    for person in 0..60 {
        write(&bots, "stuck", person, "hi").await;
    }
    bench.rest().await;
    assert!(bots.shared.tasks().len() <= 5);
    phones.let_go();
    bench.rest().await;
    assert_eq!(phones.sent_to("stuck"), 5);
    // Rounds of the runner: as much as finds a place each time.
    for _ in 0..100 {
        if undone(&bench.store, "stuck", 60).await == 0 {
            break;
        }
        bench.clock.0.fetch_add(TERM, Ordering::Relaxed);
        bots.look().await.unwrap();
        bench.rest().await;
    }
    let mut sent = phones.sent.lock().unwrap().clone();
    sent.sort();
    sent.dedup();
    assert_eq!((sent.len(), phones.sent_to("stuck")), (60, 60), "each once");
}
