//! Signal messages as bytes (protocol notes 2.6).
//!
//! A message is a version byte, four protobuf fields and a MAC. The fields are written and read by hand: they are
//! on the path of every message, and reading them in place saves four copies.
use bytes::Bytes;
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};
use zeroize::Zeroizing;

use super::SignalError;
use crate::crypto::{self, PublicKey, SIGNATURE_LENGTH};

/// Version 3, spoken by both sides.
pub(super) const VERSION: u8 = 0x33;
/// Length of a pairwise message's truncated MAC.
pub(super) const MAC_LENGTH: usize = 8;

/// The kinds of ciphertext, as the `type` of an `enc` element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiphertextKind {
    /// `pkmsg`: sets a session up.
    PreKey,
    /// `msg`.
    Message,
    /// `skmsg`.
    SenderKey,
}

/// An encrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    /// Its kind.
    pub kind: CiphertextKind,
    /// The bytes of the `enc` element.
    pub bytes: Bytes,
}

/// The fields of a pairwise message, borrowed.
pub(super) struct SignalMessage<'a> {
    pub(super) ratchet_key: PublicKey,
    pub(super) counter: u32,
    pub(super) ciphertext: &'a [u8],
    /// The bytes that the MAC covers, after the two identities.
    pub(super) authenticated: &'a [u8],
    pub(super) mac: &'a [u8],
}

impl<'a> SignalMessage<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a Signal message");
        check_version(bytes)?;
        let end = bytes.len().checked_sub(MAC_LENGTH).filter(|end| *end > 1).ok_or(WHAT)?;
        let (authenticated, mac) = bytes.split_at(end);
        let mut fields = Fields(&authenticated[1..]);
        let (mut ratchet_key, mut counter, mut ciphertext) = (None, None, None);
        while let Some(field) = fields.next().map_err(|()| WHAT)? {
            match field {
                (1, Field::Bytes(key)) => ratchet_key = Some(PublicKey::from_typed(key)?),
                (2, Field::Number(number)) => counter = Some(u32::try_from(number).map_err(|_| WHAT)?),
                (4, Field::Bytes(bytes)) => ciphertext = Some(bytes),
                _ => {}
            }
        }
        match (ratchet_key, counter, ciphertext) {
            (Some(ratchet_key), Some(counter), Some(ciphertext)) => {
                Ok(Self { ratchet_key, counter, ciphertext, authenticated, mac })
            }
            _ => Err(WHAT),
        }
    }

    /// Writes version and fields up to the ciphertext's length, in a buffer with exactly the room for the ciphertext
    /// and the MAC, which follow.
    pub(super) fn start(key: &PublicKey, counter: u32, previous: u32, ciphertext_length: usize) -> Vec<u8> {
        let head = 1 + 35 + number_length(counter) + number_length(previous);
        let mut out = Vec::with_capacity(head + bytes_length(ciphertext_length) + MAC_LENGTH);
        out.push(VERSION);
        put_bytes(&mut out, 1, &key.to_typed());
        put_number(&mut out, 2, counter);
        put_number(&mut out, 3, previous);
        put_length(&mut out, 4, ciphertext_length);
        out
    }
}

/// A parsed `pkmsg`: the fields that find its keys, and the inner message.
#[derive(Clone, Debug)]
pub struct PreKeyMessage {
    pre_key_id: Option<u32>,
    signed_pre_key_id: u32,
    registration_id: u32,
    base_key: PublicKey,
    identity: PublicKey,
    message: Vec<u8>,
}

