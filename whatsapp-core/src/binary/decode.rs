//! Bytes to stanza.
//!
//! Hostile bytes cost no more than honest ones: an element takes at least three bytes of input, an attribute two, and
//! room is made only for as many as the bytes that are left can hold. Depth and totals have limits of their own.
use bytes::{Buf, Bytes};
use compact_str::{CompactString, format_compact};

use super::{
    Stanza, Value, packed,
    stanza::{Body, Element, FlatAttr, Name},
    token,
};
use crate::jid::{Jid, Server};

/// Elements nested deeper than this are refused; real stanzas stay below 10.
pub const MAX_DEPTH: usize = 64;
/// Elements of one stanza; a device list of 10,000 people stays below 100,000.
pub const MAX_ELEMENTS: usize = 1 << 18;
/// Attributes of one stanza.
pub const MAX_ATTRIBUTES: usize = 1 << 19;
/// Bytes that a compressed frame may unfold to. The largest uncompressed frame has 16 MiB; a compressed one of
/// that size would be a bomb, not a stanza.
pub const MAX_INFLATED: usize = 8 << 20;

/// Flag of a compressed frame.
const ZLIB: u8 = 2;

/// Why bytes are no stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside an element.
    #[error("the stanza is cut short")]
    Truncated,
    /// There are bytes behind the outermost element.
    #[error("bytes behind the stanza")]
    Trailing,
    /// A byte that announces nothing known, or nothing that may stand there.
    #[error("byte {0} announces nothing that may stand there")]
    UnexpectedTag(u8),
    /// An element without a name.
    #[error("an element without a name")]
    EmptyTag,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// Packed digits with a half byte outside their alphabet.
    #[error("packed digits outside their alphabet")]
    NotPacked,
    /// Elements nested deeper than [`MAX_DEPTH`].
    #[error("elements are nested too deeply")]
    TooDeep,
    /// More than [`MAX_ELEMENTS`], [`MAX_ATTRIBUTES`] or [`MAX_INFLATED`].
    #[error("the stanza is too large")]
    TooLarge,
    /// A compressed frame that does not unfold.
    #[error("the compressed frame is damaged")]
    Inflate,
}

/// Decodes the payload of one frame: a flag byte, then a stanza that is zlib-compressed if the flag has bit 2.
///
/// # Errors
/// When the bytes are malformed or exceed the limits on depth and size.
pub fn unpack(mut frame: Bytes) -> Result<Stanza, DecodeError> {
    let flags = *frame.first().ok_or(DecodeError::Truncated)?;
    frame.advance(1);
    if flags & ZLIB != 0 {
        frame = inflate(&frame)?;
    }
    decode(frame)
}

/// Decodes one stanza without flag byte; byte contents are slices of `bytes`.
///
/// # Errors
/// When the bytes are malformed or exceed the limits on depth and size.
pub fn decode(bytes: Bytes) -> Result<Stanza, DecodeError> {
    let mut decoder = Decoder { bytes: &bytes, rest: &bytes, stanza: Stanza::empty() };
    decoder.element(0)?;
    if !decoder.rest.is_empty() {
        return Err(DecodeError::Trailing);
    }
    Ok(decoder.stanza)
}

/// Unfolds zlib data of at most [`MAX_INFLATED`] bytes.
fn inflate(compressed: &[u8]) -> Result<Bytes, DecodeError> {
    let mut state = flate2::Decompress::new(true);
    let mut inflated = Vec::with_capacity(compressed.len().saturating_mul(4).clamp(1 << 10, MAX_INFLATED));
    loop {
        let rest = compressed.get(state.total_in() as usize..).unwrap_or_default();
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(rest, &mut inflated, flate2::FlushDecompress::None)
            .map_err(|_| DecodeError::Inflate)?;
        if status == flate2::Status::StreamEnd {
            return Ok(inflated.into());
        }
        if inflated.len() == inflated.capacity() {
            if inflated.len() >= MAX_INFLATED {
                return Err(DecodeError::TooLarge);
            }
            inflated.reserve_exact(inflated.len().min(MAX_INFLATED - inflated.len()));
        } else if before == (state.total_in(), state.total_out()) {
            return Err(DecodeError::Truncated);
        }
    }
}

struct Decoder<'a> {
    bytes: &'a Bytes,
    /// What is not read yet: the end of `bytes`.
    rest: &'a [u8],
    stanza: Stanza,
}

