//! Bots of templates: all are read, what is not carried over is reported, and those that can run a chat.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use whatsapp_bots::{
    Body, Compiled, Contact, Definition, Effect, Input, Message, Outcome, Trouble,
    import::{self, Imported},
    nodes::{Assignment, Kind, Set},
    tester::{Tester, Turn},
};

use super::{
    compare::word,
    run::without_unknown,
    scripts::{Does, OUT_OF_SCOPE, SCRIPTS, Script},
};

/// Bots that pass; this may only rise.
const FLOOR: usize = 13;
/// When chats begin, milliseconds since the Unix epoch.
const NOW: i64 = 1_795_424_400_000;
/// What a model answers.
const ANSWER: &str = "An answer";

pub(crate) fn all(folder: &Path) -> Result<(), String> {
    let (mut read, mut passed, mut failed, mut outside) = (0, 0, 0, 0);
    for path in bots(folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let document = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let result = reported(&document).and_then(|imported| {
            read += 1;
            match SCRIPTS.iter().find(|script| script.bot == name) {
                Some(script) => chat(&imported, &document, script).map(|()| None),
                None => OUT_OF_SCOPE
                    .iter()
                    .find(|(bot, _)| *bot == name)
                    .map(|(_, why)| Some(*why))
                    .ok_or_else(|| "no chat is written for it".to_owned()),
            }
        });
        match result {
            Ok(None) => {
                passed += 1;
                println!("typebot {name}: passed");
            }
            Ok(Some(why)) => {
                outside += 1;
                println!("typebot {name}: read and reported; running it is out of scope: {why}");
            }
            Err(why) => {
                failed += 1;
                println!("typebot {name}: FAILED: {why}");
            }
        }
    }
    println!("typebot: {read} read and reported; {passed} passed, {failed} failed, {outside} out of scope");
    if failed > 0 || passed < FLOOR {
        return Err(format!("{failed} failed, {passed} passed of at least {FLOOR}"));
    }
    Ok(())
}

fn bots(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    if paths.is_empty() { Err("no bots".to_owned()) } else { Ok(paths) }
}

/// Imports a bot, and sees to it that each block is a node, or a part of one, and that what needs attention is reported.
fn reported(document: &str) -> Result<Imported, String> {
    let imported = import::typebot(document).map_err(|error| error.to_string())?;
    let json: Json = serde_json::from_str(document).map_err(|error| error.to_string())?;
    let nodes = &imported.definition.flows[0].nodes;
    let ids: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    let mut blocks = 0;
    for group in json["groups"].as_array().into_iter().flatten() {
        let group = group["blocks"].as_array().map_or(&[][..], Vec::as_slice);
        for (place, block) in group.iter().enumerate() {
            blocks += 1;
            let next = group.get(place + 1).map_or("", |block| word(block, "type"));
            let joins = word(block, "type") == "text" && next.ends_with(" input");
            if !joins && !ids.contains(word(block, "id")) {
                return Err(format!("the block {} is lost", word(block, "id")));
            }
        }
    }
    if imported.report.steps != blocks {
        return Err(format!("{} steps reported, {blocks} there", imported.report.steps));
    }
    let reported = |id: &str| {
        imported.report.findings.iter().any(|finding| finding.node == id && finding.code.needs_attention())
    };
    let silent = nodes.iter().find(|node| matches!(node.kind, Kind::Unknown(_)) && !reported(&node.id));
    match silent {
        Some(node) => Err(format!("nothing is reported of {}", node.id)),
        None => Ok(imported),
    }
}

