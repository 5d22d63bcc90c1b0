//! `kill -9` in the middle of a campaign, again and again: nobody is skipped, and nobody is shown it twice. The simulated phones
//! say so, each of which keeps what it was shown.
//!
//! `KILLS` and `RECIPIENTS` say how often and how many; 200 and 20,000 are what the benchmarks' guide reports.
use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{PATIENCE, Program, fresh_database};

const CONSENT: &str =
    "consentScope=news&consentSource=form&consentAt=1780000000000&consentEvidence=https://example.org";
/// As fast as it goes, with leases that end soon.
const OPTIONS: [&str; 6] = ["--campaign-rate", "60000", "--campaign-people", "0", "--lease-seconds", "3"];
/// The first of the people who are written to.
const FIRST: u64 = 4_915_110_000_000;

pub(crate) fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// A small generator with a seed, so that a run can be repeated.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

/// A campaign under way, on one node or two.
struct Drill {
    simulator: Program,
    nodes: Vec<Option<Program>>,
    folders: Vec<TempDir>,
    database: Option<String>,
    recipients: u64,
}

impl Drill {
    async fn begin(nodes: usize, database: Option<String>, recipients: u64) -> Self {
        let simulator = Program::simulator(&["--seed", "11"]);
        let folders: Vec<_> = (0..nodes).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut drill = Self { simulator, nodes: Vec::new(), folders, database, recipients };
        let people =
            json!({ "from": FIRST.to_string(), "count": recipients, "behaviour": { "kind": "read" } });
        drill.simulator.json("POST", "/admin/people", &people.to_string()).await;
        for node in 0..nodes {
            let started = drill.start(node);
            drill.nodes.push(Some(started));
        }
        super::link(&drill.simulator, drill.node(0)).await;
        for side in ["to_server", "to_client"] {
            let chances = json!({ "drop": 0.01, "duplicate": 0.01, "reorder": 0.02 });
            let faults = json!({ "kind": "chances", "side": side, "chances": chances });
            drill.simulator.json("POST", "/admin/faults", &faults.to_string()).await;
        }
        drill.campaign().await;
        drill
    }

    fn start(&self, node: usize) -> Program {
        Program::node_with(&self.simulator, self.folders[node].path(), self.database.as_deref(), &OPTIONS)
    }

    fn node(&self, node: usize) -> &Program {
        self.nodes[node].as_ref().unwrap()
    }

    async fn campaign(&self) {
        let settings = json!({ "id": "spring", "settings": {
            "senders": ["me"], "newConversations": true, "canary": null,
            "content": { "category": "utility",
                "variables": { "name": { "type": "text", "missing": { "policy": "fail" } } },
                "variants": [{ "name": "a", "content": { "type": "text", "text": "Hello {{ name }}" } }] },
            "timing": { "schedule": { "type": "once", "at": 1 }, "quietHours": null }
        }});
        let node = self.node(0);
        node.json("POST", "/api/campaigns", &settings.to_string()).await;
        let mut file = "phone,name\n".to_owned();
        for n in 0..self.recipients {
            file.push_str(&format!("+{},Person {n}\n", FIRST + n));
        }
        let frozen = node.json("POST", &format!("/api/campaigns/spring/recipients?{CONSENT}"), &file).await;
        assert_eq!(frozen["recipients"], self.recipients, "{frozen}");
        node.json("POST", "/api/campaigns/spring/dry-run", "").await;
        node.json("POST", "/api/campaigns/spring/start", "").await;
    }

    /// How many were shown something, as the phones say.
    async fn shown(&self) -> BTreeMap<String, Vec<Value>> {
        let (status, text) = self.simulator.call("GET", "/admin/ledger", "").await;
        assert_eq!(status, 200);
        let mut shown = BTreeMap::<String, Vec<Value>>::new();
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let phone = entry["phone"].as_str().unwrap().to_owned();
            if phone.parse::<u64>().is_ok_and(|phone| (FIRST..FIRST + self.recipients).contains(&phone)) {
                shown.entry(phone).or_default().push(entry);
            }
        }
        shown
    }

    /// Waits until so many were shown something.
    async fn until_shown(&self, count: u64) {
        let mut last = (0, std::time::Instant::now());
        loop {
            let shown = self.shown().await.len() as u64;
            if shown >= count {
                return;
            }
            if shown > last.0 {
                last = (shown, std::time::Instant::now());
            }
            assert!(last.1.elapsed() < 2 * PATIENCE, "it stands still at {shown} of {count}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn judge(&self, kills: u64) {
        let node = self.node(0);
        let mut last = Value::Null;
        let started = std::time::Instant::now();
        while last["state"] != "finished" {
            last = node.get("/api/campaigns/spring/progress").await;
            assert!(started.elapsed() < 3 * PATIENCE, "{last}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let shown = self.shown().await;
        let lost = self.recipients - shown.len() as u64;
        let twice = shown.values().filter(|entries| entries.len() != 1 || entries[0]["shown"] != 1).count();
        let again: u64 = shown.values().flatten().map(|entry| entry["delivered"].as_u64().unwrap() - 1).sum();
        eprintln!(
            "{} recipients, {} kills: lost {lost}, shown twice {twice}; ciphertexts that came again under their id: {again}",
            self.recipients, kills
        );
        assert_eq!((lost, twice), (0, 0), "{last}");
        assert_eq!(last["counts"]["failed"], Value::Null, "{last}");
    }
}

/// Kills a node at `kills` random points, and starts it again.
async fn drill(nodes: usize, database: Option<String>, seed: u64) {
    let (kills, recipients) = (from_environment("KILLS", 6), from_environment("RECIPIENTS", 300));
    let mut drill = Drill::begin(nodes, database, recipients).await;
    let mut chance = Chance(seed);
    let mut points: Vec<u64> = (0..kills).map(|_| chance.below(recipients)).collect();
    points.sort_unstable();
    for point in points {
        drill.until_shown(point).await;
        let node = chance.below(nodes as u64) as usize;
        // A moment later, so that it may die anywhere and not only where a message has just been shown.
        tokio::time::sleep(std::time::Duration::from_micros(chance.below(20_000))).await;
        drill.nodes[node].take().unwrap().kill();
        let started = drill.start(node);
        drill.nodes[node] = Some(started);
    }
    drill.judge(kills).await;
    for node in drill.nodes.into_iter().flatten() {
        node.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    drill(1, None, 0x5117e).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    drill(1, Some(fresh_database("kills_one")), 0x9051).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_with_two_nodes() {
    drill(2, Some(fresh_database("kills_two")), 0x2_9051).await;
}