impl PreKeyMessage {
    /// Reads the outer message; the inner one is not parsed yet.
    ///
    /// # Errors
    /// When it is malformed or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a prekey message");
        check_version(bytes)?;
        let mut fields = Fields(&bytes[1..]);
        let (mut pre_key_id, mut signed_pre_key_id, mut registration_id) = (None, None, 0);
        let (mut base_key, mut identity, mut message) = (None, None, None);
        let id = |number: u64| u32::try_from(number).map_err(|_| WHAT);
        while let Some(field) = fields.next().map_err(|()| WHAT)? {
            match field {
                (1, Field::Number(number)) => pre_key_id = Some(id(number)?),
                (2, Field::Bytes(key)) => base_key = Some(PublicKey::from_typed(key)?),
                (3, Field::Bytes(key)) => identity = Some(PublicKey::from_typed(key)?),
                (4, Field::Bytes(bytes)) => message = Some(bytes.to_vec()),
                (5, Field::Number(number)) => registration_id = id(number)?,
                (6, Field::Number(number)) => signed_pre_key_id = Some(id(number)?),
                _ => {}
            }
        }
        match (signed_pre_key_id, base_key, identity, message) {
            (Some(signed_pre_key_id), Some(base_key), Some(identity), Some(message)) => {
                Ok(Self { pre_key_id, signed_pre_key_id, registration_id, base_key, identity, message })
            }
            _ => Err(WHAT),
        }
    }

    /// The one-time prekey it uses.
    pub const fn pre_key_id(&self) -> Option<u32> {
        self.pre_key_id
    }

    /// The signed prekey it uses.
    pub const fn signed_pre_key_id(&self) -> u32 {
        self.signed_pre_key_id
    }

    /// The sender's registration id.
    pub const fn registration_id(&self) -> u32 {
        self.registration_id
    }

    /// The name of the session that it sets up.
    pub const fn base_key(&self) -> PublicKey {
        self.base_key
    }

    /// The sender's identity, not authenticated until the message decrypts.
    pub const fn identity(&self) -> PublicKey {
        self.identity
    }

    /// The message inside.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }
}

/// The fields of a PreKeySignalMessage besides the inner message (protocol notes 2.6).
pub(super) struct PreKeyHeader<'a> {
    pub(super) pre_key_id: Option<u32>,
    pub(super) signed_pre_key_id: u32,
    pub(super) registration_id: u32,
    pub(super) base_key: &'a PublicKey,
    pub(super) identity: &'a PublicKey,
}

impl PreKeyHeader<'_> {
    pub(super) fn encode(&self, message: &[u8]) -> Bytes {
        let ids = self.pre_key_id.map_or(0, number_length)
            + number_length(self.registration_id)
            + number_length(self.signed_pre_key_id);
        let mut out = Vec::with_capacity(1 + 35 + 35 + bytes_length(message.len()) + ids);
        out.push(VERSION);
        if let Some(id) = self.pre_key_id {
            put_number(&mut out, 1, id);
        }
        put_bytes(&mut out, 2, &self.base_key.to_typed());
        put_bytes(&mut out, 3, &self.identity.to_typed());
        put_bytes(&mut out, 4, message);
        put_number(&mut out, 5, self.registration_id);
        put_number(&mut out, 6, self.signed_pre_key_id);
        out.into()
    }
}

/// The fields of a group message, borrowed.
pub(super) struct SenderKeyMessage<'a> {
    pub(super) id: u32,
    pub(super) iteration: u32,
    pub(super) ciphertext: &'a [u8],
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> SenderKeyMessage<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a sender-key message");
        check_version(bytes)?;
        let end = bytes.len().checked_sub(SIGNATURE_LENGTH).filter(|end| *end > 1).ok_or(WHAT)?;
        let (signed, signature) = bytes.split_at(end);
        let mut fields = Fields(&signed[1..]);
        let (mut id, mut iteration, mut ciphertext) = (None, None, None);
        while let Some(field) = fields.next().map_err(|()| WHAT)? {
            match field {
                (1, Field::Number(number)) => id = Some(u32::try_from(number).map_err(|_| WHAT)?),
                (2, Field::Number(number)) => iteration = Some(u32::try_from(number).map_err(|_| WHAT)?),
                (3, Field::Bytes(bytes)) => ciphertext = Some(bytes),
                _ => {}
            }
        }
        match (id, iteration, ciphertext) {
            (Some(id), Some(iteration), Some(ciphertext)) => {
                Ok(Self { id, iteration, ciphertext, signed, signature })
            }
            _ => Err(WHAT),
        }
    }

    /// Writes version and fields up to the ciphertext's length, in a buffer with exactly the room for the ciphertext
    /// and the signature, which follow.
    pub(super) fn start(id: u32, iteration: u32, ciphertext_length: usize) -> Vec<u8> {
        let head = 1 + number_length(id) + number_length(iteration);
        let mut out = Vec::with_capacity(head + bytes_length(ciphertext_length) + SIGNATURE_LENGTH);
        out.push(VERSION);
        put_number(&mut out, 1, id);
        put_number(&mut out, 2, iteration);
        put_length(&mut out, 3, ciphertext_length);
        out
    }
}

