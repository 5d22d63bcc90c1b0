//! The flat, read-only form that incoming stanzas are decoded to.
//!
//! All elements of a stanza lie in one vector in document order, all attributes in another. An element knows
//! where its attributes lie and where the element after its own subtree begins. Children are therefore walked without
//! pointers, and a stanza of a thousand participants is two vectors, not a thousand. Names of elements and attributes are
//! numbers of the dictionary; rare names outside it, and byte contents, lie in separate vectors.
use std::fmt;

use bytes::Bytes;
use compact_str::CompactString;
use smallvec::SmallVec;

use super::{AttrReader, Content, Node, Value, encode, node::write_open, token};
use crate::jid::Jid;

/// A decoded stanza.
#[derive(Clone)]
pub struct Stanza {
    pub(super) elements: Vec<Element>,
    pub(super) attrs: Vec<FlatAttr>,
    pub(super) blobs: SmallVec<[Bytes; 1]>,
    names: Vec<CompactString>,
    /// Length of the bytes that this was decoded from, which byte contents keep alive.
    pub(super) source: usize,
}

#[derive(Clone)]
pub(super) struct Element {
    pub(super) tag: Name,
    pub(super) first_attr: u32,
    pub(super) attr_count: u32,
    /// Index of the first element behind this one's subtree.
    pub(super) end: u32,
    pub(super) body: Body,
}

#[derive(Clone)]
pub(super) struct FlatAttr {
    pub(super) key: Name,
    pub(super) value: Value,
}

/// A string by its code, in the dictionary or beyond, or by its place among the stanza's own strings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(u32);

#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    /// A blob of the stanza, by its place.
    Bytes(u32),
    Text(Name),
    /// The number of children that follow.
    Nodes(u32),
}

impl Name {
    /// No name; also an empty one.
    pub(super) const EMPTY: Name = Name(0);
    const OWN: u32 = 1 << 31;

    pub(super) fn of_code(code: u16) -> Self {
        Self(code as u32)
    }
}

impl Stanza {
    pub(super) fn empty() -> Self {
        Stanza {
            elements: Vec::new(),
            attrs: Vec::new(),
            blobs: SmallVec::new(),
            names: Vec::new(),
            source: 0,
        }
    }

    /// Keeps a string that is not known to be in the dictionary.
    pub(super) fn name(&mut self, text: CompactString) -> Name {
        if text.is_empty() {
            return Name::EMPTY;
        }
        self.names.push(text);
        Name(Name::OWN | (self.names.len() - 1) as u32)
    }

    /// The number of kept strings that are not in the dictionary.
    pub(super) fn own_names(&self) -> usize {
        self.names.len()
    }

    fn string(&self, name: Name) -> &str {
        match name.0 & Name::OWN {
            0 => token::string(name.0 as u16),
            _ => &self.names[(name.0 & !Name::OWN) as usize],
        }
    }

    /// The outermost element.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { stanza: self, index: 0 }
    }

    /// The bytes that this stanza holds on to, roughly: for memory budgets. Byte contents are slices of the
    /// frame that was decoded and are not counted.
    pub fn heap_size(&self) -> usize {
        self.elements.capacity() * size_of::<Element>()
            + self.attrs.capacity() * size_of::<FlatAttr>()
            + self.blobs.capacity() * size_of::<Bytes>()
            + self.names.capacity() * size_of::<CompactString>()
    }

    /// All memory that is freed when this stanza is dropped: [`Stanza::heap_size`], the long strings, and the
    /// (inflated) frame that byte contents are slices of. A budget for waiting stanzas counts this.
    pub fn retained_size(&self) -> usize {
        let frame = if self.blobs.is_empty() { 0 } else { self.source };
        let names: usize = self.names.iter().map(long_string).sum();
        let values = self.attrs.iter().map(|attr| match &attr.value {
            Value::Text(text) | Value::Jid(Jid { user: text, .. }) => long_string(text),
        });
        self.heap_size() + frame + names + values.sum::<usize>()
    }
}

fn long_string(text: &CompactString) -> usize {
    if text.is_heap_allocated() { text.capacity() } else { 0 }
}

