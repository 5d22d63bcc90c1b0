//! Each kind of node and of trigger has its golden cases: `testdata/kinds/nodes/KIND.json` and `testdata/kinds/triggers/KIND.json`, lists
//! of what happens and what is said. A kind without any, and a file without a kind, fail.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value as Json, json};
use whatsapp_bots::{Compiled, Definition, definition::On, nodes::Kind, tester::Transcript};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/kinds").join(name)
}

fn cases(of: &str, kind: &str) -> Vec<Json> {
    let path = folder(of).join(format!("{kind}.json"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|_| panic!("`{kind}` has no golden cases: write {path:?}"));
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    assert!(!cases.is_empty(), "{path:?} has no case");
    cases
}

/// No file is left of a kind that is not there any more.
fn files_are(of: &str, kinds: &[&str]) {
    let stem = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let files: BTreeSet<_> = fs::read_dir(folder(of)).unwrap().map(stem).collect();
    let kinds: BTreeSet<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(files, kinds);
}

/// Replays the lines of a case with a bot; what went otherwise.
fn replay(kind: &str, case: &Json, bot: &Json) -> Option<String> {
    let name = case["name"].as_str().unwrap_or_default();
    let done = || -> Result<(), String> {
        let definition = Definition::from_json(&bot.to_string()).map_err(|error| error.to_string())?;
        let compiled = Compiled::new(&definition, 1).map_err(|findings| findings.to_string())?;
        let transcript = json!({ "name": name, "contact": { "name": "Ada" }, "lines": case["lines"] });
        let transcript: Transcript = serde_json::from_value(transcript).map_err(|error| error.to_string())?;
        let report = transcript.run(&compiled);
        if report.differences.is_empty() { Ok(()) } else { Err(format!("{:?}", report.differences)) }
    };
    done().err().map(|why| format!("{kind}, {name}: {why}"))
}

fn say(id: &str, text: &str) -> Json {
    json!({ "id": id, "kind": "say", "config": { "text": text }, "exits": [{ "id": "next" }] })
}

/// The node, behind one that sets variables if the case has any. Each of its exits says its name, and the variables stay to be looked at.
fn bot_with_node(kind: &str, case: &Json) -> Json {
    let exits: Vec<&str> =
        case["exits"].as_array().into_iter().flatten().map(|exit| exit.as_str().unwrap()).collect();
    let to = |exit: &&str| json!({ "id": exit, "to": format!("to-{exit}") });
    let mut nodes = vec![json!({
        "id": "node", "kind": kind, "config": case["config"], "exits": exits.iter().map(to).collect::<Vec<_>>()
    })];
    for exit in &exits {
        let mut says = say(&format!("to-{exit}"), &format!("exit {exit}"));
        says["exits"] = json!([{ "id": "next", "to": "stay" }]);
        nodes.push(says);
    }
    let stay = json!([{ "id": "event" }]);
    nodes.push(json!({ "id": "stay", "kind": "wait", "config": { "event": "never" }, "exits": stay }));
    let vars = case["vars"].as_object();
    if let Some(vars) = vars {
        let set = |(to, value): (&String, &Json)| json!({ "to": to, "from": { "value": value } });
        let values: Vec<Json> = vars.iter().map(set).collect();
        let exits = json!([{ "id": "next", "to": "node" }]);
        nodes.push(json!({ "id": "vars", "kind": "set", "config": { "values": values }, "exits": exits }));
    }
    let entry = if vars.is_some() { "vars" } else { "node" };
    let mut flows = vec![json!({ "id": "f", "entry": entry, "nodes": nodes, "interrupt": "all" })];
    flows.extend(case["flows"].as_array().into_iter().flatten().cloned());
    json!({
        "format": 1, "bot": { "id": "b", "language": "en" }, "flows": flows,
        "triggers": [{ "id": "t", "on": { "keyword": { "words": ["hi"] } }, "flow": "f" }]
    })
}

#[test]
fn each_kind_of_node_does_what_its_cases_say() {
    files_are("nodes", Kind::NAMES);
    let mut wrong = Vec::new();
    for kind in Kind::NAMES {
        for case in cases("nodes", kind) {
            wrong.extend(replay(kind, &case, &bot_with_node(kind, &case)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_kind_of_trigger_hears_what_its_cases_say() {
    files_are("triggers", On::NAMES);
    let mut wrong = Vec::new();
    for kind in On::NAMES {
        for case in cases("triggers", kind) {
            let on: On = serde_json::from_value(case["on"].clone()).unwrap();
            assert_eq!(on.name(), *kind);
            let mut trigger = json!({ "id": "t", "on": case["on"], "flow": "f" });
            if let Some(scope) = case.get("scope") {
                trigger["scope"] = scope.clone();
            }
            let bot = json!({
                "format": 1, "bot": { "id": "b", "language": "en" },
                "flows": [{ "id": "f", "entry": "n", "nodes": [say("n", "started")] }], "triggers": [trigger]
            });
            wrong.extend(replay(kind, &case, &bot));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
