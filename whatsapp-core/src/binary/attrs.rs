//! Reading attributes as a list of fields, with one check at the end.
use std::str::FromStr;

use bytes::Bytes;
use compact_str::CompactString;

use super::{NodeRef, Value};
use crate::{jid::Jid, time::Timestamp};

/// Reads attributes of one element; missing or malformed ones are collected and reported by [`finish`].
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
        self.required(key, Self::parsed).unwrap_or_default()
    }

    /// A required number of 32 bits; 0 and noted when absent.
    pub fn u32(&mut self, key: &str) -> u32 {
        self.required(key, Self::parsed).unwrap_or_default()
    }

    /// A required point in time, written in seconds since the Unix epoch; the epoch and noted when absent.
    pub fn time(&mut self, key: &str) -> Timestamp {
        self.required(key, Self::time_of).unwrap_or_default()
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
        self.optional(key, Self::parsed)
    }

    /// An optional number of 32 bits; noted when there but no such number.
    pub fn opt_u32(&mut self, key: &str) -> Option<u32> {
        self.optional(key, Self::parsed)
    }

    /// An optional point in time, written in seconds; noted when there but no number.
    pub fn opt_time(&mut self, key: &str) -> Option<Timestamp> {
        self.optional(key, Self::time_of)
    }

    /// An optional value of a type that parses from text; noted when there but not parsed.
    pub fn opt_parsed<T: FromStr>(&mut self, key: &str) -> Option<T> {
        self.optional(key, Self::parsed)
    }

    /// A switch: `true` and `1` are on; `false`, `0` and an absent attribute are off; any other value is off and noted.
    pub fn flag(&mut self, key: &str) -> bool {
        let read = |value: &Value| match value.as_text()? {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.optional(key, read).unwrap_or_default()
    }

    /// A required child element; noted when absent.
    pub fn child(&mut self, tag: &str) -> Option<NodeRef<'a>> {
        let child = self.node.child(tag);
        if child.is_none() {
            self.note(format!("<{tag}> is missing"));
        }
        child
    }

    /// The bytes of a required child element; empty and noted when there are none.
    pub fn child_bytes(&mut self, tag: &str) -> Bytes {
        let bytes = self.node.child_bytes(tag);
        if bytes.is_none() {
            self.note(format!("<{tag}> with bytes is missing"));
        }
        bytes.cloned().unwrap_or_default()
    }

    /// Notes another error; the text should not quote what was received.
    pub fn note(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The element that is read.
    pub fn node(&self) -> NodeRef<'a> {
        self.node
    }

    /// All errors.
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

    fn parsed<T: FromStr>(value: &Value) -> Option<T> {
        value.as_text()?.parse().ok()
    }

    fn time_of(value: &Value) -> Option<Timestamp> {
        Self::parsed(value).map(Timestamp::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::{Node, Stanza};

    #[test]
    fn attributes_are_read() {
        let node = Node::new("message")
            .attr("from", Jid::pn("1234").with_device(2))
            .attr("to", "5678@lid")
            .attr("id", "ABC")
            .attr("t", 1_700_000_000u64)
            .attr("count", 7u32)
            .attr("offline", "1")
            .attr("last", "false")
            .child(Node::new("registration").bytes(vec![1, 2]));
        let stanza = Stanza::from(&node);
        let mut reader = stanza.root().reader();
        assert_eq!(reader.jid("from"), Jid::pn("1234").with_device(2));
        assert_eq!(reader.text("from"), "1234:2@s.whatsapp.net");
        assert_eq!(reader.jid("to"), Jid::lid("5678"));
        assert_eq!(reader.text("id"), "ABC");
        assert_eq!(reader.time("t"), Timestamp::from_secs(1_700_000_000));
        assert_eq!((reader.u64("count"), reader.u32("count"), reader.opt_u32("count")), (7, 7, Some(7)));
        assert_eq!(reader.opt_parsed::<i8>("count"), Some(7));
        assert!(reader.flag("offline") && !reader.flag("last") && !reader.flag("absent"));
        assert_eq!((reader.opt_text("absent"), reader.opt_jid("absent")), (None, None));
        assert_eq!((reader.opt_u64("absent"), reader.opt_time("absent")), (None, None));
        assert_eq!(reader.child_bytes("registration"), vec![1, 2]);
        assert!(reader.child("registration").is_some());
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn malformed_attributes_are_collected() {
        let node = Node::new("receipt").attr("t", "soon").attr("from", "nobody").attr("last", "maybe");
        let stanza = Stanza::from(&node);
        let mut reader = stanza.root().reader();
        assert_eq!(reader.text("id"), "");
        assert_eq!(reader.time("t"), Timestamp::default());
        assert_eq!(reader.opt_jid("from"), None);
        assert!(!reader.flag("last"));
        assert_eq!(reader.child_bytes("user"), Bytes::new());
        reader.note("no keys");
        let error = reader.finish().unwrap_err();
        assert_eq!(
            error.to_string(),
            "<receipt>: id is missing, t is malformed, from is malformed, last is malformed, \
             <user> with bytes is missing, no keys"
        );
    }
}
