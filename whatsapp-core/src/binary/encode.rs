//! Node to bytes.
//!
//! A text takes its shortest form: a dictionary string, packed digits, or plain bytes. The form of an address
//! depends on its content: with a device, of another network, or just a user and a server.
use bytes::BytesMut;

use super::{Attr, Content, MAX_DEPTH, Node, Value, packed, token};
use crate::jid::{Jid, Server};

/// A payload must fit a frame together with its 16 bytes of authentication (protocol notes 2.1).
const MAX_LENGTH: usize = (1 << 24) - 1 - 16;

/// Why a node has no binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// An element has no name.
    #[error("an element without a name")]
    EmptyTag,
    /// More attributes or children in one element than a list can hold (65,535 items).
    #[error("an element with too many attributes or children")]
    TooMany,
    /// Elements nested deeper than a decoder accepts.
    #[error("elements are nested too deeply")]
    TooDeep,
    /// More than a frame can carry.
    #[error("the stanza is larger than a frame")]
    TooLarge,
}

/// Appends the flag byte (0: not compressed) and the encoded node to `out`: the payload of one frame.
///
/// Decoding gives an equal node, except where the wire has one form for two values. Text content that is neither in the
/// dictionary nor packed digits comes back as bytes, and an empty list of children as no content. An address whose form has
/// no room for its device comes back as text, and only interop addresses keep an integrator. `Stanza::from(&node)` does the same.
///
/// # Errors
/// When the node cannot be encoded; `out` is then unchanged.
pub fn encode(node: &Node, out: &mut BytesMut) -> Result<(), EncodeError> {
    let start = out.len();
    let mut encoder = Encoder { start, at: start, out };
    encoder.put(&[0]);
    let result = encoder.node(node, 0);
    let end = if result.is_ok() { encoder.at } else { start };
    out.truncate(end);
    if end - start > MAX_LENGTH {
        out.truncate(start);
        return Err(EncodeError::TooLarge);
    }
    result
}

/// The form an address is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JidForm {
    Pair,
    /// With its domain and device.
    Device(u8, u8),
    Messenger,
    Interop,
    /// No form has room for its device.
    Text,
}

impl JidForm {
    fn of(jid: &Jid) -> Self {
        match (jid.server, jid.device) {
            (Server::Interop, _) => JidForm::Interop,
            (Server::Messenger, _) => JidForm::Messenger,
            (_, 0) => JidForm::Pair,
            (server, device) => match (server.domain(), u8::try_from(device)) {
                (Some(domain), Ok(device)) => JidForm::Device(domain, device),
                _ => JidForm::Text,
            },
        }
    }
}

/// The form in which a value comes back.
pub(super) fn normal_value(value: &Value) -> Value {
    match value {
        Value::Jid(jid) => match JidForm::of(jid) {
            JidForm::Text => Value::Text(jid_text(jid)),
            JidForm::Interop => value.clone(),
            _ => Value::Jid(Jid { integrator: 0, ..jid.clone() }),
        },
        Value::Text(_) => value.clone(),
    }
}

/// Does the wire have a string for `text`, so that it does not come back as bytes?
pub(super) fn is_spelled(text: &str) -> bool {
    token::code(text).is_some() || packed::is_packable(text.as_bytes())
}

fn jid_text(jid: &Jid) -> compact_str::CompactString {
    compact_str::format_compact!("{}:{}@{}", jid.user, jid.device, jid.server.as_str())
}

struct Encoder<'a> {
    start: usize,
    /// Written up to `at`; zeros behind it are room.
    out: &'a mut BytesMut,
    at: usize,
}

