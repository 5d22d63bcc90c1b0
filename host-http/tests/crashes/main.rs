//! Every write at which a process can die, client and bots together, before it and after it: linking, a question, a wrong answer, a
//! right one, a request, a flow within a flow, several lines in a turn, a timer, a person who takes over and gives back. The
//! simulated phone is the judge: it has each line once and in order.
//!
//! Everything runs in one process under virtual time, with the real client on the simulated network. `BOT_DEATHS` says how many of the
//! writes are tried, spread over all; 0 for all.
#![allow(clippy::unwrap_used, reason = "tests")]
mod ear;
mod host;
mod life;
mod process;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use whatsapp_bots::{Compiled, Definition};
use whatsapp_core::{
    jid::Jid,
    sim::{Behaviour, Faults, LedgerEntry, Side, runtime::Simulator},
};
use whatsapp_store::{
    Changes, ConversationStatus, ConversationStore, FlowChange, Store, WorkspaceId, memory::MemoryStore,
};

use self::{
    life::{Life, Moment},
    process::{ADA, ADA_CHAT, Outside, Process, SHOP, Time, account},
};

const LINES: [&str; 7] = [
    "Which size, 36 to 46?",
    "A number from 36 to 46, please.",
    "Size 42 is 9.90.",
    "One moment.",
    "You are next.",
    "Somebody will be with you.",
    "Goodbye.",
];
/// What she writes once so many lines are there. The first is for nobody, the last is written while a person has the chat.
const SAID: [(usize, &str); 5] = [(0, "hello"), (0, "order"), (1, "large"), (2, "42"), (6, "are you there?")];
/// Far longer than anything takes, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// So long nothing more may come.
const QUIET: Duration = Duration::from_secs(90);

fn bot() -> String {
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
    .to_string()
}

async fn publish(store: &MemoryStore, definition: String) {
    Compiled::new(&Definition::from_json(&definition).unwrap(), 1).unwrap();
    let flow = "shop".to_owned();
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(FlowChange::PutDraft { flow: flow.clone(), name: "Shop".into(), draft: None, at: 1 });
    changes.push(FlowChange::Publish { flow: flow.clone(), definition, at: 1, by: "ana".into() });
    changes.push(FlowChange::SetEnabled { flow, enabled: true, at: 1 });
    store.commit(changes).await.unwrap();
}

async fn outside(faults: &Faults) -> Arc<Outside> {
    let simulator = Simulator::start(7);
    simulator.add_person(SHOP, "Shop", Behaviour::Silent).await.unwrap();
    simulator.add_person(ADA, "Ada", Behaviour::Read).await.unwrap();
    for side in [Side::ToServer, Side::ToClient] {
        simulator.set_faults(side, faults.clone()).await.unwrap();
    }
    let store = Arc::new(MemoryStore::new());
    publish(&store, bot()).await;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let clock = Time { wall: i64::try_from(wall).unwrap(), start: Instant::now() };
    Arc::new(Outside {
        simulator,
        store,
        keys: Default::default(),
        open: tokio::sync::watch::Sender::new(false),
        clock,
    })
}

async fn shown(outside: &Outside) -> Vec<LedgerEntry> {
    let ledger = outside.simulator.ledger().await.unwrap();
    ledger.into_iter().filter(|entry| entry.phone == ADA).collect()
}

/// Ada writes as soon as she sees what she answers, whether the shop is there or not.
async fn ada(outside: Arc<Outside>) {
    outside.open.subscribe().wait_for(|open| *open).await.unwrap();
    for (lines, text) in SAID {
        while shown(&outside).await.len() < lines {
            sleep(Duration::from_millis(200)).await;
        }
        sleep(Duration::from_millis(700)).await;
        outside.simulator.send_as(ADA, &Jid::pn(SHOP), text).await.unwrap();
    }
}

async fn is_over(outside: &Outside) -> bool {
    let stored = outside.store.conversation(&account(), ADA_CHAT).await.unwrap();
    shown(outside).await.len() >= LINES.len()
        && stored.is_some_and(|stored| stored.status == ConversationStatus::Ended)
}

async fn end(outside: &Outside) {
    while !is_over(outside).await {
        sleep(Duration::from_millis(500)).await;
    }
    sleep(QUIET).await;
}

async fn judge(outside: &Outside) -> Result<(), String> {
    let ledger = shown(outside).await;
    let lines: Vec<&str> = ledger.iter().filter_map(|entry| entry.text.as_deref()).collect();
    let keys = outside.keys.lock().unwrap().len();
    if lines != LINES || ledger.iter().any(|entry| entry.shown != 1) {
        return Err(format!("she was shown {lines:?}"));
    }
    if keys != 1 { Err(format!("{keys} keys for one request")) } else { Ok(()) }
}

/// From nothing to the end, over the deaths of the first processes; how many writes the first of all came to.
fn play(deaths: &[(u32, Moment)], faults: &Faults) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let outside = outside(faults).await;
        let writing = tokio::spawn(ada(outside.clone()));
        let mut deaths_left = deaths.iter().copied();
        let first = Life::new(deaths_left.next());
        let mut life = first.clone();
        let lives = async {
            loop {
                let process = Process::start(&outside, &life);
                tokio::select! {
                    () = life.death() => {}
                    () = end(&outside) => return,
                }
                drop(process);
                // It is down for a while, and people write meanwhile.
                sleep(Duration::from_secs(2)).await;
                life = Life::new(deaths_left.next());
            }
        };
        let in_time = timeout(PATIENCE, lives).await;
        let judged = judge(&outside).await;
        assert!(in_time.is_ok() && judged.is_ok(), "dead at {deaths:?}: {judged:?}");
        writing.await.unwrap();
        first.writes()
    })
}

fn every_death(moment: Moment, faults: &Faults) {
    let writes = play(&[], faults);
    assert!(writes > 40, "a conversation is many writes, and not {writes}");
    let wanted = std::env::var("BOT_DEATHS").ok().and_then(|value| value.parse().ok()).unwrap_or(0_u32);
    let step = if wanted == 0 { 1 } else { writes.div_ceil(wanted) };
    let (mut write, mut lives) = (1, 0);
    // A life differs a little from the next: it is over when the process does not come so far.
    while play(&[(write, moment)], faults) >= write {
        write += step;
        lives += 1;
    }
    assert!(write + 20 > writes, "the last of about {writes} writes was {write}");
    eprintln!("{lives} deaths, {moment:?} the write");
}

#[test]
fn before_every_write() {
    every_death(Moment::Before, &Faults::default());
}

#[test]
fn after_every_write() {
    every_death(Moment::After, &Faults::default());
}

#[test]
fn before_every_write_on_a_network_that_repeats_itself() {
    every_death(Moment::Before, &faults());
}

#[test]
fn after_every_write_on_a_network_that_repeats_itself() {
    every_death(Moment::After, &faults());
}

#[test]
fn and_soon_again() {
    let (faults, mut write, mut lives) = (Faults::default(), 1, 0);
    loop {
        // The second dies while it makes good what the first left undone, the third too.
        let second = (1 + lives % 9, if lives % 2 == 0 { Moment::Before } else { Moment::After });
        let third = (1 + lives % 5, Moment::After);
        if play(&[(write, Moment::After), second, third], &faults) < write {
            break;
        }
        lives += 1;
        write += lives % 2;
    }
    assert!(lives > 40, "a conversation is many writes: {lives} times three deaths");
    eprintln!("{lives} times three deaths");
}

fn faults() -> Faults {
    let faults: Value = json!({ "duplicate": 0.3 });
    serde_json::from_value(faults).unwrap()
}
