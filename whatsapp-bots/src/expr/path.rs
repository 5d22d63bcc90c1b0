//! Paths: `name`, `contact.fields.city`, `order.items[0].price`.
use serde_json::Value as Json;

/// Where a value is, with its first name as it is found at run time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) keys: Box<[Key]>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A variable, by the number of its name.
    Var(u16),
    Contact,
    Input,
    Now,
    Today,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Name(Box<str>),
    Index(usize),
}

/// A path as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written<'a> {
    pub(crate) root: &'a str,
    pub(crate) keys: Vec<Key>,
}

impl Root {
    /// The root of a name that is no variable.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "contact" => Self::Contact,
            "input" => Self::Input,
            "now" => Self::Now,
            "today" => Self::Today,
            _ => return None,
        })
    }
}

impl<'a> Written<'a> {
    /// Of a text that is a path and nothing else.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (root, mut rest) = text.split_at(word(text));
        if !is_name(root) {
            return None;
        }
        let mut keys = Vec::new();
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (index, after) = inside.split_once(']')?;
                keys.push(Key::Index(index.trim().parse().ok()?));
                rest = after;
            } else {
                let inside = rest.strip_prefix('.')?;
                let (name, after) = inside.split_at(word(inside));
                let key = name.parse().map_or_else(|_| Key::Name(name.into()), Key::Index);
                if matches!(&key, Key::Name(name) if !is_name(name)) {
                    return None;
                }
                keys.push(key);
                rest = after;
            }
        }
        Some(Self { root, keys })
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Words that the template language keeps for itself.
const RESERVED: [&str; 14] =
    ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "for"];

/// Can it be the name of a variable?
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word(name) == name.len()
        && !RESERVED.contains(&name)
}

/// What stands in a value behind some keys.
pub(crate) fn descend<'v>(mut value: &'v Json, keys: &[Key]) -> Option<&'v Json> {
    for key in keys {
        value = match (key, value) {
            (Key::Name(name), Json::Object(items)) => items.get(&**name)?,
            (Key::Index(index), Json::Array(items)) => items.get(*index)?,
            (Key::Index(index), Json::Object(items)) => items.get(&index.to_string())?,
            _ => return None,
        };
    }
    Some(value)
}
