//! Every write and every message at which a process can die, before it and after it, with inputs that come twice, chats that take turns in every
//! order, and one node or two: each line is shown once and in order, and each request has one key.
//!
//! `BOT_ORDERS` says how many of the orders of arrival are tried; there are 70.
use std::sync::atomic::{AtomicBool, AtomicU32};

use whatsapp_store::{
    Changes, ConversationPage, ConversationRecord, Error as StoreError, ErrorKind, Result as StoreResult,
    delegate_store,
};

use super::*;

const CHATS: [&str; 2] = ["4915110000001@s.whatsapp.net", "4915110000002@s.whatsapp.net"];
/// What each person writes.
const SAID: [&str; 4] = ["hello", "order", "large", "42"];
/// What each person is shown.
const LINES: [&str; 7] = [
    "Which size, 36 to 46?",
    "A number from 36 to 46, please.",
    "Size 42 is 9.90.",
    "One moment.",
    "You are next.",
    "Somebody will be with you.",
    "Goodbye.",
];

fn bot() -> Json {
    let say = |id: &str, text: &str, to: Option<&str>| json!({"id": id, "kind": "say", "config": {"text": text}, "exits": [{"id": "next", "to": to}]});
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "size", "nodes": [
            {"id": "size", "kind": "ask", "config": {"text": LINES[0], "answer": {"number": {"min": 36, "max": 46}}, "save": "size",
                "retries": {"max": 3, "say": LINES[1]}}, "exits": [{"id": "ok", "to": "price"}, {"id": "invalid", "to": "human"}]},
            {"id": "price", "kind": "http", "config": {"url": "https://example.org/{{ size }}",
                "save": [{"path": "price", "to": "price"}]}, "exits": [{"id": "ok", "to": "tell"}, {"id": "error", "to": "human"}]},
            say("tell", "Size {{ size }} is {{ price }}.", Some("sub")),
            {"id": "sub", "kind": "call_flow", "config": {"flow": "g"}, "exits": [{"id": "next", "to": "next"}]},
            say("next", LINES[4], Some("wait")),
            {"id": "wait", "kind": "wait", "config": {"seconds": 5}, "exits": [{"id": "next", "to": "human"}]},
            {"id": "human", "kind": "handoff", "config": {"queue": "sales", "say": LINES[5]}, "exits": [{"id": "next", "to": "bye"}]},
            say("bye", LINES[6], None),
        ]}, {"id": "g", "entry": "moment", "nodes": [say("moment", LINES[3], None)]}],
        "triggers": [{"id": "order", "on": {"keyword": {"words": ["order"]}}, "flow": "f"}],
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    Before,
    After,
}

/// A process dies at that act.
type Death = Option<(u32, Moment)>;

/// A process: what it writes and sends is counted, until it dies of it.
#[derive(Debug)]
struct Life {
    acts: AtomicU32,
    death: Death,
    dead: AtomicBool,
}

impl Life {
    fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Does something; `None` of the dead, and of those who die of it.
    async fn act<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        if self.is_over() {
            return None;
        }
        let count = self.acts.fetch_add(1, Ordering::Relaxed) + 1;
        let dies = |moment| {
            let dies = self.death == Some((count, moment));
            self.dead.fetch_or(dies, Ordering::Relaxed);
            dies
        };
        if dies(Moment::Before) {
            return None;
        }
        let done = what.await;
        (!dies(Moment::After)).then_some(done)
    }
}

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nodes {
    One,
    /// The one that dies has the session.
    Two,
    /// The other has it.
    TwoOfWhichOneIsDumb,
}

/// The store as a process sees it that dies at a write: from then on it writes nothing more.
#[derive(Debug)]
struct Frail {
    inner: Arc<MemoryStore>,
    life: Arc<Life>,
}

delegate_store!(Frail => inner, except ConversationStore);

impl Frail {
    async fn write<T>(&self, write: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let dead = || Err(StoreError::new(ErrorKind::Busy, "writing as a dead process"));
        self.life.act(write).await.unwrap_or_else(dead)
    }
}

#[async_trait]
impl ConversationStore for Frail {
    async fn conversation(&self, account: &AccountId, chat: &str) -> StoreResult<Option<ConversationRecord>> {
        self.inner.conversation(account, chat).await
    }

    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<ConversationPage> {
        self.inner.conversations(workspace, status, before, limit).await
    }

    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> StoreResult<Vec<ConversationRecord>> {
        self.write(self.inner.claim_due_conversations(workspace, now, until, limit)).await
    }

