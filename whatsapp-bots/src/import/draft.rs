//! The bot as far as it is imported.
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Code, Finding, ImportError, MAX_STEPS, Report};
use crate::{
    definition::{Exit, Node},
    nodes::Kind,
};
#[cfg(feature = "import-typebot")]
use crate::{
    definition::{Source, Text, Unknown},
    nodes::{Assignment, Say, Set},
};

/// Nodes of one flow, and the report.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) nodes: Vec<Node>,
    pub(super) report: Report,
    seen: BTreeSet<String>,
}

impl Draft {
    /// One more step of the document; its id has to be new.
    pub(super) fn step(&mut self, id: &str, path: &str) -> Result<(), ImportError> {
        self.report.steps += 1;
        if self.report.steps > MAX_STEPS {
            return Err(ImportError::TooLarge { path: path.to_owned(), limit: MAX_STEPS, what: "steps" });
        }
        if self.seen.insert(id.to_owned()) {
            Ok(())
        } else {
            Err(ImportError::Duplicate { path: path.to_owned() })
        }
    }

    pub(super) fn push(&mut self, id: impl Into<String>, kind: Kind, exits: Vec<Exit>) {
        self.nodes.push(Node { id: id.into(), label: None, kind, exits });
    }

    pub(super) fn note(&mut self, code: Code, path: &str, node: &str, message: impl Into<String>) {
        let (path, node) = (path.to_owned(), node.to_owned());
        let finding = Finding { code, path, node, message: message.into() };
        // One text may have the same trouble several times.
        if self.report.findings.last() != Some(&finding) {
            self.report.findings.push(finding);
        }
    }
}

#[cfg(feature = "import-typebot")]
impl Draft {
    /// A node that needs attention, with the original settings.
    pub(super) fn attention(&mut self, id: &str, kind: String, config: &Json, next: Option<String>) {
        self.push(id, Kind::Unknown(Unknown { kind, config: config.clone() }), vec![exit("next", next)]);
    }

    pub(super) fn say(&mut self, id: &str, text: Text, next: Option<String>) {
        self.push(id, Kind::Say(Say { text: Some(text), content: None }), vec![exit("next", next)]);
    }

    pub(super) fn set(&mut self, id: &str, to: &str, from: Source, next: Option<String>) {
        let values = vec![Assignment { to: to.to_owned(), from }];
        self.push(id, Kind::Set(Set { values }), vec![exit("next", next)]);
    }
}

pub(super) fn exit(id: impl Into<String>, to: Option<String>) -> Exit {
    Exit { id: id.into(), label: None, to }
}

/// What stays with a bot about where it comes from.
pub(super) fn origin(program: &str, version: &str) -> Json {
    json!({"imported": {"from": program, "version": version}})
}

/// The text as an expression.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            _ => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A text of the author, such that nothing in it is a placeholder.
pub(super) fn literal(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(place) = rest.find('{') {
        let (before, after) = rest.split_at(place);
        out.push_str(before);
        match after.as_bytes().get(1) {
            Some(b'{' | b'%' | b'#') => {
                out.push_str(&format!("{{{{ '{}' }}}}", &after[..2]));
                rest = &after[2..];
            }
            // At the end of the text, the next piece may begin with a brace.
            None => {
                out.push_str("{{ '{' }}");
                rest = &after[1..];
            }
            _ => {
                out.push('{');
                rest = &after[1..];
            }
        }
    }
    out.push_str(rest);
}
