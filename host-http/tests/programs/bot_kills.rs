//! `kill -9` in the middle of conversations with a bot, again and again: every question and every answer comes once. The simulated
//! phones say so.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    kills::Chance,
    number,
    program::{PATIENCE, Program},
};

/// The first of the people who write.
const FIRST: u64 = 4_915_120_000_000;
const WHOLE: [&str; 3] = ["Your name?", "Hello Ada.", "Bye."];

fn bot() -> Value {
    json!({
        "format": 1, "bot": { "id": "hello", "language": "en" },
        "flows": [{ "id": "f", "entry": "name", "nodes": [
            { "id": "name", "kind": "ask", "config": { "text": "Your name?", "save": "name" },
              "exits": [{ "id": "ok", "to": "hello" }, { "id": "invalid", "to": "bye" }] },
            { "id": "hello", "kind": "say", "config": { "text": "Hello {{ name }}." }, "exits": [{ "id": "next", "to": "bye" }] },
            { "id": "bye", "kind": "say", "config": { "text": "Bye." }, "exits": [{ "id": "next" }] }
        ]}],
        "triggers": [{ "id": "any", "on": "anyMessage", "flow": "f" }]
    })
}

/// What each person was shown, in order.
async fn shown(simulator: &Program) -> BTreeMap<u64, Vec<(String, u64)>> {
    let (status, text) = simulator.call("GET", "/admin/ledger", "").await;
    assert_eq!(status, 200);
    let mut shown = BTreeMap::<u64, Vec<(String, u64)>>::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let phone: u64 = entry["phone"].as_str().unwrap().parse().unwrap();
        let seen = (entry["text"].as_str().unwrap_or_default().to_owned(), entry["shown"].as_u64().unwrap());
        shown.entry(phone).or_default().push(seen);
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_killed_again_and_again_says_everything_once() {
    let (kills, people) =
        (super::kills::from_environment("BOT_KILLS", 8), super::kills::from_environment("BOT_PEOPLE", 40));
    let simulator = Program::simulator(&["--seed", "12"]);
    let data = tempfile::tempdir().unwrap();
    let options = ["--lease-seconds", "3"];
    let start = || Program::node_with(&simulator, data.path(), None, &options);
    let mut host = start();
    super::link(&simulator, &host).await;
    let own = number(&host.get("/api/sessions/me").await).to_owned();
    host.json("POST", "/api/chatbots", &json!({ "id": "hello", "definition": bot() }).to_string()).await;
    host.json("POST", "/api/chatbots/hello/publish", "").await;
    let crowd = json!({ "from": FIRST.to_string(), "count": people });
    simulator.json("POST", "/admin/people", &crowd.to_string()).await;

    let (mut chance, mut killed, mut asked, mut answered) = (Chance(0xb07), 0, 0, BTreeSet::new());
    let started = Instant::now();
    let say = async |phone: u64, text: &str| {
        let body = json!({ "to": own, "text": text }).to_string();
        simulator.json("POST", &format!("/admin/people/{phone}/send"), &body).await;
    };
    loop {
        let all = shown(&simulator).await;
        let done = all.values().filter(|texts| texts.iter().any(|(text, _)| text == "Bye.")).count() as u64;
        // Everybody answers once they were asked.
        for phone in all.keys().filter(|phone| (FIRST..FIRST + people).contains(*phone)) {
            if answered.insert(*phone) {
                say(*phone, "Ada").await;
            }
        }
        if asked < people {
            say(FIRST + asked, "hi").await;
            asked += 1;
        }
        let progress = (asked + done) * kills / (2 * people).max(1);
        if killed < kills && progress > killed {
            tokio::time::sleep(Duration::from_micros(chance.below(30_000))).await;
            host.kill();
            host = start();
            killed += 1;
        }
        if done >= people {
            break;
        }
        assert!(started.elapsed() < 3 * PATIENCE, "{done} of {people}: {all:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (phone, texts) in shown(&simulator).await {
        let expected: Vec<_> = WHOLE.iter().map(|text| ((*text).to_owned(), 1)).collect();
        let is_one_of_them = (FIRST..FIRST + people).contains(&phone);
        assert!(!is_one_of_them || texts == expected, "{phone} was shown {texts:?}");
    }
    assert_eq!(killed, kills);
    host.terminate();
}