    async fn due_workspaces(&self, now: i64, limit: u32) -> StoreResult<Vec<WorkspaceId>> {
        self.inner.due_workspaces(now, limit).await
    }

    async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> StoreResult<bool> {
        self.inner.input_seen(account, chat, message_id).await
    }

    async fn oldest_input(&self, workspace: &WorkspaceId) -> StoreResult<Option<i64>> {
        self.inner.oldest_input(workspace).await
    }
    async fn oldest_ended(&self, workspace: &WorkspaceId) -> StoreResult<Option<i64>> {
        self.inner.oldest_ended(workspace).await
    }
}

#[async_trait]
impl Store for Frail {
    async fn commit(&self, changes: Changes) -> StoreResult<()> {
        self.write(self.inner.commit(changes)).await
    }
}

/// The phones and the server that is asked: what they saw outlives every process.
#[derive(Default)]
struct Outside {
    shown: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    keys: Mutex<BTreeMap<String, u32>>,
}

/// The outside, as a process reaches it while it lives.
struct Reach {
    outside: Arc<Outside>,
    life: Arc<Life>,
    has_session: AtomicBool,
}

impl Reach {
    async fn alive(&self) {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.life.is_over() {
            std::future::pending().await
        }
    }

    fn show(&self, chat: &str, id: &str, text: &str) {
        let mut shown = self.outside.shown.lock().unwrap();
        let chat = shown.entry(chat.to_owned()).or_default();
        match chat.iter().find(|(other, _)| other == id) {
            Some((_, former)) => assert_eq!(*former, text, "an id came again with another text"),
            None => chat.push((id.to_owned(), text.to_owned())),
        }
    }
}

#[async_trait]
impl Outlet for Reach {
    async fn send(&self, _: &AccountId, chat: &str, id: &str, content: Content) -> Result<(), NotSent> {
        self.alive().await;
        if !self.has_session.load(Ordering::Relaxed) {
            return Err(NotSent::Later);
        }
        match self.life.act(async { self.show(chat, id, content.as_text().unwrap()) }).await {
            Some(()) => Ok(()),
            None => std::future::pending().await,
        }
    }

    async fn request(&self, call: Call) -> Outcome {
        self.alive().await;
        *self.outside.keys.lock().unwrap().entry(call.key).or_default() += 1;
        self.alive().await;
        Outcome::Answered { status: 200, body: r#"{"price":"9.90"}"#.to_owned() }
    }
}

struct Process {
    bots: Bots,
    reach: Arc<Reach>,
}

impl Process {
    fn is_dead(&self) -> bool {
        self.reach.life.is_over()
    }

    /// Hears all that was written, from the start, as after a crash before anything was noted.
    async fn hear(&self, order: &[usize], times: usize) {
        for (place, chat) in order.iter().enumerate() {
            let text = SAID[order[..place].iter().filter(|other| *other == chat).count()];
            for _ in 0..times {
                // They answer what they saw; what was written before a question is tested elsewhere.
                let received_at = Some(i64::MAX);
                let input = Input::Message(Message { id: text.into(), received_at, ..Message::text(text) });
                while let Err(error) = self.bots.hear(&account(), CHATS[*chat], text, &input, "Ada").await {
                    if self.is_dead() {
                        return;
                    }
                    assert!(matches!(error, TurnError::Busy), "the living hear: {error}");
                }
            }
        }
    }
}

/// Two people write to a bot, and something dies.
struct World {
    bench: Bench,
    outside: Arc<Outside>,
    order: Vec<usize>,
    /// How often each input comes.
    times: usize,
}

impl World {
    fn process(&self, death: Death, has_session: bool) -> Process {
        let life = Arc::new(Life { acts: AtomicU32::new(0), death, dead: AtomicBool::new(false) });
        let store = Arc::new(Frail { inner: self.bench.store.clone(), life: life.clone() });
        let (outside, has_session) = (self.outside.clone(), AtomicBool::new(has_session));
        let reach = Arc::new(Reach { outside, life, has_session });
        let bots = Bots::with_clock(store, reach.clone(), Arc::new(self.bench.clock.clone()));
        Process { bots, reach }
    }