/// Two stanzas are equal when their contents are, however their bytes encoded them.
impl PartialEq for Stanza {
    fn eq(&self, other: &Self) -> bool {
        let nodes = |stanza| (0..).map(move |index| NodeRef { stanza, index });
        self.elements.len() == other.elements.len()
            && nodes(self).zip(nodes(other)).take(self.elements.len()).all(|(left, right)| left.same(right))
    }
}

impl Eq for Stanza {}

impl From<&Node> for Stanza {
    /// Flattens a built tree directly: the same as decoding its encoding.
    fn from(node: &Node) -> Self {
        let mut stanza = Stanza::empty();
        flatten(node, &mut stanza);
        stanza
    }
}

fn flatten(node: &Node, into: &mut Stanza) {
    let at = into.elements.len();
    let tag = known_or_kept(&node.tag, into);
    let first_attr = into.attrs.len() as u32;
    for attr in &node.attrs {
        let key = known_or_kept(&attr.key, into);
        into.attrs.push(FlatAttr { key, value: encode::normal_value(&attr.value) });
    }
    let body = match &node.content {
        Content::None => Body::None,
        Content::Text(text) if encode::is_spelled(text) => Body::Text(known_or_kept(text, into)),
        Content::Text(text) => keep(Bytes::copy_from_slice(text.as_bytes()), into),
        Content::Bytes(bytes) => keep(bytes.clone(), into),
        Content::Nodes(nodes) => Body::Nodes(nodes.len() as u32),
    };
    into.elements.push(Element { tag, first_attr, attr_count: node.attrs.len() as u32, end: 0, body });
    if let Content::Nodes(nodes) = &node.content {
        nodes.iter().for_each(|child| flatten(child, into));
    }
    into.elements[at].end = into.elements.len() as u32;
}

fn known_or_kept(text: &CompactString, into: &mut Stanza) -> Name {
    token::name_code(text.as_bytes()).map_or_else(|| into.name(text.clone()), Name::of_code)
}

fn keep(bytes: Bytes, into: &mut Stanza) -> Body {
    into.blobs.push(bytes);
    Body::Bytes(into.blobs.len() as u32 - 1)
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
        self.stanza.string(self.element().tag)
    }

    /// All attributes in wire order.
    pub fn attributes(self) -> Attributes<'a> {
        let element = self.element();
        let first = element.first_attr as usize;
        let attrs = self.stanza.attrs[first..first + element.attr_count as usize].iter();
        Attributes { stanza: self.stanza, attrs }
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

    /// A reader that collects missing or malformed fields, to be checked once at the end.
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
        match self.element().body {
            Body::Bytes(index) => Some(&self.stanza.blobs[index as usize]),
            _ => None,
        }
    }

    /// The content, if the wire spelled it as a string.
    pub fn text(self) -> Option<&'a str> {
        match self.element().body {
            Body::Text(text) => Some(self.stanza.string(text)),
            _ => None,
        }
    }

    /// The content as text, in either encoding; `None` for children and for bytes that are not UTF-8.
    pub fn content_text(self) -> Option<&'a str> {
        self.text().or_else(|| str::from_utf8(self.bytes()?).ok())
    }

    /// The bytes of the content of the first child of that name.
    pub fn child_bytes(self, tag: &str) -> Option<&'a Bytes> {
        self.child(tag).and_then(NodeRef::bytes)
    }

    /// Are the two equal without their subtrees?
    fn same(self, other: NodeRef<'_>) -> bool {
        self.tag() == other.tag()
            && self.attributes().eq(other.attributes())
            && self.children().len() == other.children().len()
            && self.bytes() == other.bytes()
            && self.text() == other.text()
    }
}

/// Iterator over the attributes of one element: name and value.
#[derive(Clone)]
pub struct Attributes<'a> {
    stanza: &'a Stanza,
    attrs: std::slice::Iter<'a, FlatAttr>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.attrs.next().map(|attr| (self.stanza.string(attr.key), &attr.value))
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

/// XML-like, with lengths in place of contents and of attributes that people write: safe to log.
impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_open(f, self.tag(), self.attributes())?;
        match self.element().body {
            Body::None => return f.write_str("/>"),
            Body::Bytes(index) => write!(f, ">[{} bytes]", self.stanza.blobs[index as usize].len())?,
            Body::Text(text) => write!(f, ">[{} chars]", self.stanza.string(text).len())?,
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
