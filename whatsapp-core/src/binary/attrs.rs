//! Reading attributes as a list of fields, with one check at the end.
use compact_str::CompactString;

use super::{NodeRef, Value};
use crate::jid::Jid;

/// Reads attributes of one element; what is missing or malformed is collected and told by [`finish`].
///
/// [`finish`]: AttrReader::finish
#[derive(Debug)]
pub struct AttrReader<'a> {
    node: NodeRef<'a>,
    problems: Vec<String>,
}

/// Attributes that are missing or malformed, each named with its element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("<{tag}>: {}", problems.join(", "))]
pub struct AttrError {
    /// The element's name.
    pub tag: CompactString,
    /// One line per attribute, without its value.
    pub problems: Vec<String>,
}

impl<'a> AttrReader<'a> {
    pub(super) fn new(node: NodeRef<'a>) -> Self {
        Self { node, problems: Vec::new() }
    }

    /// A required text; empty and noted when absent.
    pub fn text(&mut self, key: &str) -> CompactString {
        self.required(key, Self::text_of).unwrap_or_default()
    }

    /// A required address; [`Jid::SERVICE`] and noted when absent.
    pub fn jid(&mut self, key: &str) -> Jid {
        self.required(key, Value::to_jid).unwrap_or(Jid::SERVICE)
    }

    /// A required number; 0 and noted when absent.
    pub fn u64(&mut self, key: &str) -> u64 {
        self.required(key, Self::number_of).unwrap_or_default()
    }

    /// An optional text.
    pub fn opt_text(&mut self, key: &str) -> Option<CompactString> {
        self.optional(key, Self::text_of)
    }

    /// An optional address; noted when there but no address.
    pub fn opt_jid(&mut self, key: &str) -> Option<Jid> {
        self.optional(key, Value::to_jid)
    }

    /// An optional number; noted when there but no number.
    pub fn opt_u64(&mut self, key: &str) -> Option<u64> {
        self.optional(key, Self::number_of)
    }

    /// All that went wrong.
    ///
    /// # Errors
    /// When any attribute read so far was missing or malformed.
    pub fn finish(self) -> Result<(), AttrError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(AttrError { tag: self.node.tag().into(), problems: self.problems })
    }

    fn required<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        if self.node.attr(key).is_none() {
            self.problems.push(format!("{key} is missing"));
            return None;
        }
        self.optional(key, read)
    }

    fn optional<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.node.attr(key)?;
        let read = read(value);
        if read.is_none() {
            self.problems.push(format!("{key} is malformed"));
        }
        read
    }

    fn text_of(value: &Value) -> Option<CompactString> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Jid(jid) => Some(compact_str::format_compact!("{jid}")),
        }
    }

    fn number_of(value: &Value) -> Option<u64> {
        value.as_text()?.parse().ok()
    }
}