impl<'a> Decoder<'a> {
    /// Reads one element and all below it.
    fn element(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let list = self.byte()?;
        let size = self.list_size(list)?.ok_or(DecodeError::UnexpectedTag(list))?;
        let attr_count = size.checked_sub(1).ok_or(DecodeError::EmptyTag)? / 2;
        let tag = self.name()?;
        if tag == Name::EMPTY {
            return Err(DecodeError::EmptyTag);
        }
        let first_attr = self.stanza.attrs.len();
        self.attributes(attr_count)?;
        let at = self.stanza.elements.len();
        if at >= MAX_ELEMENTS {
            return Err(DecodeError::TooLarge);
        }
        self.stanza.elements.push(Element {
            tag,
            first_attr: first_attr as u32,
            attr_count: attr_count as u32,
            end: at as u32 + 1,
            body: Body::None,
        });
        if size % 2 == 0 {
            self.content(at, depth)?;
        }
        Ok(())
    }

    fn attributes(&mut self, count: usize) -> Result<(), DecodeError> {
        let total = self.stanza.attrs.len() + count;
        if total > MAX_ATTRIBUTES {
            return Err(DecodeError::TooLarge);
        }
        if count > self.rest.len() / 2 {
            return Err(DecodeError::Truncated);
        }
        self.stanza.attrs.reserve(count);
        for _ in 0..count {
            let key = self.name()?;
            let value = self.value()?;
            self.stanza.attrs.push(FlatAttr { key, value });
        }
        Ok(())
    }

    fn content(&mut self, at: usize, depth: usize) -> Result<(), DecodeError> {
        let tag = self.byte()?;
        let body = if let Some(count) = self.list_size(tag)? {
            self.children(count, depth + 1)?;
            Body::Nodes(count as u32)
        } else if let Some(length) = self.binary_length(tag)? {
            let start = self.bytes.len() - self.rest.len();
            self.take(length)?;
            self.stanza.blobs.push(self.bytes.slice(start..start + length));
            Body::Bytes(self.stanza.blobs.len() as u32 - 1)
        } else {
            Body::Text(self.name_of(tag)?)
        };
        let end = self.stanza.elements.len() as u32;
        let element = &mut self.stanza.elements[at];
        element.body = body;
        element.end = end;
        Ok(())
    }

    fn children(&mut self, count: usize, depth: usize) -> Result<(), DecodeError> {
        let start = (self.rest.len(), self.stanza.elements.len(), self.stanza.attrs.len());
        for read in 0..count {
            self.element(depth)?;
            if read + 1 == SAMPLE {
                self.reserve(start, count - SAMPLE);
            }
        }
        Ok(())
    }

    /// After some children of a long list: makes room for `left` more of their kind, or for as many as the bytes
    /// that are left would hold.
    fn reserve(&mut self, (rest, elements, attrs): (usize, usize, usize), left: usize) {
        let read = (rest - self.rest.len()).max(1);
        let likely = (left / SAMPLE + 1).min(self.rest.len() / read + 1);
        let stanza = &mut self.stanza;
        stanza.elements.reserve((stanza.elements.len() - elements) * likely);
        stanza.attrs.reserve((stanza.attrs.len() - attrs) * likely);
    }

    /// An attribute's value.
    fn value(&mut self) -> Result<Value, DecodeError> {
        let tag = self.byte()?;
        if let Some(code) = token::single(tag) {
            return Ok(Value::Text(token::compact_string(code)));
        }
        match tag {
            token::JID_PAIR => self.jid_pair(),
            token::AD_JID => self.ad_jid(),
            token::FB_JID => self.fb_jid(),
            token::INTEROP_JID => self.interop_jid(),
            _ => self.text_of(tag).map(Value::Text),
        }
    }

    /// A string that tells what something is called: a tag, an attribute's key, or a text in place of content.
    fn name(&mut self) -> Result<Name, DecodeError> {
        let tag = self.byte()?;
        self.name_of(tag)
    }

    #[inline]
    fn name_of(&mut self, tag: u8) -> Result<Name, DecodeError> {
        if let Some(code) = token::single(tag) {
            return Ok(Name::of_code(code));
        }
        if let token::DICT_0..=token::DICT_3 = tag {
            return Ok(Name::of_code(token::double(tag, self.byte()?)));
        }
        let text = match tag {
            token::JID_PAIR => format_compact!("{}", self.jid_pair()?),
            token::AD_JID => format_compact!("{}", self.ad_jid()?),
            token::FB_JID => format_compact!("{}", self.fb_jid()?),
            token::INTEROP_JID => format_compact!("{}", self.interop_jid()?),
            _ => self.text_of(tag)?,
        };
        Ok(self.stanza.name(text))
    }