impl Encoder<'_> {
    fn node(&mut self, node: &Node, depth: usize) -> Result<(), EncodeError> {
        if node.tag.is_empty() {
            return Err(EncodeError::EmptyTag);
        }
        if depth >= MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        if self.at - self.start > MAX_LENGTH {
            return Err(EncodeError::TooLarge);
        }
        let has_content = !matches!(node.content, Content::None);
        self.list(1 + 2 * node.attrs.len() + usize::from(has_content))?;
        self.name(&node.tag)?;
        for Attr { key, value } in &node.attrs {
            self.name(key)?;
            match value {
                Value::Text(text) => self.text(text)?,
                Value::Jid(jid) => self.jid(jid)?,
            }
        }
        match &node.content {
            Content::None => Ok(()),
            Content::Bytes(bytes) => self.binary(bytes),
            Content::Text(text) => self.text(text),
            Content::Nodes(nodes) => self.children(nodes, depth + 1),
        }
    }

    fn children(&mut self, nodes: &[Node], depth: usize) -> Result<(), EncodeError> {
        self.list(nodes.len())?;
        nodes.iter().try_for_each(|node| self.node(node, depth))
    }

    /// The name of an element or attribute.
    fn name(&mut self, name: &str) -> Result<(), EncodeError> {
        if self.known(name) || self.packed(name) {
            return Ok(());
        }
        self.binary(name.as_bytes())
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        // A string of more digits than any in the dictionary, such as an id or a phone number, need not be looked up.
        if text.len() > token::LONGEST_PACKABLE && self.packed(text) {
            return Ok(());
        }
        self.name(text)
    }

    /// Writes a string of the dictionary.
    #[inline]
    fn known(&mut self, text: &str) -> bool {
        let Some(code) = token::code(text) else { return false };
        self.code(code);
        true
    }

    #[inline]
    fn code(&mut self, code: u16) {
        match token::spelling(code) {
            (None, byte) => self.put(&[byte]),
            (Some(table), byte) => self.put(&[table, byte]),
        }
    }

    fn server(&mut self, server: Server) -> Result<(), EncodeError> {
        match token::server_code(server) {
            Some(code) => self.code(code),
            None => self.name(server.as_str())?,
        }
        Ok(())
    }

    fn packed(&mut self, text: &str) -> bool {
        if !packed::may_start(text) {
            return false;
        }
        let Some(room) = self.room(packed::ROOM).first_chunk_mut() else { return false };
        let written = packed::pack(text.as_bytes(), room);
        self.at += written.unwrap_or(0);
        written.is_some()
    }

    /// A string that may be absent.
    fn text_or_empty(&mut self, text: &str) -> Result<(), EncodeError> {
        if text.is_empty() {
            self.put(&[token::LIST_EMPTY]);
            return Ok(());
        }
        self.text(text)
    }

    fn jid(&mut self, jid: &Jid) -> Result<(), EncodeError> {
        let [device_high, device_low] = jid.device.to_be_bytes();
        match JidForm::of(jid) {
            JidForm::Pair => {
                self.put(&[token::JID_PAIR]);
                self.text_or_empty(&jid.user)?;
                self.server(jid.server)
            }
            JidForm::Device(domain, device) => {
                self.put(&[token::AD_JID, domain, device]);
                self.text_or_empty(&jid.user)
            }
            JidForm::Messenger => {
                self.put(&[token::FB_JID]);
                self.text_or_empty(&jid.user)?;
                self.put(&[device_high, device_low]);
                self.server(jid.server)
            }
            JidForm::Interop => {
                let [integrator_high, integrator_low] = jid.integrator.to_be_bytes();
                self.put(&[token::INTEROP_JID]);
                self.text_or_empty(&jid.user)?;
                self.put(&[device_high, device_low, integrator_high, integrator_low]);
                self.server(jid.server)
            }
            JidForm::Text => self.text(&jid_text(jid)),
        }
    }

    fn list(&mut self, size: usize) -> Result<(), EncodeError> {
        match (u8::try_from(size), u16::try_from(size)) {
            (Ok(0), _) => self.put(&[token::LIST_EMPTY]),
            (Ok(size), _) => self.put(&[token::LIST_8, size]),
            (_, Ok(size)) => {
                let [high, low] = size.to_be_bytes();
                self.put(&[token::LIST_16, high, low]);
            }
            _ => return Err(EncodeError::TooMany),
        }
        Ok(())
    }

    fn binary(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = bytes.len();
        if length > MAX_LENGTH {
            return Err(EncodeError::TooLarge);
        }
        let [top, high, middle, low] = (length as u32).to_be_bytes();
        match length {
            0..0x100 => self.put(&[token::BINARY_8, low]),
            0x100..0x10_0000 => self.put(&[token::BINARY_20, high, middle, low]),
            _ => self.put(&[token::BINARY_32, top, high, middle, low]),
        }
        self.room(length).copy_from_slice(bytes);
        self.at += length;
        Ok(())
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.room(N).copy_from_slice(bytes);
        self.at += N;
    }

    /// The next `length` bytes of the output.
    #[inline]
    fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.at + length;
        if end > self.out.len() {
            self.out.resize((end + 64).max(2 * self.out.len()), 0);
        }
        &mut self.out[self.at..end]
    }
}
