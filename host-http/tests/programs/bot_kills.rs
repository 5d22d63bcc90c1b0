//! `kill -9` in the middle of conversations with a bot, again and again: every question and every answer comes once and in order, and
//! no request has two keys. The simulated phones say so, and the server that is asked.
//!
//! The talk waits for the kills: so many people begin between two of them, whatever the machine's speed.
//!
//! `BOT_KILLS` and `BOT_PEOPLE` say how often and how many; 200 and 2,000 are a long drill.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, http::HeaderMap, routing::get};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    kills::{Chance, from_environment},
    number,
    program::{PATIENCE, Program, fresh_database},
};

/// The first of the people who write.
const FIRST: u64 = 4_915_120_000_000;
const LINES: [&str; 5] = [
    "Which size, 36 to 46?",
    "A number from 36 to 46, please.",
    "Size 42 is 9.90.",
    "You are next.",
    "Goodbye.",
];
/// What each of them writes once so many lines are there; the first is for no bot.
const SAID: [(usize, &str); 4] = [(0, "hello"), (0, "order"), (1, "large"), (2, "42")];
const OPTIONS: [&str; 3] = ["--lease-seconds", "3", "--bots-reach-private"];

fn bot(server: &str) -> Value {
    let say = |id: &str, text: &str, to: Option<&str>| json!({"id": id, "kind": "say", "config": {"text": text}, "exits": [{"id": "next", "to": to}]});
    json!({
        "format": 1, "bot": { "id": "shop", "language": "en" },
        "flows": [{ "id": "f", "entry": "size", "nodes": [
            { "id": "size", "kind": "ask", "config": { "text": LINES[0], "answer": { "number": { "min": 36, "max": 46 } }, "save": "size",
                "retries": { "max": 3, "say": LINES[1] } }, "exits": [{ "id": "ok", "to": "price" }, { "id": "invalid", "to": "bye" }] },
            { "id": "price", "kind": "http", "config": { "url": format!("{server}/{{{{ size }}}}"),
                "save": [{ "path": "price", "to": "price" }] }, "exits": [{ "id": "ok", "to": "tell" }, { "id": "error", "to": "bye" }] },
            say("tell", "Size {{ size }} is {{ price }}.", Some("next")),
            say("next", LINES[3], Some("wait")),
            { "id": "wait", "kind": "wait", "config": { "seconds": 1 }, "exits": [{ "id": "next", "to": "bye" }] },
            say("bye", LINES[4], None),
        ]}],
        "triggers": [{ "id": "order", "on": { "keyword": { "words": ["order"] } }, "flow": "f" }]
    })
}

type Keys = Arc<Mutex<BTreeMap<String, u64>>>;

