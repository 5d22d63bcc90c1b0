//! The dictionary: strings that the wire encodes in one or two bytes, and the tag bytes.
//!
//! Version 3 of the dictionary (protocol notes 2.1), one file per table in `tokens/`, one string per line in wire
//! order. A string's *code* is its byte for the first table, and `(table + 1) << 8 | byte` for the four others.
//!
//! Names that are in use but came after the dictionary are numbered as well, in `beyond.txt`: the wire encodes them
//! letter by letter, but a decoded stanza need not keep them.
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

/// The first code of a name that the wire encodes letter by letter.
const BEYOND: u16 = 5 << 8;
/// One more than the highest code.
const CODES: usize = 6 << 8;
/// Slots of the hash table: a power of two, a third full.
const SLOTS: usize = 4096;
/// Of 8,000 random odd numbers, the one with the most strings alone in their slot.
const MULTIPLIER: u64 = 0xDCE1_7831_A822_70F7;

/// The string of each code; empty where there is none.
static STRINGS: [&str; CODES] = strings();
/// The servers among the strings.
static SERVERS: [Option<Server>; CODES] = servers();
/// The codes of the servers, by their discriminant.
static SERVER_CODES: [Option<u16>; ALL_SERVERS.len()] = server_codes();
/// Codes by hash of their string.
static INDEX: [Slot; SLOTS] = index();

/// Longest string of the dictionary.
const LONGEST: usize = longest(false);
/// Longest string of the dictionary that packed digits could also spell.
pub(super) const LONGEST_PACKABLE: usize = longest(true);

/// The code of a byte of a double-byte table; `tag` is one of [`DICT_0`] to [`DICT_3`].
pub(super) const fn double(tag: u8, byte: u8) -> u16 {
    ((tag.wrapping_sub(DICT_0) & 3) as u16 + 1) << 8 | byte as u16
}

/// The encoding of a code: one byte, or a table's tag and a byte.
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

/// The code of a server's name, if it is in the dictionary.
#[inline]
pub(super) fn server_code(server: Server) -> Option<u16> {
    SERVER_CODES[server as usize]
}

/// The server whose name has that code.
pub(super) fn server(code: u16) -> Option<Server> {
    SERVERS.get(code as usize).copied().flatten()
}

/// The code of a string, if it is in the dictionary.
#[inline]
pub(super) fn code(text: &str) -> Option<u16> {
    name_code(text.as_bytes()).filter(|code| *code < BEYOND)
}

/// The code of a name, in the dictionary or beyond it.
#[inline]
pub(super) fn name_code(text: &[u8]) -> Option<u16> {
    if text.len() > LONGEST {
        return None;
    }
    let key = Key::of(text);
    let mut place = key.place();
    loop {
        let slot = &INDEX[place];
        if slot.key.same(key) && (text.len() <= Key::WHOLE || string(slot.code).as_bytes() == text) {
            return Some(slot.code).filter(|code| *code != 0);
        }
        if slot.code == 0 {
            return None;
        }
        place = (place + 1) % SLOTS;
    }
}

/// A place of the hash table; code 0 where it is empty.
#[derive(Clone, Copy)]
struct Slot {
    key: Key,
    code: u16,
}

/// The length and the first and last eight bytes, which identify nearly all strings of the dictionary. They are all of a
/// string of up to 16 bytes, so most comparisons need not read the string itself.
#[derive(Clone, Copy)]
struct Key {
    head: u64,
    tail: u64,
    length: u16,
}

impl Key {
    /// A key holds all of a string up to that length.
    const WHOLE: usize = 16;

    #[inline]
    const fn of(bytes: &[u8]) -> Self {
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
        Self { head, tail, length: bytes.len() as u16 }
    }

    #[inline]
    const fn same(self, other: Self) -> bool {
        (self.head ^ other.head) | (self.tail ^ other.tail) | (self.length ^ other.length) as u64 == 0
    }

    #[inline]
    const fn place(self) -> usize {
        let mixed = (self.head ^ self.tail.rotate_left(29) ^ self.length as u64).wrapping_mul(MULTIPLIER);
        (mixed >> (64 - SLOTS.ilog2())) as usize
    }
}

