//! What people can say: triggers that get in each other's way, and words that are missing.
use std::collections::HashMap;

use crate::{
    definition::{CommandKind, Definition, On, OnError, Trigger},
    finding::{Code, Finding},
    fold,
    nodes::Kind,
};

pub(super) fn check(definition: &Definition, findings: &mut Vec<Finding>) {
    ties(definition, findings);
    shadows(definition, findings);
    commands(definition, findings);
}

fn ties(definition: &Definition, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<(i32, bool, String), &str> = HashMap::new();
    for trigger in &definition.triggers {
        for about in trigger.on.subjects() {
            let key = (trigger.priority, trigger.when.is_some(), about);
            match seen.get(&key) {
                Some(other) if *other != trigger.id => {
                    let message = format!(
                        "it is about the same as `{other}`, with the same priority; the id that comes first wins: give one a \
                         higher priority"
                    );
                    findings.push(Finding::new(Code::W106, format!("triggers/{}", trigger.id), message));
                }
                Some(_) => {}
                None => drop(seen.insert(key, &trigger.id)),
            }
        }
    }
}

fn shadows(definition: &Definition, findings: &mut Vec<Finding>) {
    let catches_all = |trigger: &&Trigger| trigger.on == On::AnyMessage && trigger.when.is_none();
    let Some(all) = definition.triggers.iter().filter(catches_all).max_by_key(|trigger| trigger.priority)
    else {
        return;
    };
    for trigger in &definition.triggers {
        if trigger.priority < all.priority && !trigger.on.is_unasked() {
            let message = format!(
                "`{}` is for any message and has a higher priority; this one never gets its turn",
                all.id
            );
            findings.push(Finding::new(Code::W107, format!("triggers/{}", trigger.id), message));
        }
    }
}

fn commands(definition: &Definition, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for command in &definition.commands {
        for word in command.words.each().flat_map(|(_, words)| words) {
            let other = seen.entry(fold::words(word)).or_insert(&command.id);
            if *other != command.id {
                let message = format!("one of its words is also one of `{other}`, which comes first");
                findings.push(Finding::new(Code::E012, format!("commands/{}/words", command.id), message));
            }
        }
    }
    let does = |is: fn(&CommandKind) -> bool| definition.commands.iter().any(|command| is(&command.does));
    if !does(|does| *does == CommandKind::Stop) {
        let message = "there is no word to stop it; add a command that does `stop`";
        findings.push(Finding::new(Code::W109, "commands", message));
    }
    let hands_off = definition
        .flows
        .iter()
        .flat_map(|flow| &flow.nodes)
        .any(|node| matches!(node.kind, Kind::Handoff(_)));
    if !hands_off
        && !does(|does| matches!(does, CommandKind::Human(_)))
        && !matches!(definition.on_error, OnError::Handoff(_))
    {
        let message = "there is no way to a person; add a hand-off, or a command that does `human`";
        findings.push(Finding::new(Code::W108, "commands", message));
    }
}