    /// To the end, over the death of the first process; how many acts that came to.
    async fn live(&self, death: Death, nodes: Nodes) -> u32 {
        let dumb = nodes == Nodes::TwoOfWhichOneIsDumb;
        let first = self.process(death, !dumb);
        // The other node has the session when the first is dead.
        let mut second = (nodes != Nodes::One).then(|| self.process(None, dumb));
        match &second {
            Some(second) => {
                tokio::join!(first.hear(&self.order, self.times), second.hear(&self.order, self.times));
            }
            None => first.hear(&self.order, self.times).await,
        }
        for _ in 0..2_000 {
            if first.is_dead() && second.is_none() {
                second = Some(self.process(None, true));
                self.again(&second).await;
            } else if first.is_dead() {
                second.iter().for_each(|second| second.reach.has_session.store(true, Ordering::Relaxed));
            }
            let living = second.iter().chain(Some(&first)).filter(|process| !process.is_dead());
            for process in living {
                self.look_after(process).await;
            }
            if self.is_over().await {
                break;
            }
        }
        self.again(&second).await;
        first.reach.life.acts.load(Ordering::Relaxed)
    }

    async fn again(&self, process: &Option<Process>) {
        if let Some(process) = process {
            process.hear(&self.order, 1).await;
        }
    }

    async fn look_after(&self, process: &Process) {
        // As `run` does, which tries again when the store fails.
        let _ = process.bots.look().await;
        for chat in CHATS {
            let stored = self.bench.store.conversation(&account(), chat).await.unwrap();
            if stored.is_some_and(|stored| stored.status == ConversationStatus::HandedOff) {
                let _ = process.bots.hear(&account(), chat, "release", &Input::HumanReleased, "").await;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.bench.clock.0.fetch_add(500, Ordering::Relaxed);
    }

    async fn is_over(&self) -> bool {
        for chat in CHATS {
            let stored = self.bench.store.conversation(&account(), chat).await.unwrap();
            if stored.is_none_or(|stored| stored.status != ConversationStatus::Ended) {
                return false;
            }
        }
        true
    }

    fn judge(&self) -> Result<(), String> {
        let (shown, keys) = (self.outside.shown.lock().unwrap(), self.outside.keys.lock().unwrap());
        for chat in CHATS {
            let lines: Vec<&str> =
                shown.get(chat).into_iter().flatten().map(|(_, text)| text.as_str()).collect();
            if lines != LINES {
                return Err(format!("{chat} was shown {lines:?}"));
            }
        }
        if keys.len() != CHATS.len() {
            return Err(format!("{} keys for two requests", keys.len()));
        }
        Ok(())
    }
}

/// One life; how many acts the first process came to.
fn play(order: &[usize], times: usize, nodes: Nodes, death: Death) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (bench, outside) = (Bench::new(&bot()).await, Arc::default());
        let world = World { bench, outside, order: order.to_vec(), times };
        let acts = world.live(death, nodes).await;
        let case = || format!("{order:?}, {times} times, {nodes:?}, dead at {death:?}");
        world.judge().unwrap_or_else(|wrong| panic!("{}: {wrong}", case()));
        acts
    })
}

/// The orders in which two chats can take turns, spread over all of them.
fn orders(usual: usize) -> Vec<Vec<usize>> {
    let all: Vec<Vec<usize>> = (0_u32..256)
        .filter(|bits| bits.count_ones() == 4)
        .map(|bits| (0..8).map(|place| (bits >> place & 1) as usize).collect())
        .collect();
    assert_eq!(all.len(), 70);
    let wanted = std::env::var("BOT_ORDERS").ok().and_then(|value| value.parse().ok()).unwrap_or(usual);
    all.iter().step_by(70_usize.div_ceil(wanted.max(1))).cloned().collect()
}

fn every_death(orders: &[Vec<usize>], times: usize, nodes: Nodes) {
    let mut lives = 0;
    for order in orders {
        let mut act = 1;
        loop {
            let reached =
                [Moment::Before, Moment::After].map(|moment| play(order, times, nodes, Some((act, moment))));
            lives += 2;
            if reached.iter().all(|reached| *reached < act) {
                break;
            }
            act += 1;
        }
        let least = if nodes == Nodes::One { 36 } else { 12 };
        assert!(act > least, "two conversations are many acts, and not {act}");
    }
    eprintln!("{lives} lives");
}

#[test]
fn one_process_dies_at_every_act() {
    every_death(&orders(7), 1, Nodes::One);
}

#[test]
fn one_process_dies_at_every_act_and_every_input_comes_twice() {
    every_death(&orders(4), 2, Nodes::One);
}

#[test]
fn one_of_two_nodes_that_hear_the_same_dies_at_every_act() {
    every_death(&orders(4), 1, Nodes::Two);
    every_death(&orders(4), 2, Nodes::TwoOfWhichOneIsDumb);
}
