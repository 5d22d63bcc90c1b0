//! Which bytes are which characters.
use std::{
    collections::VecDeque,
    io::{self, Read},
};

use crate::audience::error::FileError;

/// How text is written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// With a byte order mark or without. UTF-16 with a mark is turned into it on the way in.
    Utf8,
    /// Western European, as Windows writes it; Latin-1 but for a few characters that no file has.
    Windows1252,
}

/// What Windows-1252 has where Latin-1 has control characters; zero where it has nothing.
const WINDOWS: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0, 0x17d,
    0, //
    0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0, 0x17e,
    0x178,
];

/// The character of a byte of Windows-1252.
pub(super) fn windows(byte: u8) -> Option<char> {
    match byte {
        0x80..0xa0 => Some(WINDOWS[usize::from(byte) - 0x80])
            .filter(|code| *code != 0)
            .and_then(|code| char::from_u32(code.into())),
        _ => Some(char::from(byte)),
    }
}

/// The encoding of a file that begins like this and has no byte order mark; `None` as long as all of it is ASCII.
pub(super) fn detect(start: &[u8]) -> Result<Option<Encoding>, FileError> {
    if start.starts_with(b"PK\x03\x04") {
        return Err(FileError::Archive);
    }
    let zeros = |parity| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if even + odd > 0 {
        // Text of the western world in UTF-16 has a zero in nearly every other place.
        let is_wide = even.max(odd) * 4 > start.len() && even.min(odd) * 8 < even.max(odd);
        return Err(if is_wide { FileError::Utf16WithoutMark } else { FileError::Binary });
    }
    Ok(of_text(start))
}

/// UTF-8 if most of what is not ASCII is well-formed: one damaged row does not make it something else.
pub(super) fn of_text(text: &[u8]) -> Option<Encoding> {
    let (mut sound, mut broken, mut rest) = (0, 0, text);
    loop {
        let (valid, next) = match str::from_utf8(rest) {
            Ok(valid) => (valid, None),
            Err(error) => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                // Without a length, the text ends within a character: it is cut there.
                let next = error.error_len().map(|length| &tail[length..]);
                broken += usize::from(next.is_some());
                (str::from_utf8(valid).unwrap_or_default(), next)
            }
        };
        sound += valid.chars().filter(|character| !character.is_ascii()).count();
        match next {
            Some(next) => rest = next,
            None if sound + broken == 0 => return None,
            None => return Some(if sound > broken { Encoding::Utf8 } else { Encoding::Windows1252 }),
        }
    }
}

/// Takes a byte order mark off, and turns UTF-16 into UTF-8. Half a surrogate pair becomes a byte that is no UTF-8, so that the row
/// it is in cannot be read.
pub(super) struct Unmarked<R> {
    inner: R,
    wide: Option<Order>,
    /// Said by the mark.
    pub(super) marked: bool,
    /// Bytes that were read and not looked at.
    ahead: VecDeque<u8>,
    /// UTF-8 that was not asked for yet.
    ready: VecDeque<u8>,
    /// The first half of a pair.
    high: Option<u16>,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

const NO_CHARACTER: u8 = 0xff;

impl<R: Read> Unmarked<R> {
    pub(super) fn new(mut inner: R) -> io::Result<Self> {
        let mut start = Vec::with_capacity(3);
        inner.by_ref().take(3).read_to_end(&mut start)?;
        let (mark, wide) = match start.as_slice() {
            [0xef, 0xbb, 0xbf] => (3, None),
            [0xff, 0xfe, ..] => (2, Some(Order::Little)),
            [0xfe, 0xff, ..] => (2, Some(Order::Big)),
            _ => (0, None),
        };
        let ahead = start.split_off(mark).into();
        Ok(Self { inner, wide, marked: mark > 0, ahead, ready: VecDeque::new(), high: None })
    }

