//! What happened, as lines that can be compared: no ids, no times.
use std::collections::BTreeMap;

use serde_json::Value as Json;

/// One turn, as theirs and as ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sprint {
    /// Messages, results, changes of the contact, requests, tickets and waits: kind and content.
    pub events: Vec<(String, String)>,
    /// Flows that began and ended.
    pub runs: Vec<String>,
    /// From node to node: flow, node, next node.
    pub segments: Vec<String>,
}

/// Kinds of their events that say nothing of what the flow does.
const SILENT: [&str; 4] = ["warning", "error", "run_started", "run_ended"];

/// A turn as their case expects it.
///
/// Their segments name the node that was run last, which after a call is one of the flow that was called; the exit tells
/// the one that is meant.
pub(crate) fn expected(output: &Json, exits: &BTreeMap<String, String>) -> Sprint {
    let mut sprint = Sprint::default();
    for event in output["events"].as_array().into_iter().flatten() {
        let kind = word(event, "type");
        match kind {
            "run_started" => sprint.runs.push(format!("started {}", word(&event["flow"], "uuid"))),
            "run_ended" => {
                sprint.runs.push(format!("ended {} {}", word(&event["flow"], "uuid"), word(event, "status")));
            }
            _ if SILENT.contains(&kind) => {}
            _ => lines(kind, event, &mut sprint.events),
        }
    }
    for segment in output["segments"].as_array().into_iter().flatten() {
        let [flow, exit, to] = ["flow_uuid", "exit_uuid", "destination_uuid"].map(|key| word(segment, key));
        if let Some(node) = exits.get(exit).filter(|_| !to.is_empty()) {
            sprint.segments.push(format!("{flow} {node} {to}"));
        }
    }
    sprint
}

fn lines(kind: &str, event: &Json, lines: &mut Vec<(String, String)>) {
    let mut push = |kind: &str, line: String| lines.push((kind.to_owned(), line));
    match kind {
        "msg_created" => {
            let msg = &event["msg"];
            for attachment in msg["attachments"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                push("message", attachment.split_once(':').map_or(attachment, |(_, url)| url).to_owned());
            }
            let replies = msg["quick_replies"].as_array().into_iter().flatten();
            let replies: Vec<_> =
                replies.map(|reply| reply.as_str().unwrap_or_else(|| word(reply, "text"))).collect();
            push("message", with_buttons(word(msg, "text"), &replies));
        }
        "run_result_changed" => {
            push("result", ["name", "value", "category"].map(|key| word(event, key)).join(" | "));
        }
        "contact_name_changed" => push("field", format!("name {}", word(event, "name"))),
        "contact_language_changed" => {
            push("field", format!("language {}", language(word(event, "language"))))
        }
        "contact_field_changed" => {
            push("field", format!("{} {}", word(&event["field"], "key"), word(&event["value"], "text")));
        }
        "contact_status_changed" => push("status", word(event, "status").to_owned()),
        "contact_groups_changed" => {
            for (key, sign) in [("groups_added", "+"), ("groups_removed", "-")] {
                for group in event[key].as_array().into_iter().flatten() {
                    push("tag", format!("{sign}{}", word(group, "name")));
                }
            }
        }
        "webhook_called" => push("request", format!("{} {}", word(event, "url"), event["status_code"])),
        "ticket_opened" => push("ticket", word(&event["ticket"]["topic"], "name").to_owned()),
        "ticket_note_added" => push("note", word(event, "note").to_owned()),
        "msg_wait" => push("wait", wait(event["timeout_seconds"].is_number())),
        // One that nothing of ours can be: the case has to name it.
        other => push(other, String::new()),
    }
}

pub(crate) fn with_buttons(text: &str, buttons: &[&str]) -> String {
    let buttons: Vec<_> = buttons.iter().map(|button| format!(" [{button}]")).collect();
    format!("{text}{}", buttons.concat())
}

pub(crate) fn wait(has_timeout: bool) -> String {
    if has_timeout { "with a timeout" } else { "without a timeout" }.to_owned()
}

pub(crate) fn word<'j>(json: &'j Json, key: &str) -> &'j str {
    json[key].as_str().unwrap_or_default()
}

/// Our code of a language.
pub(crate) fn language(code: &str) -> &str {
    let codes: BTreeMap<_, _> = [("eng", "en"), ("fra", "fr"), ("spa", "es"), ("por", "pt")].into();
    codes.get(code).copied().unwrap_or(code)
}

/// The node of each exit.
pub(crate) fn exits(document: &Json) -> BTreeMap<String, String> {
    let list = |json: &Json, key: &str| json[key].as_array().cloned().unwrap_or_default();
    let nodes = list(document, "flows").into_iter().flat_map(|flow| list(&flow, "nodes"));
    nodes
        .flat_map(|node| {
            let id = word(&node, "uuid").to_owned();
            list(&node, "exits").into_iter().map(move |exit| (word(&exit, "uuid").to_owned(), id.clone()))
        })
        .collect()
}
