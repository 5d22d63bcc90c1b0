//! Bytes to stanza.
//!
//! Hostile bytes cost no more than honest ones. An element takes at least three bytes of input, an attribute two, and
//! space is reserved only for as many as the remaining bytes can hold. Depth and totals have separate limits.
use bytes::{Buf, Bytes};
use compact_str::{CompactString, format_compact};

use super::{
    Stanza, Value,
    packed::Unpacked,
    reader::{Item, Reader},
    stanza::{Body, Element, FlatAttr, Name},
    token,
};
use crate::jid::Jid;

/// Elements nested deeper than this are refused; real stanzas stay below 10.
pub const MAX_DEPTH: usize = 64;
/// Elements of one stanza; a device list of 10,000 people stays below 100,000.
pub const MAX_ELEMENTS: usize = 1 << 18;
/// Attributes of one stanza.
pub const MAX_ATTRIBUTES: usize = 1 << 18;
/// Names and text contents of one stanza that are not in the dictionary; real stanzas have a few.
pub const MAX_STRINGS: usize = 1 << 16;
/// The most that a stanza can retain ([`Stanza::retained_size`]), whatever its bytes: the limits above, times the largest size of
/// each item, and a frame of 16 MiB. A test builds the worst stanza that we know.
pub const MAX_RETAINED: usize = 96 << 20;
/// The largest inflated size of a compressed frame. The largest uncompressed frame has 16 MiB; a compressed one of
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
    /// A byte that is no known tag, or a tag that may not stand there.
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
    /// More than [`MAX_ELEMENTS`], [`MAX_ATTRIBUTES`], [`MAX_STRINGS`] or [`MAX_INFLATED`].
    #[error("the stanza is too large")]
    TooLarge,
    /// A compressed frame that does not inflate.
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
    let mut decoder =
        Decoder { reader: Reader::new(&bytes), buffer: Unpacked::new(), stanza: Stanza::empty() };
    decoder.stanza.source = bytes.len();
    decoder.element(0)?;
    if decoder.reader.left() > 0 {
        return Err(DecodeError::Trailing);
    }
    Ok(decoder.stanza)
}

/// Inflates zlib data to at most [`MAX_INFLATED`] bytes.
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
            // Byte contents keep the whole buffer alive: not the room that was made for more.
            inflated.shrink_to_fit();
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
    reader: Reader<'a>,
    buffer: Unpacked,
    stanza: Stanza,
}

impl Decoder<'_> {
    /// Reads one element and all below it.
    fn element(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let list = self.reader.byte()?;
        let size = self.reader.list_size(list)?.ok_or(DecodeError::UnexpectedTag(list))?;
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
        let attrs = &mut self.stanza.attrs;
        if attrs.len() + count > MAX_ATTRIBUTES {
            return Err(DecodeError::TooLarge);
        }
        if count > self.reader.left() / 2 {
            return Err(DecodeError::Truncated);
        }
        if attrs.capacity() - attrs.len() < count {
            // A little more than needed, for the elements below the first.
            attrs.reserve(count + SAMPLE.min(self.reader.left() / 8));
        }
        for _ in 0..count {
            let key = self.name()?;
            self.attribute(key)?;
        }
        Ok(())
    }

    /// Reads an attribute's value and keeps the attribute.
    ///
    /// Each kind of value is pushed where it is made: see [`Reader`] for why.
    #[inline]
    fn attribute(&mut self, key: Name) -> Result<(), DecodeError> {
        let tag = self.reader.byte()?;
        let item = self.reader.item(tag, &mut self.buffer)?;
        let attrs = &mut self.stanza.attrs;
        match item {
            Item::Text(text) => attrs.push(FlatAttr { key, value: Value::Text(CompactString::new(text)) }),
            Item::Jid { user, device, server } => {
                let user = CompactString::new(user);
                let jid = Jid { user, device: device.into(), integrator: 0, server };
                attrs.push(FlatAttr { key, value: Value::Jid(jid) });
            }
            Item::Made(value) => attrs.push(FlatAttr { key, value }),
        }
        Ok(())
    }

    fn content(&mut self, at: usize, depth: usize) -> Result<(), DecodeError> {
        let tag = self.reader.byte()?;
        let body = if let Some(count) = self.reader.list_size(tag)? {
            self.children(count, depth + 1)?;
            Body::Nodes(count as u32)
        } else if let Some(bytes) = self.reader.binary(tag)? {
            self.stanza.blobs.push(bytes);
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
        let start = (self.reader.left(), self.stanza.elements.len(), self.stanza.attrs.len());
        for read in 0..count {
            self.element(depth)?;
            if read + 1 == SAMPLE {
                self.reserve(start, count - SAMPLE);
            }
        }
        Ok(())
    }

    /// After some children of a long list: reserves space for `left` more of their kind, or for as many as the remaining
    /// bytes can hold.
    fn reserve(&mut self, (left_before, elements, attrs): (usize, usize, usize), left: usize) {
        let read = (left_before - self.reader.left()).max(1);
        let likely = (left / SAMPLE + 1).min(self.reader.left() / read + 1);
        let stanza = &mut self.stanza;
        stanza.elements.reserve((stanza.elements.len() - elements) * likely);
        stanza.attrs.reserve((stanza.attrs.len() - attrs) * likely);
    }

    /// A tag or an attribute's key.
    #[inline]
    fn name(&mut self) -> Result<Name, DecodeError> {
        let tag = self.reader.byte()?;
        self.name_of(tag)
    }

    /// A string that is kept as a name: see [`Name`].
    #[inline]
    fn name_of(&mut self, tag: u8) -> Result<Name, DecodeError> {
        match tag {
            token::LIST_EMPTY..token::DICT_0 => Ok(Name::of_code(tag as u16)),
            token::DICT_0..=token::DICT_3 => Ok(Name::of_code(token::double(tag, self.reader.byte()?))),
            _ => self.spelled_name(tag),
        }
    }

    #[inline(never)]
    fn spelled_name(&mut self, tag: u8) -> Result<Name, DecodeError> {
        if let Some(code) = self.reader.name(tag) {
            return Ok(Name::of_code(code));
        }
        let name = match self.reader.item(tag, &mut self.buffer)? {
            Item::Text(text) => CompactString::new(text),
            Item::Jid { user, device, server } => {
                format_compact!("{}", Jid { user: user.into(), device: device.into(), integrator: 0, server })
            }
            Item::Made(value) => format_compact!("{value}"),
        };
        if self.stanza.own_names() >= MAX_STRINGS {
            return Err(DecodeError::TooLarge);
        }
        Ok(self.stanza.name(name))
    }
}

/// Children of a list that are read before room is made for the others.
const SAMPLE: usize = 8;