const fn strings() -> [&'static str; CODES] {
    let tables = [
        include_str!("tokens/single.txt"),
        include_str!("tokens/double_0.txt"),
        include_str!("tokens/double_1.txt"),
        include_str!("tokens/double_2.txt"),
        include_str!("tokens/double_3.txt"),
        include_str!("tokens/beyond.txt"),
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
        let end = match table {
            0 => DICT_0 as usize,
            1..5 => (table + 1) << 8,
            _ => code,
        };
        assert!(code == end && code <= CODES, "a table of another size");
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

const ALL_SERVERS: [Server; 11] = [
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

const fn server_codes() -> [Option<u16>; ALL_SERVERS.len()] {
    let mut codes = [None; ALL_SERVERS.len()];
    let mut at = 0;
    while at < ALL_SERVERS.len() {
        let server = ALL_SERVERS[at];
        let mut code = 1;
        while code < BEYOND as usize {
            if same(STRINGS[code].as_bytes(), server.as_str().as_bytes()) {
                codes[server as usize] = Some(code as u16);
            }
            code += 1;
        }
        at += 1;
    }
    codes
}

const fn servers() -> [Option<Server>; CODES] {
    let mut servers = [None; CODES];
    let mut at = 0;
    while at < ALL_SERVERS.len() {
        if let Some(code) = SERVER_CODES[ALL_SERVERS[at] as usize] {
            servers[code as usize] = Some(ALL_SERVERS[at]);
        }
        at += 1;
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

const fn index() -> [Slot; SLOTS] {
    let mut index = [Slot { key: Key::of(b""), code: 0 }; SLOTS];
    let mut code = 1;
    while code < CODES {
        if !STRINGS[code].is_empty() {
            let key = Key::of(STRINGS[code].as_bytes());
            let mut place = key.place();
            while index[place].code != 0 {
                place = (place + 1) % SLOTS;
            }
            index[place] = Slot { key, code: code as u16 };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_has_its_code() {
        let codes = (1..DICT_0 as u16).chain(1 << 8..BEYOND);
        assert_eq!(codes.clone().count(), 235 + 4 * 256);
        for code in codes {
            assert_eq!(super::code(string(code)), Some(code), "{}", string(code));
            assert_eq!(name_code(string(code).as_bytes()), Some(code), "{}", string(code));
        }
    }

    #[test]
    fn names_beyond_the_dictionary_are_not_in_it() {
        let names = (BEYOND..CODES as u16).filter(|code| !string(*code).is_empty());
        assert!(names.clone().count() > 90);
        for code in names {
            assert_eq!(name_code(string(code).as_bytes()), Some(code), "{}", string(code));
            assert_eq!(super::code(string(code)), None);
        }
    }

    #[test]
    fn other_strings_have_no_code() {
        // Strings that share length and ends with one of the dictionary, among others.
        let near = "mms_hot_content_timespan_in_seconds".replace("timespan", "lifespan");
        for text in
            ["", "iqq", "Iq", "--", "s.whatsapp.nett", near.as_str(), &"x".repeat(48), &"x".repeat(4000)]
        {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn tables_have_the_right_bounds() {
        assert_eq!(
            (string(1), string(3), string(235)),
            ("xmlstreamstart", "s.whatsapp.net", "screen_height")
        );
        assert_eq!(string(double(DICT_0, 0)), "read-self");
        assert_eq!(spelling(double(DICT_3, 255)), (Some(DICT_3), 255));
        assert_eq!(spelling(25), (None, 25));
    }

    #[test]
    fn servers_are_found_by_code() {
        for server in ALL_SERVERS {
            assert_eq!(Server::from_wire(server.as_str()), Some(server));
            assert_eq!(server_code(server), code(server.as_str()));
            assert!(server_code(server).is_none_or(|code| super::server(code) == Some(server)));
        }
        assert_eq!(server(3), Some(Server::User));
        assert_eq!(server(4), None);
    }

    #[test]
    fn the_hash_table_has_few_collisions() {
        let lost = |text: &str| {
            let place = Key::of(text.as_bytes()).place();
            (0..SLOTS).find(|step| string(INDEX[(place + step) % SLOTS].code) == text)
        };
        let worst = STRINGS.iter().filter(|text| !text.is_empty()).filter_map(|text| lost(text)).max();
        assert!(worst <= Some(5), "{worst:?}");
    }
}