fn chat(imported: &Imported, document: &str, script: &Script) -> Result<(), String> {
    let mut definition = imported.definition.clone();
    answer_for_models(&mut definition, document);
    let left_out = without_unknown(&mut definition);
    let listed: BTreeSet<&str> = script.without.iter().copied().collect();
    let models = ["typebot:openai", "typebot:OpenAI"];
    let needed: Vec<_> = listed.iter().filter(|kind| !models.contains(kind)).copied().collect();
    if left_out != needed {
        return Err(format!("needs attention: {left_out:?}, listed: {needed:?}"));
    }
    if let Some(group) = script.enters {
        definition.flows[0].entry = first_of(document, &definition, group).ok_or("there is no such group")?;
    }
    let bot = Compiled::new(&definition, 1).map_err(|findings| findings.to_string())?;
    let contact = Contact { phone: "+15550100".to_owned(), ..Contact::default() };
    let mut tester = Tester::new(&bot, contact, 1, NOW);
    let mut last: Option<Turn> = None;
    let mut has_value = script.variable.is_none();
    for (place, (does, count)) in script.lines.iter().enumerate() {
        let turn = match does {
            Does::Gets(body) => tester.answer(Outcome::Answered { status: 200, body: (*body).to_owned() }),
            does => {
                let message = message(*does, last.as_ref());
                let message = message.ok_or_else(|| format!("line {}: nothing to {does:?}", place + 1))?;
                tester.hear(&Input::Message(message))
            }
        };
        if turn.said.len() != *count {
            return Err(format!(
                "line {}, {does:?}: {} messages, expected {count}",
                place + 1,
                turn.said.len()
            ));
        }
        if let Some(code) = trouble(&turn) {
            return Err(format!("line {}, {does:?}: {code}", place + 1));
        }
        if let Some((name, value)) = script.variable {
            let found = &turn.variables[name];
            has_value |= found.as_str().map_or_else(|| found.to_string(), str::to_owned) == value;
        }
        last = Some(turn);
    }
    let status = last.map_or("fresh", |turn| turn.status);
    if status != script.status {
        return Err(format!("{status} at last, expected {}", script.status));
    }
    if has_value { Ok(()) } else { Err(format!("no such value: {:?}", script.variable)) }
}

/// The node that a group begins with: that of its first block which is one.
fn first_of(document: &str, definition: &Definition, group: usize) -> Option<String> {
    let json: Json = serde_json::from_str(document).ok()?;
    let blocks = json["groups"][group]["blocks"].as_array()?;
    let known = |block: &&Json| definition.flows[0].nodes.iter().any(|node| node.id == word(block, "id"));
    blocks.iter().find(known).map(|block| word(block, "id").to_owned())
}

/// What went wrong; a variable without a value is not among it, since bots ask for some that they do not set.
fn trouble(turn: &Turn) -> Option<String> {
    turn.effects.iter().find_map(|effect| match effect {
        Effect::Log { code, .. } if *code != Trouble::Missing => Some(code.to_string()),
        _ => None,
    })
}

fn message(does: Does, last: Option<&Turn>) -> Option<Message> {
    let menu = || {
        last?.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send { menu, content, .. } => {
                Some((menu.as_ref(), content.as_text().unwrap_or_default()))
            }
            _ => None,
        })
    };
    match does {
        Does::Says(text) => Some(Message::text(text)),
        Does::Gets(_) => None,
        // More than ten are shown as numbers alone.
        Does::Picks(place) => match menu()?.0 {
            None => Some(Message::text(place.to_string())),
            Some(menu) => {
                let choice = menu.options.get(place - 1)?;
                let body = Body::List { row: choice.id.clone() };
                Some(Message { text: choice.title.clone(), body, ..Message::default() })
            }
        },
    }
}

/// Models are not asked: their steps set what they would have answered.
fn answer_for_models(definition: &mut Definition, document: &str) {
    let json: Json = serde_json::from_str(document).unwrap_or_default();
    let name = |id: &str| {
        let mut variables = json["variables"].as_array().into_iter().flatten();
        let found = variables.find(|variable| word(variable, "id") == id)?;
        Some(word(found, "name").to_lowercase().replace(' ', "_"))
    };
    for node in definition.flows.iter_mut().flat_map(|flow| &mut flow.nodes) {
        let Kind::Unknown(unknown) = &node.kind else { continue };
        if !unknown.kind.eq_ignore_ascii_case("typebot:openai") {
            continue;
        }
        let mapping = unknown.config["options"]["responseMapping"].as_array().into_iter().flatten();
        let names = mapping.filter_map(|item| name(word(item, "variableId")));
        let values = names.map(|to| {
            let from = whatsapp_bots::definition::Source::Value(Json::from(ANSWER));
            Assignment { to, from }
        });
        node.kind = Kind::Set(Set { values: values.collect() });
    }
}
