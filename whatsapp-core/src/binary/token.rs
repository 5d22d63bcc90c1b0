//! The dictionary: strings that the wire spells in one or two bytes, and the bytes that announce all else.
//!
//! Version 3 of the dictionary (protocol notes 2.1), one file per table in `tokens/`, one string per line in wire
//! order. A string's *code* is its byte for the first table, and `(table + 1) << 8 | byte` for the four others.
use compact_str::CompactString;

use crate::jid::Server;

/// An empty list, or an absent string.
pub(super) const LIST_EMPTY: u8 = 0;
/// The first of four: a string of a double-byte table.
pub(super) const DICT_0: u8 = 236;
/// The last of four.
pub(super) const DICT_3: u8 = 239;
/// `user`, device (2), integrator (2), server `interop`.
pub(super) const INTEROP_JID: u8 = 245;
/// `user`, device (2), server `msgr`.
pub(super) const FB_JID: u8 = 246;
/// Domain (1), device (1), user.
pub(super) const AD_JID: u8 = 247;
/// List with a length of one byte.
pub(super) const LIST_8: u8 = 248;
/// List with a length of two bytes.
pub(super) const LIST_16: u8 = 249;
/// User, server.
pub(super) const JID_PAIR: u8 = 250;
/// Upper-case hexadecimal digits, two a byte.
pub(super) const HEX_8: u8 = 251;
/// Bytes with a length of one byte.
pub(super) const BINARY_8: u8 = 252;
/// Bytes with a length of 20 bits in three bytes.
pub(super) const BINARY_20: u8 = 253;
/// Bytes with a length of four bytes.
pub(super) const BINARY_32: u8 = 254;
/// Digits, `-` and `.`, two a byte.
pub(super) const NIBBLE_8: u8 = 255;

/// One more than the highest code.
const CODES: usize = 5 << 8;
/// Slots of the hash table: a power of two, a third full.
const SLOTS: usize = 4096;

/// The string of each code; empty where there is none.
static STRINGS: [&str; CODES] = strings();
/// The same, ready to be copied into a value.
static COMPACT: [CompactString; CODES] = compact();
/// The servers among the strings.
static SERVERS: [Option<Server>; CODES] = servers();
/// Codes by hash of their string: a code in the low half, a second part of the hash in the high half; 0 is empty.
static INDEX: [u32; SLOTS] = index();

/// Longest string of the dictionary.
const LONGEST: usize = longest(false);
/// Longest string of the dictionary that packed digits could also spell.
pub(super) const LONGEST_PACKABLE: usize = longest(true);

/// The code of a byte of the first table, if it is one.
pub(super) const fn single(byte: u8) -> Option<u16> {
    if byte != LIST_EMPTY && byte < DICT_0 { Some(byte as u16) } else { None }
}

/// The code of a byte of a double-byte table; `tag` is one of [`DICT_0`] to [`DICT_3`].
pub(super) const fn double(tag: u8, byte: u8) -> u16 {
    ((tag.wrapping_sub(DICT_0) & 3) as u16 + 1) << 8 | byte as u16
}

/// How a code is spelled: one byte, or a table's tag and a byte.
pub(super) const fn spelling(code: u16) -> (Option<u8>, u8) {
    match code >> 8 {
        0 => (None, code as u8),
        table => (Some(DICT_0 + (table - 1) as u8), code as u8),
    }
}

/// The string of a code.
pub(super) fn string(code: u16) -> &'static str {
    STRINGS.get(code as usize).copied().unwrap_or_default()
}

/// The string of a code, as a value keeps it.
pub(super) fn compact_string(code: u16) -> CompactString {
    COMPACT.get(code as usize).cloned().unwrap_or_default()
}

/// The server whose name has that code.
pub(super) fn server(code: u16) -> Option<Server> {
    SERVERS.get(code as usize).copied().flatten()
}

/// The code of a string, if it is in the dictionary.
pub(super) fn code(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > LONGEST {
        return None;
    }
    let hash = hash(bytes);
    let mut slot = hash as usize % SLOTS;
    loop {
        let entry = INDEX[slot];
        if entry == 0 {
            return None;
        }
        if entry >> 16 == hash >> 16 && string(entry as u16) == text {
            return Some(entry as u16);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Mixes the length and both ends, which tell nearly all strings of the dictionary apart.
const fn hash(bytes: &[u8]) -> u32 {
    let (head, tail) = if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
    } else if let [first, .., last] = bytes {
        (*first as u64 | (bytes[bytes.len() / 2] as u64) << 8, *last as u64)
    } else if let [only] = bytes {
        (*only as u64, 0)
    } else {
        (0, 0)
    };
    let mixed = (head ^ tail.rotate_left(29) ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32 ^ (mixed >> 17) as u32
}

const fn strings() -> [&'static str; CODES] {
    let tables = [
        include_str!("tokens/single.txt"),
        include_str!("tokens/double_0.txt"),
        include_str!("tokens/double_1.txt"),
        include_str!("tokens/double_2.txt"),
        include_str!("tokens/double_3.txt"),
    ];
    let mut strings = [""; CODES];
    let mut table = 0;
    while table < tables.len() {
        let mut rest = tables[table];
        let mut code = table << 8;
        while !rest.is_empty() {
            let end = line_length(rest);
            let (line, behind) = rest.split_at(end);
            strings[code] = line;
            rest = behind.split_at(1).1;
            code += 1;
        }
        assert!(
            code == (if table == 0 { DICT_0 as usize } else { (table + 1) << 8 }),
            "a table of another size"
        );
        table += 1;
    }
    strings
}

const fn line_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while bytes[end] != b'\n' {
        end += 1;
    }
    end
}

const fn compact() -> [CompactString; CODES] {
    let mut compact = [const { CompactString::const_new("") }; CODES];
    let mut code = 0;
    while code < CODES {
        // Constants cannot drop: the empty string that was there is forgotten instead.
        std::mem::forget(std::mem::replace(&mut compact[code], CompactString::const_new(STRINGS[code])));
        code += 1;
    }
    compact
}

const fn servers() -> [Option<Server>; CODES] {
    let mut servers = [None; CODES];
    let mut left: &[Server] = &[
        Server::User,
        Server::Lid,
        Server::Group,
        Server::Broadcast,
        Server::Newsletter,
        Server::Hosted,
        Server::HostedLid,
        Server::Bot,
        Server::Messenger,
        Server::Interop,
        Server::Legacy,
    ];
    while let [server, rest @ ..] = left {
        let mut code = 1;
        while code < CODES {
            if same(STRINGS[code].as_bytes(), server.as_str().as_bytes()) {
                servers[code] = Some(*server);
            }
            code += 1;
        }
        left = rest;
    }
    servers
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

const fn index() -> [u32; SLOTS] {
    let mut index = [0; SLOTS];
    let mut code = 1;
    while code < CODES {
        if !STRINGS[code].is_empty() {
            let hash = hash(STRINGS[code].as_bytes());
            let mut slot = hash as usize % SLOTS;
            while index[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            index[slot] = (hash >> 16) << 16 | code as u32;
        }
        code += 1;
    }
    index
}

const fn longest(packable: bool) -> usize {
    let mut longest = 0;
    let mut code = 1;
    while code < CODES {
        let bytes = STRINGS[code].as_bytes();
        if bytes.len() > longest && (!packable || super::packed::is_packable(bytes)) {
            longest = bytes.len();
        }
        code += 1;
    }
    longest
}
