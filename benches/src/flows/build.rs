//! What an editor waits for: W9, a long flow read, validated and compiled, and W10, bots of Typebot imported.
use std::{fs, hint::black_box, path::PathBuf, time::Instant};

use serde_json::{Value as Json, json};
use whatsapp_bots::{Compiled, Definition, import, validate};

use super::twins::{ask, bot};
use crate::storage::{
    Result,
    machine::{self, Cpu},
    table::{Table, median, or_none, quantile},
};

const ROUNDS: usize = 101;
const NODES: usize = 1_000;

/// As many nodes as a flow may have: texts with placeholders, questions, branches and assignments.
fn long() -> Json {
    let nodes = (0..NODES).map(|place| {
        let (id, to) = (format!("n{place}"), format!("n{}", (place + 1) % NODES));
        match place % 4 {
            0 => ask(&id, "How much is it, {{ contact.name }}?", &to),
            1 => json!({"id": id, "kind": "set", "config": {"values": [{"to": "total", "from": {"expr": format!("(total | default(0)) + {place}")}}]},
                        "exits": [{"id": "next", "to": to}]}),
            2 => json!({"id": id, "kind": "branch", "config": {"cases": [
                            {"id": "much", "when": {"test": {"path": "total", "is": "greater", "value": place}}},
                            {"id": "vip", "when": {"tag": "vip"}}]},
                        "exits": [{"id": "much", "to": to}, {"id": "vip", "to": to}, {"id": "else", "to": to}]}),
            _ => json!({"id": id, "kind": "say", "config": {"text": "{{ contact.name }}, that is {{ total }} of {{ n0 }}."}, "exits": [{"id": "next", "to": to}]}),
        }
    });
    let nodes: Vec<Json> = nodes.collect();
    bot("long", &json!([{"id": "long", "entry": "n0", "nodes": nodes}]))
}

pub(super) fn all() -> Result<Table> {
    let mut table = Table::new(&["build: what", "KiB", "p50 ms", "p99 ms", "most ms", "CPU s", "load"]);
    let text = long().to_string();
    let read = Definition::from_json(&text)?;
    Compiled::new(&read, 1)?;
    let length = text.len();
    table.lines.push(line("1,000 nodes: read from JSON", length, &mut || {
        drop(black_box(Definition::from_json(&text)))
    }));
    table.lines.push(line("1,000 nodes: validate", length, &mut || drop(black_box(validate(&read)))));
    table.lines.push(line("1,000 nodes: compile (and validate)", length, &mut || {
        drop(black_box(Compiled::new(&read, 1)))
    }));
    table.lines.push(line("W9: read and compile", length, &mut || {
        drop(black_box(Definition::from_json(&text).map(|read| Compiled::new(&read, 1))));
    }));
    match exports()? {
        None => table.notes.push(
            "W10 WAS NOT MEASURED: there are no exports of Typebot beside the workspace (../shared/conformance); BOTS_CONFORMANCE may \
             say where."
                .to_owned(),
        ),
        Some(exports) => {
            for export in &exports {
                import::typebot(export)?;
            }
            let length = exports.iter().map(String::len).sum();
            table.lines.push(line("W10: import all of Typebot", length, &mut || {
                exports.iter().for_each(|export| drop(black_box(import::typebot(export))));
            }));
            table.lines.push(line("the same, and validate each", length, &mut || {
                let imported = exports.iter().filter_map(|export| import::typebot(export).ok());
                imported.for_each(|imported| drop(black_box(validate(&imported.definition))));
            }));
            table.notes.push(format!("There are {} exports.", exports.len()));
        }
    }
    table.notes.push(format!("Medians of {ROUNDS} rounds each, one after the other."));
    Ok(table)
}

/// The exports that the conformance tests run, too; none where they are not.
fn exports() -> Result<Option<Vec<String>>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let folder = std::env::var_os("BOTS_CONFORMANCE").map_or_else(beside, PathBuf::from).join("typebot");
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok((!texts.is_empty()).then_some(texts))
}

fn line(name: &str, length: usize, work: &mut dyn FnMut()) -> Vec<String> {
    work();
    let (cpu, mut times) = (Cpu::now(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        work();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    vec![
        name.to_owned(),
        (length >> 10).to_string(),
        format!("{:.2}", median(&times)),
        format!("{:.2}", quantile(&times, 0.99)),
        format!("{:.2}", quantile(&times, 1.0)),
        format!("{:.2}", cpu.since().here),
        or_none(machine::load()),
    ]
}
