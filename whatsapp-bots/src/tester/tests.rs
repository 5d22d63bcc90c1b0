//! Chats that are stored as JSON: `testdata/transcripts/BOT.WHAT.json` with the bot `testdata/bots/BOT.json`.
use std::{collections::BTreeSet, fs, path::Path};

use super::*;
use crate::{Definition, nodes::Kind};

fn testdata(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn bot(name: &str) -> (Definition, Compiled) {
    let json = fs::read_to_string(testdata(&format!("bots/{name}.json"))).unwrap();
    let definition = Definition::from_json(&json).unwrap();
    let compiled = Compiled::new(&definition, 1).unwrap_or_else(|findings| panic!("{name}: {findings}"));
    (definition, compiled)
}

#[test]
fn every_transcript_goes_as_it_says() {
    let mut files: Vec<_> =
        fs::read_dir(testdata("transcripts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5);
    let (mut covered, mut bytes) = (BTreeSet::new(), Vec::new());
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (_, bot) = bot(name.split('.').next().unwrap());
        let transcript: Transcript = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let report = transcript.run(&bot);
        let differences = serde_json::to_string_pretty(&report.differences).unwrap();
        assert!(report.differences.is_empty(), "{name}: {differences}");
        assert_eq!(report, transcript.run(&bot), "{name}: the same chat went otherwise");
        bytes.extend(report.turns.iter().filter(|turn| turn.status != "done").map(|turn| turn.bytes));
        covered.extend(report.covered);
    }
    bytes.sort_unstable();
    let (median, most) = (bytes[bytes.len() / 2], bytes[bytes.len() - 1]);
    println!("state of a live conversation: median {median} bytes, at most {most}");
    assert!(median <= 512);
    let mut kinds = BTreeSet::new();
    for (definition, _) in ["order", "slots", "survey"].map(bot) {
        for (flow, node) in
            definition.flows.iter().flat_map(|flow| flow.nodes.iter().map(move |node| (flow, node)))
        {
            kinds.insert(node.kind.name().to_owned());
            let path = format!("{}/{}", flow.id, node.id);
            assert!(covered.contains(&path), "no transcript comes by {path}");
        }
    }
    assert_eq!(kinds.len(), Kind::NAMES.len(), "no transcript comes by some kinds of node");
}

#[test]
fn a_transcript_that_goes_otherwise_says_where() {
    let (_, bot) = bot("order");
    let lines = r#"{"lines": [{"start": {}}, {"expect": "Hi"}, {"check": {"status": "done", "effects": ["tag x"]}}]}"#;
    let transcript: Transcript = serde_json::from_str(lines).unwrap();
    let lines: Vec<_> = transcript.run(&bot).differences.iter().map(|difference| difference.line).collect();
    assert_eq!(lines, [2, 3, 3, 4]);
}