    /// A string that may not be an address.
    fn text(&mut self) -> Result<CompactString, DecodeError> {
        let tag = self.byte()?;
        self.text_of(tag)
    }

    fn text_of(&mut self, tag: u8) -> Result<CompactString, DecodeError> {
        if let Some(code) = token::single(tag) {
            return Ok(token::compact_string(code));
        }
        match tag {
            token::LIST_EMPTY => Ok(CompactString::default()),
            token::DICT_0..=token::DICT_3 => Ok(token::compact_string(token::double(tag, self.byte()?))),
            token::NIBBLE_8 | token::HEX_8 => {
                let length = self.byte()?;
                let packed = self.take((length & 0x7f) as usize)?;
                packed::unpack(tag, length, packed)
            }
            _ => {
                let length = self.binary_length(tag)?.ok_or(DecodeError::UnexpectedTag(tag))?;
                let text = str::from_utf8(self.take(length)?).map_err(|_| DecodeError::NotUtf8)?;
                Ok(CompactString::new(text))
            }
        }
    }

    fn jid_pair(&mut self) -> Result<Value, DecodeError> {
        let user = self.text()?;
        match self.server()? {
            Ok(server) => Ok(Value::Jid(Jid { user, device: 0, integrator: 0, server })),
            Err(server) => Ok(Value::Text(format_compact!("{user}@{server}"))),
        }
    }

    fn ad_jid(&mut self) -> Result<Value, DecodeError> {
        let (domain, device) = (self.byte()?, self.byte()? as u16);
        let user = self.text()?;
        match Server::from_domain(domain) {
            Some(server) => Ok(Value::Jid(Jid { user, device, integrator: 0, server })),
            None => Ok(Value::Text(format_compact!("{user}:{device}@domain.{domain}"))),
        }
    }

    fn fb_jid(&mut self) -> Result<Value, DecodeError> {
        let user = self.text()?;
        let device = self.number()?;
        match self.server()? {
            Ok(server @ Server::Messenger) => Ok(Value::Jid(Jid { user, device, integrator: 0, server })),
            Ok(server) => Ok(Value::Text(format_compact!("{user}:{device}@{}", server.as_str()))),
            Err(server) => Ok(Value::Text(format_compact!("{user}:{device}@{server}"))),
        }
    }

    fn interop_jid(&mut self) -> Result<Value, DecodeError> {
        let user = self.text()?;
        let (device, integrator) = (self.number()?, self.number()?);
        match self.server()? {
            Ok(server @ Server::Interop) => Ok(Value::Jid(Jid { user, device, integrator, server })),
            Ok(server) => {
                Ok(Value::Text(format_compact!("{integrator}-{user}:{device}@{}", server.as_str())))
            }
            Err(server) => Ok(Value::Text(format_compact!("{integrator}-{user}:{device}@{server}"))),
        }
    }

    /// A server, or its name when it is none we know.
    fn server(&mut self) -> Result<Result<Server, CompactString>, DecodeError> {
        let tag = self.byte()?;
        if let Some(server) = token::single(tag).and_then(token::server) {
            return Ok(Ok(server));
        }
        let name = self.text_of(tag)?;
        Ok(Server::from_wire(&name).ok_or(name))
    }

    /// The size of a list, if `tag` announces one.
    fn list_size(&mut self, tag: u8) -> Result<Option<usize>, DecodeError> {
        match tag {
            token::LIST_EMPTY => Ok(Some(0)),
            token::LIST_8 => Ok(Some(self.byte()? as usize)),
            token::LIST_16 => Ok(Some(self.number()? as usize)),
            _ => Ok(None),
        }
    }

    /// The length of what follows, if `tag` announces bytes.
    fn binary_length(&mut self, tag: u8) -> Result<Option<usize>, DecodeError> {
        match tag {
            token::BINARY_8 => Ok(Some(self.byte()? as usize)),
            token::BINARY_20 => {
                let [high, middle, low] = self.array()?;
                Ok(Some(u32::from_be_bytes([0, high & 15, middle, low]) as usize))
            }
            token::BINARY_32 => Ok(Some(u32::from_be_bytes(self.array()?) as usize)),
            _ => Ok(None),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Children of a list that are read before room is made for the others.
const SAMPLE: usize = 8;
