//! The pieces that stanzas are written in: sizes, strings and addresses, read one by one.
use bytes::Bytes;
use compact_str::{CompactString, format_compact};

use super::{
    DecodeError, Value,
    packed::{self, Unpacked},
    token,
};
use crate::jid::{Jid, Server};

/// Reads from the front of a stanza's bytes.
///
/// Strings stay borrowed until it is known where they are kept, since a processor is slow at moving a small
/// string on that it has only just put together. A packed one is borrowed from the buffer that is handed in.
pub(super) struct Reader<'a> {
    bytes: &'a Bytes,
    /// The unread end of `bytes`.
    rest: &'a [u8],
}

/// The forms that can stand where a string is expected.
pub(super) enum Item<'s> {
    Text(&'s str),
    Jid {
        user: &'s str,
        device: u8,
        server: Server,
    },
    /// A rare form that is complete already.
    Made(Value),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, rest: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The string or address that `tag` announces.
    #[inline(always)]
    pub(super) fn item<'s>(&mut self, tag: u8, buffer: &'s mut Unpacked) -> Result<Item<'s>, DecodeError>
    where
        'a: 's,
    {
        let (mut text, mut domain, mut device) = (tag, 0, 0);
        match tag {
            token::JID_PAIR => text = self.byte()?,
            token::AD_JID => [domain, device, text] = self.array()?,
            token::FB_JID | token::INTEROP_JID => return self.foreign_jid(tag).map(Item::Made),
            _ => {}
        }
        let text = self.string(text, buffer)?;
        match tag {
            token::JID_PAIR => match self.usual_server() {
                Some(server) => Ok(Item::Jid { user: text, device: 0, server }),
                None => self.unusual_pair(text).map(Item::Made),
            },
            token::AD_JID => match Server::from_domain(domain) {
                Some(server) => Ok(Item::Jid { user: text, device, server }),
                // No server has this name, so it is not taken for another person's address.
                None => Ok(Item::Made(Value::Text(format_compact!("{text}:{device}@domain.{domain}")))),
            },
            _ => Ok(Item::Text(text)),
        }
    }

    /// A name beyond the dictionary that is spelled letter by letter, if such a one comes next.
    pub(super) fn name(&mut self, tag: u8) -> Option<u16> {
        let (length, rest) = self.rest.split_first().filter(|_| tag == token::BINARY_8)?;
        let (name, rest) = rest.split_at_checked(*length as usize)?;
        let code = token::name_code(name)?;
        self.rest = rest;
        Some(code)
    }

    /// The string that `tag` announces; an address is not one.
    #[inline(always)]
    fn string<'s>(&mut self, tag: u8, buffer: &'s mut Unpacked) -> Result<&'s str, DecodeError>
    where
        'a: 's,
    {
        let bytes = match tag {
            token::LIST_EMPTY..token::DICT_0 => return Ok(token::string(tag as u16)),
            token::DICT_0..=token::DICT_3 => return Ok(token::string(token::double(tag, self.byte()?))),
            token::NIBBLE_8 | token::HEX_8 => {
                let length = self.byte()?;
                let packed = self.take((length & 0x7f) as usize)?;
                return packed::unpack(tag, length, packed, buffer).ok_or(DecodeError::NotPacked);
            }
            _ => {
                let length = self.binary_length(tag)?.ok_or(DecodeError::UnexpectedTag(tag))?;
                self.take(length)?
            }
        };
        str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
    }

    /// The server of an address, if the next byte is the name of one.
    #[inline]
    fn usual_server(&mut self) -> Option<Server> {
        let (byte, rest) = self.rest.split_first()?;
        let server = token::server(*byte as u16)?;
        self.rest = rest;
        Some(server)
    }

    #[cold]
    fn unusual_pair(&mut self, user: &str) -> Result<Value, DecodeError> {
        match self.server()? {
            Ok(server) => Ok(Value::Jid(Jid { user: user.into(), device: 0, integrator: 0, server })),
            Err(server) => Ok(Value::Text(format_compact!("{user}@{server}"))),
        }
    }

    /// An address of another network.
    #[cold]
    fn foreign_jid(&mut self, tag: u8) -> Result<Value, DecodeError> {
        let user = self.small_string()?;
        let device = u16::from_be_bytes(self.array()?);
        if tag == token::INTEROP_JID {
            let integrator = u16::from_be_bytes(self.array()?);
            // Clients disagree whether the server follows.
            if let Some(rest) = self.rest.strip_prefix(b"\xfc\x07interop") {
                self.rest = rest;
            }
            return Ok(Value::Jid(Jid { user, device, integrator, server: Server::Interop }));
        }
        match self.server()? {
            Ok(server @ Server::Messenger) => Ok(Value::Jid(Jid { user, device, integrator: 0, server })),
            Ok(server) => Ok(Value::Text(format_compact!("{user}:{device}@{}", server.as_str()))),
            Err(server) => Ok(Value::Text(format_compact!("{user}:{device}@{server}"))),
        }
    }

    /// The server of an address, or its name when it is unknown.
    fn server(&mut self) -> Result<Result<Server, CompactString>, DecodeError> {
        let name = self.small_string()?;
        Ok(Server::from_wire(&name).ok_or(name))
    }

    fn small_string(&mut self) -> Result<CompactString, DecodeError> {
        let tag = self.byte()?;
        self.string(tag, &mut Unpacked::new()).map(CompactString::new)
    }

    /// The size of a list, if `tag` announces one.
    #[inline]
    pub(super) fn list_size(&mut self, tag: u8) -> Result<Option<usize>, DecodeError> {
        match tag {
            token::LIST_EMPTY => Ok(Some(0)),
            token::LIST_8 => Ok(Some(self.byte()? as usize)),
            token::LIST_16 => Ok(Some(u16::from_be_bytes(self.array()?) as usize)),
            _ => Ok(None),
        }
    }

    /// The bytes that `tag` announces, if any, as a slice of the decoded bytes.
    pub(super) fn binary(&mut self, tag: u8) -> Result<Option<Bytes>, DecodeError> {
        let Some(length) = self.binary_length(tag)? else { return Ok(None) };
        let start = self.bytes.len() - self.rest.len();
        self.take(length)?;
        Ok(Some(self.bytes.slice(start..start + length)))
    }

    #[inline]
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
    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*byte)
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