    /// Reads some more UTF-16; nothing at the end.
    fn widen(&mut self, order: Order) -> io::Result<()> {
        let mut bytes = [0; 4096];
        while self.ready.is_empty() {
            let read = self.inner.read(&mut bytes)?;
            self.ahead.extend(&bytes[..read]);
            while self.ahead.len() > 1 {
                let (first, second) = (self.ahead.pop_front(), self.ahead.pop_front());
                let pair = [first.unwrap_or_default(), second.unwrap_or_default()];
                self.unit(match order {
                    Order::Little => u16::from_le_bytes(pair),
                    Order::Big => u16::from_be_bytes(pair),
                });
            }
            if read == 0 {
                let is_cut = self.high.take().is_some() | self.ahead.pop_front().is_some();
                self.ready.extend(is_cut.then_some(NO_CHARACTER));
                return Ok(());
            }
        }
        Ok(())
    }

    fn unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                return self.put(character);
            }
            self.ready.push_back(NO_CHARACTER);
        }
        match char::decode_utf16([unit]).next() {
            Some(Ok(character)) => self.put(character),
            _ if (0xd800..0xdc00).contains(&unit) => self.high = Some(unit),
            _ => self.ready.push_back(NO_CHARACTER),
        }
    }

    fn put(&mut self, character: char) {
        self.ready.extend(character.encode_utf8(&mut [0; 4]).bytes());
    }
}

impl<R: Read> Read for Unmarked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.wide {
            Some(order) => {
                self.widen(order)?;
                self.ready.read(bytes)
            }
            None if self.ahead.is_empty() => self.inner.read(bytes),
            None => self.ahead.read(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        Unmarked::new(bytes).unwrap().read_to_end(&mut read).unwrap();
        read
    }

    fn wide(text: &str, big: bool) -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    proptest! {
        #[test]
        fn utf_16_in_both_orders_and_a_mark_read_as_utf_8(text in "\\PC{0,40}") {
            prop_assert_eq!(read(&wide(&text, false)), text.as_bytes());
            prop_assert_eq!(read(&wide(&text, true)), text.as_bytes());
            prop_assert_eq!(read(format!("\u{feff}{text}").as_bytes()), text.as_bytes());
        }

        #[test]
        fn other_bytes_come_as_they_are(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let marks: [&[u8]; 3] = [&[0xff, 0xfe], &[0xfe, 0xff], &[0xef, 0xbb, 0xbf]];
            prop_assume!(!marks.iter().any(|mark| bytes.starts_with(mark)));
            prop_assert_eq!(read(&bytes), bytes);
        }
    }

    #[test]
    fn half_a_character_is_none() {
        let mut text = wide("ab", false);
        text.extend([0x00, 0xd8, b'c', 0, 0x00, 0xdc, b'd']);
        assert_eq!(read(&text), b"ab\xffc\xff\xff");
    }

    #[test]
    fn encodings_are_told_apart() {
        let of = |bytes: &[u8]| detect(bytes);
        assert_eq!(of(b"plain"), Ok(None));
        assert_eq!(of("Jürgen".as_bytes()), Ok(Some(Encoding::Utf8)));
        assert_eq!(of(&"Jürgen".as_bytes()[..2]), Ok(None), "cut within a character");
        assert_eq!(of(b"J\xfcrgen"), Ok(Some(Encoding::Windows1252)));
        assert_eq!(
            of(b"J\xc3\xbcrgen, M\xc3\xbcller, J\xfcrgen"),
            Ok(Some(Encoding::Utf8)),
            "one damaged name"
        );
        assert_eq!(of(&wide("name;phone", false)[2..]), Err(FileError::Utf16WithoutMark));
        assert_eq!(of(&wide("name;phone", true)[2..]), Err(FileError::Utf16WithoutMark));
        assert_eq!(of(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0"), Err(FileError::Binary));
        assert_eq!(of(b"PK\x03\x04"), Err(FileError::Archive));
        assert_eq!((windows(0x80), windows(0xe9), windows(0x81)), (Some('€'), Some('é'), None));
    }
}
