//! The flat, read-only form that incoming stanzas are decoded to.
//!
//! All elements of a stanza lie in one vector in document order, all attributes in another. An element knows
//! where its attributes lie and where the element after its own subtree begins, so children are walked without
//! pointers and a stanza of a thousand participants is two vectors, not a thousand.
use std::fmt;

use bytes::Bytes;
use compact_str::CompactString;

use super::{Attr, AttrReader, Content, Node, Value, node::write_open};
use crate::jid::Jid;

/// A decoded stanza.
#[derive(Clone, PartialEq, Eq)]
pub struct Stanza {
    pub(super) elements: Vec<Element>,
    pub(super) attrs: Vec<Attr>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) tag: CompactString,
    pub(super) first_attr: u32,
    pub(super) attr_count: u32,
    /// Index of the first element behind this one's subtree.
    pub(super) end: u32,
    pub(super) body: Body,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Bytes(Bytes),
    Text(CompactString),
    /// That many children follow.
    Nodes(u32),
}

impl Stanza {
    /// The outermost element.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { stanza: self, index: 0 }
    }

    /// The bytes that this stanza holds on to, roughly: for memory budgets.
    pub fn heap_size(&self) -> usize {
        self.elements.capacity() * size_of::<Element>() + self.attrs.capacity() * size_of::<Attr>()
    }
}

impl From<&Node> for Stanza {
    /// Flattens a built tree: what its encoding would decode to, without the detour.
    fn from(node: &Node) -> Self {
        let mut stanza = Stanza { elements: Vec::new(), attrs: Vec::new() };
        flatten(node, &mut stanza);
        stanza
    }
}

fn flatten(node: &Node, into: &mut Stanza) {
    let at = into.elements.len();
    let first_attr = into.attrs.len() as u32;
    into.attrs.extend_from_slice(&node.attrs);
    let body = match &node.content {
        Content::None => Body::None,
        Content::Bytes(bytes) => Body::Bytes(bytes.clone()),
        Content::Text(text) => Body::Text(text.clone()),
        Content::Nodes(nodes) => Body::Nodes(nodes.len() as u32),
    };
    let tag = node.tag.clone();
    into.elements.push(Element { tag, first_attr, attr_count: node.attrs.len() as u32, end: 0, body });
    if let Content::Nodes(nodes) = &node.content {
        nodes.iter().for_each(|child| flatten(child, into));
    }
    into.elements[at].end = into.elements.len() as u32;
}

/// One element of a [`Stanza`], borrowed.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    stanza: &'a Stanza,
    index: u32,
}

impl<'a> NodeRef<'a> {
    fn element(self) -> &'a Element {
        &self.stanza.elements[self.index as usize]
    }

    /// The element's name.
    pub fn tag(self) -> &'a str {
        &self.element().tag
    }

    /// All attributes in wire order.
    pub fn attributes(self) -> Attributes<'a> {
        let element = self.element();
        let first = element.first_attr as usize;
        Attributes { attrs: self.stanza.attrs[first..first + element.attr_count as usize].iter() }
    }

    /// The value of an attribute.
    pub fn attr(self, key: &str) -> Option<&'a Value> {
        self.attributes().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// An attribute that is text; `None` where it is absent or an address.
    pub fn attr_text(self, key: &str) -> Option<&'a str> {
        self.attr(key).and_then(Value::as_text)
    }

    /// An attribute that is an address, or text that spells one.
    pub fn attr_jid(self, key: &str) -> Option<Jid> {
        self.attr(key).and_then(Value::to_jid)
    }

    /// A reader that collects what is missing or malformed, to be checked once at the end.
    pub fn reader(self) -> AttrReader<'a> {
        AttrReader::new(self)
    }

    /// The child elements.
    pub fn children(self) -> Children<'a> {
        let left = match self.element().body {
            Body::Nodes(count) => count,
            _ => 0,
        };
        Children { stanza: self.stanza, next: self.index + 1, left }
    }

    /// The first child of that name.
    pub fn child(self, tag: &str) -> Option<NodeRef<'a>> {
        self.children().find(|node| node.tag() == tag)
    }

    /// The children of that name.
    pub fn children_named(self, tag: &'a str) -> impl Iterator<Item = NodeRef<'a>> {
        self.children().filter(move |node| node.tag() == tag)
    }

    /// The content, if it is bytes.
    pub fn bytes(self) -> Option<&'a Bytes> {
        match &self.element().body {
            Body::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The content, if the wire spelled it as a string.
    pub fn text(self) -> Option<&'a str> {
        match &self.element().body {
            Body::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The content as text, whichever way it was spelled; `None` for children and for bytes that are not UTF-8.
    pub fn content_text(self) -> Option<&'a str> {
        match &self.element().body {
            Body::Text(text) => Some(text),
            Body::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of the content of the first child of that name.
    pub fn child_bytes(self, tag: &str) -> Option<&'a Bytes> {
        self.child(tag).and_then(NodeRef::bytes)
    }
}

/// Iterator over the attributes of one element: name and value.
#[derive(Clone)]
pub struct Attributes<'a> {
    attrs: std::slice::Iter<'a, Attr>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.attrs.next().map(|attr| (attr.key.as_str(), &attr.value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.attrs.size_hint()
    }
}

impl ExactSizeIterator for Attributes<'_> {}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// Iterator over child elements.
#[derive(Clone, Copy)]
pub struct Children<'a> {
    stanza: &'a Stanza,
    next: u32,
    left: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let node = NodeRef { stanza: self.stanza, index: self.next };
        self.next = node.element().end;
        Some(node)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Children<'_> {}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// XML-like, with the length of byte contents in place of the bytes: safe to log.
impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_open(f, self.tag(), self.attributes())?;
        match &self.element().body {
            Body::None => return f.write_str("/>"),
            Body::Bytes(bytes) => write!(f, ">[{} bytes]", bytes.len())?,
            Body::Text(text) => write!(f, ">[{} chars]", text.len())?,
            Body::Nodes(_) => {
                f.write_str(">")?;
                self.children().try_for_each(|node| write!(f, "{node:?}"))?;
            }
        }
        write!(f, "</{}>", self.tag())
    }
}

impl fmt::Debug for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.root())
    }
}
