//! Texts: variables in them, and rich text as WhatsApp writes it.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Block, Import};
use crate::import::{Code, ImportError, draft::literal, list, names, required, text};

/// Names that do not occur twice.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn unique(&mut self, text: &str) -> String {
        let first = names::name(text);
        let mut made = first.clone();
        let mut number = 2_u32;
        while !self.0.insert(made.clone()) {
            made = format!("{first}_{number}");
            number += 1;
        }
        made
    }
}

/// The variables of a bot, with our names.
pub(super) struct Variables {
    by_id: BTreeMap<String, String>,
    by_name: BTreeMap<String, String>,
    /// Our names of those that something is appended to.
    lists: BTreeSet<String>,
}

impl Variables {
    pub(super) fn new(json: &Json) -> Result<Self, ImportError> {
        let (mut by_id, mut by_name) = (BTreeMap::new(), BTreeMap::new());
        let mut names = Names::default();
        for (place, variable) in list(json, "variables", "")?.iter().enumerate() {
            let path = format!("variables[{place}]");
            let (id, name) = (required(variable, "id", &path)?, required(variable, "name", &path)?);
            let ours = names.unique(name);
            by_id.insert(id.to_owned(), ours.clone());
            by_name.insert(name.trim().to_owned(), ours);
        }
        let mut lists = BTreeSet::new();
        for block in
            list(json, "groups", "")?.iter().filter_map(|group| group.get("blocks")?.as_array()).flatten()
        {
            let options = block.get("options").unwrap_or(&Json::Null);
            if text(options, "type") == "Append value(s)" {
                lists.extend(by_id.get(text(options, "variableId")).cloned());
            }
        }
        Ok(Self { by_id, by_name, lists })
    }

    /// By the id of a variable.
    pub(super) fn of(&self, id: &Json) -> Option<String> {
        self.by_id.get(id.as_str()?).cloned()
    }

    /// Is that one of ours a list?
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.lists.contains(name)
    }

    /// By its name, as it stands between braces.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.by_name.get(name.trim()).map(String::as_str)
    }
}

impl<'j> Import<'j, '_> {
    /// A text with our placeholders.
    pub(super) fn template(&mut self, source: &str, block: &Block<'j>) -> String {
        let mut out = String::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inside, behind)) = after.split_once("}}") else { break };
            literal(before, &mut out);
            match self.variables.named(inside) {
                Some(name) => out.push_str(&format!("{{{{ {name} }}}}")),
                None if inside.trim_start().starts_with('=') => {
                    let why = "code within a text was left out; set a variable and use that";
                    self.draft.note(Code::I103, &block.path, block.id, why);
                }
                None => {
                    let why = "a placeholder names no variable; nothing stands in its place";
                    self.draft.note(Code::I201, &block.path, block.id, why);
                }
            }
            rest = behind;
        }
        literal(rest, &mut out);
        out
    }

    /// The text of a text bubble.
    pub(super) fn rich(&mut self, bubble: &'j Json, block: &Block<'j>) -> String {
        let content = bubble.get("content").unwrap_or(&Json::Null);
        let source = match content.get("richText").and_then(Json::as_array) {
            Some(paragraphs) => {
                let lines: Vec<_> = paragraphs.iter().map(|paragraph| element(paragraph, 0)).collect();
                lines.join("\n")
            }
            None => text(content, "plainText").to_owned(),
        };
        self.template(source.trim_end(), block)
    }
}

/// One element of rich text. JSON is read to a depth of 128, so that this ends.
fn element(json: &Json, depth: usize) -> String {
    if let Some(leaf) = json.get("text").and_then(Json::as_str) {
        return marked(leaf, json);
    }
    let children = json.get("children").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let inside = |separator: &str, depth: usize| {
        children.iter().map(|child| element(child, depth)).collect::<Vec<_>>().join(separator)
    };
    match text(json, "type") {
        "ul" => items(children, depth, |_| "- ".to_owned()),
        "ol" => items(children, depth, |place| format!("{}. ", place + 1)),
        "a" => {
            let (words, url) = (inside("", depth), text(json, "url"));
            if words == url || url.is_empty() { words } else { format!("{words} ({url})") }
        }
        "li" => {
            // A list within the item stands on lines of its own.
            let parts = children.iter().map(|child| match text(child, "type") {
                "ul" | "ol" => format!("\n{}", element(child, depth + 1)),
                _ => element(child, depth),
            });
            parts.collect()
        }
        _ => inside("", depth),
    }
}

fn items(children: &[Json], depth: usize, mark: impl Fn(usize) -> String) -> String {
    let indent = "  ".repeat(depth.min(8));
    let lines = children
        .iter()
        .enumerate()
        .map(|(place, child)| format!("{indent}{}{}", mark(place), element(child, depth)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Words with WhatsApp's marks, which have to touch the words.
fn marked(words: &str, leaf: &Json) -> String {
    let inner = words.trim();
    let is = |key: &str| leaf.get(key).and_then(Json::as_bool).unwrap_or(false);
    let marks = [("bold", "*"), ("italic", "_"), ("strikethrough", "~"), ("code", "```")];
    let marks: Vec<_> = marks.iter().filter(|(key, _)| is(key)).map(|(_, mark)| *mark).collect();
    if inner.is_empty() || marks.is_empty() {
        return words.to_owned();
    }
    let (before, after) =
        (&words[..words.len() - words.trim_start().len()], &words[words.trim_end().len()..]);
    let (open, close): (String, String) = (marks.concat(), marks.iter().rev().copied().collect());
    format!("{before}{open}{inner}{close}{after}")
}
