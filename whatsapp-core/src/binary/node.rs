//! The tree that outgoing stanzas are built as.
use std::fmt;

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString, format_compact};

use super::{NodeRef, packed, token};
use crate::jid::Jid;

/// One element: a tag, attributes, and content.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// The element's name.
    pub tag: CompactString,
    /// In wire order.
    pub attrs: Vec<Attr>,
    /// Children, bytes or nothing.
    pub content: Content,
}

/// One attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attr {
    /// Name.
    pub key: CompactString,
    /// Value.
    pub value: Value,
}

/// An attribute's value: text, or an address in its typed wire form.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Any text.
    Text(CompactString),
    /// An address.
    Jid(Jid),
}

/// What an element contains.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    None,
    /// Opaque bytes.
    Bytes(Bytes),
    /// A string that the wire spells as a token or packed digits.
    Text(CompactString),
    /// Child elements.
    Nodes(Vec<Node>),
}

impl Node {
    /// An element without attributes or content.
    pub fn new(tag: &'static str) -> Self {
        Self::with_tag(CompactString::const_new(tag))
    }

    /// The same, with a tag made at run time.
    pub fn with_tag(tag: CompactString) -> Self {
        Self { tag, attrs: Vec::new(), content: Content::None }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attr(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Adds an attribute if there is a value.
    #[must_use]
    pub fn attr_opt(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.attr(key, value),
            None => self,
        }
    }

    /// Adds or replaces an attribute in place.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        let value = value.into();
        match self.attrs.iter_mut().find(|attr| attr.key == key) {
            Some(attr) => attr.value = value,
            None => self.attrs.push(Attr { key: CompactString::const_new(key), value }),
        }
    }

    /// Adds one child.
    #[must_use]
    pub fn child(mut self, node: Node) -> Self {
        match &mut self.content {
            Content::Nodes(nodes) => nodes.push(node),
            content => *content = Content::Nodes(vec![node]),
        }
        self
    }

    /// Adds children.
    #[must_use]
    pub fn children(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        match &mut self.content {
            Content::Nodes(list) => list.extend(nodes),
            content => *content = Content::Nodes(nodes.into_iter().collect()),
        }
        self
    }

    /// Sets bytes as content.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.attrs.iter().find(|attr| attr.key == key).map(|attr| &attr.value)
    }
}

impl From<NodeRef<'_>> for Node {
    fn from(node: NodeRef<'_>) -> Self {
        let content = if let Some(bytes) = node.bytes() {
            Content::Bytes(bytes.clone())
        } else if let Some(text) = node.text() {
            Content::Text(text.into())
        } else if node.children().len() > 0 {
            Content::Nodes(node.children().map(Node::from).collect())
        } else {
            Content::None
        };
        let attrs =
            node.attributes().map(|(key, value)| Attr { key: key.into(), value: value.clone() }).collect();
        Self { tag: node.tag().into(), attrs, content }
    }
}

impl Value {
    /// The text, unless the value is an address.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Jid(_) => None,
        }
    }

    /// The address; text that spells one counts.
    pub fn to_jid(&self) -> Option<Jid> {
        match self {
            Value::Jid(jid) => Some(jid.clone()),
            Value::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Jid(jid) => write!(f, "{jid}"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_compact_string())
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        match self {
            Value::Text(text) => text == other,
            Value::Jid(jid) => jid.to_compact_string() == other,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<CompactString> for Value {
    fn from(text: CompactString) -> Self {
        Value::Text(text)
    }
}

impl From<&CompactString> for Value {
    fn from(text: &CompactString) -> Self {
        Value::Text(text.clone())
    }
}

impl From<Jid> for Value {
    fn from(jid: Jid) -> Self {
        Value::Jid(jid)
    }
}

impl From<&Jid> for Value {
    fn from(jid: &Jid) -> Self {
        Value::Jid(jid.clone())
    }
}

macro_rules! value_from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Value {
            fn from(number: $int) -> Self {
                Value::Text(format_compact!("{number}"))
            }
        }
    )*};
}
value_from_int!(u8, u16, u32, u64, usize, i64);

/// XML-like, with lengths in place of contents and of attributes that people write: safe to log.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_open(f, &self.tag, self.attrs.iter().map(|attr| (attr.key.as_str(), &attr.value)))?;
        match &self.content {
            Content::None => return f.write_str("/>"),
            Content::Bytes(bytes) => write!(f, ">[{} bytes]", bytes.len())?,
            Content::Text(text) => write!(f, ">[{} chars]", text.len())?,
            Content::Nodes(nodes) => {
                f.write_str(">")?;
                nodes.iter().try_for_each(|node| write!(f, "{node:?}"))?;
            }
        }
        write!(f, "</{}>", self.tag)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::None => f.write_str("None"),
            Content::Bytes(bytes) => write!(f, "[{} bytes]", bytes.len()),
            Content::Text(text) => write!(f, "[{} chars]", text.len()),
            Content::Nodes(nodes) => f.debug_list().entries(nodes).finish(),
        }
    }
}

pub(super) fn write_open<'a>(
    f: &mut fmt::Formatter<'_>,
    tag: &str,
    mut attrs: impl Iterator<Item = (&'a str, &'a Value)>,
) -> fmt::Result {
    write!(f, "<{tag}")?;
    attrs.try_for_each(|(key, value)| match value {
        Value::Text(text) if !is_plain(key, text) => write!(f, " {key}=[{} chars]", text.len()),
        _ => write!(f, " {key}={value:?}"),
    })
}

/// May an attribute be logged? Protocol words and digits may; other text may be a person's (a push name) or a
/// credential (the `auth` of media hosts).
fn is_plain(key: &str, text: &str) -> bool {
    matches!(key, "id" | "xmlns" | "type" | "class" | "context" | "phash")
        || token::name_code(text.as_bytes()).is_some()
        || packed::is_packable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::Stanza;

    #[test]
    fn debug_shows_no_user_text() {
        let node = Node::new("message")
            .attr("from", Jid::pn("1234"))
            .attr("id", "some-id")
            .attr("notify", "A. Person")
            .attr("addressing_mode", "lid")
            .attr("t", 1_700_000_000u64)
            .child(Node::new("body").bytes(&b"words"[..]))
            .child(Node { content: Content::Text("secret".into()), ..Node::new("ref") });
        let shown = "<message from=\"1234@s.whatsapp.net\" id=\"some-id\" notify=[9 chars] \
                     addressing_mode=\"lid\" t=\"1700000000\">";
        assert!(format!("{node:?}").starts_with(shown), "{node:?}");
        let stanza = Stanza::from(&node);
        assert!(format!("{stanza:?}").starts_with(shown), "{stanza:?}");
        for text in [format!("{node:?}"), format!("{stanza:?}")] {
            assert!(!text.contains("Person") && !text.contains("words") && !text.contains("secret"));
        }
    }

    #[test]
    fn attributes_are_set_once() {
        let mut node =
            Node::new("iq").attr("id", "1").attr_opt("to", None::<Jid>).attr_opt("type", Some("get"));
        node.set("id", "2");
        assert_eq!(node.attrs.len(), 2);
        assert_eq!(node.get("id"), Some(&Value::from("2")));
        assert!(*node.get("type").unwrap() == *"get" && node.get("to").is_none());
    }
}