/// The fields of a sender-key distribution.
pub(super) struct Distribution {
    pub(super) id: u32,
    pub(super) iteration: u32,
    pub(super) chain_key: Zeroizing<[u8; 32]>,
    pub(super) signing_key: PublicKey,
}

impl Distribution {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a sender-key distribution");
        check_version(bytes)?;
        let mut fields = Fields(&bytes[1..]);
        let (mut id, mut iteration, mut chain_key, mut signing_key) = (None, None, None, None);
        while let Some(field) = fields.next().map_err(|()| WHAT)? {
            match field {
                (1, Field::Number(number)) => id = Some(u32::try_from(number).map_err(|_| WHAT)?),
                (2, Field::Number(number)) => iteration = Some(u32::try_from(number).map_err(|_| WHAT)?),
                (3, Field::Bytes(key)) => {
                    chain_key = Some(Zeroizing::new(key.try_into().map_err(|_| WHAT)?));
                }
                (4, Field::Bytes(key)) => signing_key = Some(PublicKey::from_typed(key)?),
                _ => {}
            }
        }
        match (id, iteration, chain_key, signing_key) {
            (Some(id), Some(iteration), Some(chain_key), Some(signing_key)) => {
                Ok(Self { id, iteration, chain_key, signing_key })
            }
            _ => Err(WHAT),
        }
    }
}

/// Writes a sender-key distribution.
pub(super) fn distribution(id: u32, iteration: u32, chain_key: &[u8; 32], signing: &PublicKey) -> Bytes {
    let numbers = number_length(id) + number_length(iteration);
    let mut out = Vec::with_capacity(1 + numbers + 2 + 32 + 2 + 33);
    out.push(VERSION);
    put_number(&mut out, 1, id);
    put_number(&mut out, 2, iteration);
    put_bytes(&mut out, 3, chain_key);
    put_bytes(&mut out, 4, &signing.to_typed());
    crypto::secret_bytes(out)
}

fn check_version(bytes: &[u8]) -> Result<(), SignalError> {
    match bytes.first() {
        Some(&VERSION) => Ok(()),
        Some(&version) => Err(SignalError::Version(version)),
        None => Err(SignalError::Malformed("an empty message")),
    }
}

fn put_number(out: &mut Vec<u8>, tag: u8, number: u32) {
    out.push(tag << 3);
    encode_varint(number.into(), out);
}

fn put_length(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag << 3 | 2);
    encode_varint(length as u64, out);
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    put_length(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

/// The size of a field with its tag.
fn number_length(number: u32) -> usize {
    1 + encoded_len_varint(number.into())
}

fn bytes_length(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Protobuf fields of a slice, unknown kinds skipped over.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, ()> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = decode_varint(&mut self.0).map_err(|_| ())?;
        let field = match key & 7 {
            0 => Field::Number(decode_varint(&mut self.0).map_err(|_| ())?),
            1 => Field::Bytes(self.take(8)?),
            2 => {
                let length = decode_varint(&mut self.0).map_err(|_| ())?;
                Field::Bytes(self.take(usize::try_from(length).map_err(|_| ())?)?)
            }
            5 => Field::Bytes(self.take(4)?),
            _ => return Err(()),
        };
        Ok(Some((key >> 3, field)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ()> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(())?;
        self.0 = rest;
        Ok(taken)
    }
}