/// A server that notes under which keys it is asked, and how often.
async fn server(keys: Keys) -> String {
    let answer = move |headers: HeaderMap| async move {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        *keys.lock().unwrap().entry(key).or_default() += 1;
        r#"{"price":"9.90"}"#
    };
    let router = Router::new().route("/{size}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// What one person was shown, in order, and how far the person is.
#[derive(Default)]
struct Chat {
    lines: Vec<(String, u64)>,
    /// Ciphertexts that came again under their id.
    again: u64,
    said: usize,
}

struct Drill {
    simulator: Program,
    nodes: Vec<Option<Program>>,
    folders: Vec<TempDir>,
    database: Option<String>,
    own: String,
    keys: Keys,
    people: Vec<Chat>,
}

impl Drill {
    async fn begin(nodes: usize, database: Option<String>, people: u64) -> Self {
        let simulator = Program::simulator(&["--seed", "12"]);
        let folders = (0..nodes).map(|_| tempfile::tempdir().unwrap()).collect();
        let (keys, own) = (Keys::default(), String::new());
        let mut drill =
            Self { simulator, nodes: Vec::new(), folders, database, own, keys, people: Vec::new() };
        for node in 0..nodes {
            let started = drill.start(node);
            drill.nodes.push(Some(started));
        }
        super::link(&drill.simulator, drill.node(0)).await;
        let node = drill.node(0);
        let own = number(&node.get("/api/sessions/me").await).to_owned();
        let definition = bot(&server(drill.keys.clone()).await);
        let made = json!({ "id": "shop", "definition": definition });
        node.json("POST", "/api/chatbots", &made.to_string()).await;
        node.json("POST", "/api/chatbots/shop/publish", "").await;
        let crowd = json!({ "from": FIRST.to_string(), "count": people });
        drill.simulator.json("POST", "/admin/people", &crowd.to_string()).await;
        drill.own = own;
        drill.people.extend((0..people).map(|_| Chat::default()));
        drill
    }

    fn start(&self, node: usize) -> Program {
        Program::node_with(&self.simulator, self.folders[node].path(), self.database.as_deref(), &OPTIONS)
    }

    fn node(&self, node: usize) -> &Program {
        self.nodes[node].as_ref().unwrap()
    }

    /// Looks at the phones; how many lines they show.
    async fn look(&mut self) -> u64 {
        let (status, text) = self.simulator.call("GET", "/admin/ledger", "").await;
        assert_eq!(status, 200);
        for chat in &mut self.people {
            (chat.lines, chat.again) = (Vec::new(), 0);
        }
        let mut count = 0;
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let phone: u64 = entry["phone"].as_str().unwrap().parse().unwrap();
            let place = phone.checked_sub(FIRST).and_then(|place| self.people.get_mut(place as usize));
            let Some(chat) = place else { continue };
            let text = entry["text"].as_str().unwrap_or_default().to_owned();
            chat.lines.push((text, entry["shown"].as_u64().unwrap()));
            chat.again += entry["delivered"].as_u64().unwrap() - 1;
            count += 1;
        }
        count
    }

    /// Those whose turn it is write, whether anybody is there to hear it or not; at most so many begin, and only the first ones.
    async fn speak(&mut self, mut beginners: usize, first: usize) {
        for (place, chat) in self.people.iter_mut().enumerate() {
            while let Some((_, text)) = SAID.get(chat.said).filter(|(lines, _)| chat.lines.len() >= *lines) {
                if chat.said == 0 && (beginners == 0 || place >= first) {
                    break;
                }
                beginners -= usize::from(chat.said == 0);
                chat.said += 1;
                let body = json!({ "to": self.own, "text": text }).to_string();
                let path = format!("/admin/people/{}/send", FIRST + place as u64);
                self.simulator.json("POST", &path, &body).await;
            }
        }
    }

    /// How things are, for whoever looks for a mistake.
    async fn state(&self) -> String {
        let mut state = String::new();
        for node in self.nodes.iter().flatten() {
            for path in [
                "/api/sessions/me",
                "/api/chatbots/conversations?status=active",
                "/api/chatbots/conversations",
            ] {
                state.push_str(&format!("\n{path}: {}", node.get(path).await));
            }
        }
        let short = self.people.iter().enumerate().filter(|(_, chat)| chat.lines.len() < LINES.len());
        short.for_each(|(place, chat)| {
            state.push_str(&format!(
                "\n{}: {} lines, {} said",
                FIRST + place as u64,
                chat.lines.len(),
                chat.said
            ))
        });
        state
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node].take().unwrap().kill();
        let started = self.start(node);
        self.nodes[node] = Some(started);
    }

    /// Until everybody has every line, with so many kills on the way. Between two kills a part of the people begins, the last part after
    /// the last kill: so there is something to talk about at each of them.
    async fn run(&mut self, kills: u64, chance: &mut Chance) -> u64 {
        let whole = (self.people.len() * LINES.len()) as u64;
        let parts = kills + 1;
        let (mut killed, mut last) = (0, (0, Instant::now()));
        loop {
            let shown = self.look().await;
            if shown >= whole {
                return killed;
            }
            if shown > last.0 {
                last = (shown, Instant::now());
            }
            if last.1.elapsed() > 2 * PATIENCE {
                panic!("it stands still at {shown} of {whole} lines: {}", self.state().await);
            }
            let first = (self.people.len() as u64 * (killed + 1)).div_ceil(parts) as usize;
            self.speak(1 + self.people.len() / 200, first).await;
            if killed < kills && shown * parts >= killed * whole {
                // A moment later, so that it may die anywhere.
                tokio::time::sleep(Duration::from_micros(chance.below(30_000))).await;
                let node = chance.below(self.nodes.len() as u64) as usize;
                self.kill(node);
                killed += 1;
            }
            tokio::time::sleep(Duration::from_millis(10 + self.people.len() as u64 / 20)).await;
        }
    }

    async fn judge(&mut self, name: &str, killed: u64, took: Duration) {
        for status in ["active", "waiting"] {
            let path = format!("/api/chatbots/conversations?status={status}");
            self.node(0).until(&path, |list| list["conversations"] == json!([])).await;
        }
        self.look().await;
        let expected: Vec<_> = LINES.iter().map(|text| ((*text).to_owned(), 1)).collect();
        let wrong = self.people.iter().filter(|chat| chat.lines != expected);
        let wrong: Vec<_> = wrong.map(|chat| &chat.lines).collect();
        let again: u64 = self.people.iter().map(|chat| chat.again).sum();
        let (keys, asked) = {
            let keys = self.keys.lock().unwrap();
            (keys.len(), keys.values().sum::<u64>())
        };
        eprintln!(
            "{name}: {} people, {killed} kills, {:.0} s: {} of them not shown each line once and in order; {again} ciphertexts \
             came again under their id; {asked} requests under {keys} keys",
            self.people.len(),
            took.as_secs_f64(),
            wrong.len()
        );
        assert!(wrong.is_empty(), "{:?}", wrong.first());
        assert_eq!(keys, self.people.len(), "one key for each request");
    }
}

async fn drill(name: &str, nodes: usize, database: Option<String>, seed: u64) {
    let (kills, people) = (from_environment("BOT_KILLS", 6), from_environment("BOT_PEOPLE", 30));
    let mut drill = Drill::begin(nodes, database, people).await;
    let started = Instant::now();
    let killed = drill.run(kills, &mut Chance(seed)).await;
    drill.judge(name, killed, started.elapsed()).await;
    assert_eq!(killed, kills);
    for node in drill.nodes.into_iter().flatten() {
        node.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    drill("SQLite", 1, None, 0xb07).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    drill("PostgreSQL", 1, Some(fresh_database("bot_kills_one")), 0x9051).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_with_two_nodes() {
    drill("PostgreSQL, two nodes", 2, Some(fresh_database("bot_kills_two")), 0x2_9051).await;
}
