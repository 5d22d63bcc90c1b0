//! Which bytes are which characters: any encoding that people have, turned into UTF-8 on the way in.
use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use encoding_rs::{Decoder, DecoderResult};

use super::{
    detect::{detect, wide},
    sniff,
};
use crate::{
    audience::error::{AudienceError, FileError},
    person::Region,
};

/// How text is written as bytes, by the names of the WHATWG, such as `windows-1251`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

/// Not the name of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an encoding that can be read: give a name such as UTF-8, windows-1251, Shift_JIS, GBK or UTF-16LE"
)]
pub struct UnknownEncoding;

impl Encoding {
    /// With a byte order mark or without.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);
    /// Western European, as Windows writes it.
    pub const WINDOWS_1252: Self = Self(encoding_rs::WINDOWS_1252);

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    fn is_wide(self) -> bool {
        self.0 == encoding_rs::UTF_16LE || self.0 == encoding_rs::UTF_16BE
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// A label of the WHATWG, or the number of a code page: `cp1251`, `win-1250`, `932`.
    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        let label = text.trim().to_ascii_lowercase().replace('_', "-");
        let number: String = label.chars().filter(char::is_ascii_digit).collect();
        let is_page =
            ["", "cp", "win", "windows", "codepage", "code page", "ms", "ansi", "ibm", "dos", "x-cp"]
                .contains(&label.trim_end_matches(char::is_numeric).trim_end_matches(['-', ' ']));
        let page = if is_page { page(&number) } else { None };
        let labelled = || {
            let of = |label: &str| encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
            of(&label).or_else(|| of(&label.replace('-', "_")))
        };
        let found = page.or_else(labelled).filter(|found| *found != encoding_rs::X_USER_DEFINED);
        found.map(Self).ok_or(UnknownEncoding)
    }
}

/// The encoding that a code page of Windows is.
fn page(number: &str) -> Option<&'static encoding_rs::Encoding> {
    Some(match number {
        "866" => encoding_rs::IBM866,
        "874" => encoding_rs::WINDOWS_874,
        "932" => encoding_rs::SHIFT_JIS,
        "936" => encoding_rs::GBK,
        "949" => encoding_rs::EUC_KR,
        "950" => encoding_rs::BIG5,
        "1200" => encoding_rs::UTF_16LE,
        "1201" => encoding_rs::UTF_16BE,
        "54936" => encoding_rs::GB18030,
        "65001" => encoding_rs::UTF_8,
        "1250" | "1251" | "1252" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258" => {
            encoding_rs::Encoding::for_label(format!("windows-{number}").as_bytes())?
        }
        _ => return None,
    })
}

/// So many bytes are looked at to find an encoding out.
const SAMPLE: usize = 256 * 1024;
/// So many bytes are read at once.
const STEP: usize = 64 * 1024;
/// Stands where bytes are no character: no UTF-8, so that the row it is in cannot be read.
const NO_CHARACTER: u8 = 0xff;

/// Reads a file as UTF-8. What is not said is found out, at the first character that is not ASCII.
pub(super) struct Decoded<R> {
    inner: R,
    region: Option<Region>,
    /// `None` as long as all was ASCII.
    encoding: Option<Encoding>,
    decoder: Option<Decoder>,
    /// Bytes that were read and not decoded.
    raw: Vec<u8>,
    /// UTF-8, of which the first `taken` bytes were handed on.
    ready: Vec<u8>,
    taken: usize,
    is_over: bool,
}

impl<R: Read> Decoded<R> {
    /// `wanted` is what somebody says; a byte order mark knows better. `region` helps where text is short.
    pub(super) fn new(
        mut inner: R,
        wanted: Option<Encoding>,
        region: Option<Region>,
    ) -> Result<Self, AudienceError> {
        let mut raw = Vec::new();
        inner.by_ref().take(SAMPLE as u64).read_to_end(&mut raw).map_err(AudienceError::Read)?;
        sniff::is_text(&raw)?;
        let mark = encoding_rs::Encoding::for_bom(&raw);
        let known = mark.map(|(found, _)| Encoding(found)).or(wanted).or_else(|| wide(&raw).map(Encoding));
        if !known.is_some_and(Encoding::is_wide) && raw.contains(&0) {
            return Err(FileError::Binary.into());
        }
        raw.drain(..mark.map_or(0, |(_, length)| length));
        let mut decoded = Self {
            inner,
            region,
            encoding: None,
            decoder: None,
            raw,
            ready: Vec::new(),
            taken: 0,
            is_over: false,
        };
        if let Some(known) = known {
            decoded.begin(known);
        }
        Ok(decoded)
    }

    /// What it is read with.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::UTF_8)
    }

    fn begin(&mut self, encoding: Encoding) {
        self.encoding = Some(encoding);
        self.decoder = Some(encoding.0.new_decoder_without_bom_handling());
    }

    /// Makes some more ready; nothing at the end.
    fn advance(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.taken = 0;
        while self.ready.is_empty() && !self.is_over {
            if self.raw.is_empty() {
                self.is_over = self.read_more(STEP)? == 0;
            }
            if self.decoder.is_none() {
                self.take_ascii()?;
            }
            let raw = std::mem::take(&mut self.raw);
            self.decode(&raw);
        }
        Ok(())
    }

    fn read_more(&mut self, most: usize) -> io::Result<usize> {
        self.inner.by_ref().take(most as u64).read_to_end(&mut self.raw)
    }

    /// Hands ASCII on; at the first other byte, finds the encoding out.
    fn take_ascii(&mut self) -> io::Result<()> {
        let length = self.raw.iter().take_while(|byte| byte.is_ascii()).count();
        if length == self.raw.len() {
            self.ready.append(&mut self.raw);
            return Ok(());
        }
        if self.raw.len() < SAMPLE {
            self.read_more(SAMPLE)?;
        }
        let found = Encoding(detect(&self.raw, self.region));
        self.begin(found);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8]) {
        let Some(decoder) = &mut self.decoder else { return };
        let mut rest = bytes;
        loop {
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(STEP);
            let start = self.ready.len();
            self.ready.resize(start + room, 0);
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(rest, &mut self.ready[start..], self.is_over);
            self.ready.truncate(start + written);
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.ready.push(NO_CHARACTER),
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.advance()?;
        }
        let mut rest = &self.ready[self.taken..];
        let read = rest.read(bytes)?;
        self.taken += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        Decoded::new(bytes, None, None).unwrap().read_to_end(&mut read).unwrap();
        read
    }

    fn wide_text(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    }

    proptest! {
        #[test]
        fn utf_16_in_both_orders_and_a_mark_read_as_utf_8(text in "a\\PC{0,40}") {
            for big in [false, true] {
                prop_assert_eq!(read(&wide_text(&format!("\u{feff}{text}"), big)), text.as_bytes());
            }
            prop_assert_eq!(read(format!("\u{feff}{text}").as_bytes()), text.as_bytes());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 1..90)) {
            if let Ok(mut decoded) = Decoded::new(bytes.as_slice(), None, None) {
                decoded.read_to_end(&mut Vec::new()).unwrap();
            }
        }
    }

    #[test]
    fn half_a_character_is_none() {
        let mut text = wide_text("\u{feff}ab", false);
        text.extend([0x00, 0xd8, b'c', 0, 0x00, 0xdc, b'd']);
        assert_eq!(read(&text).iter().filter(|byte| **byte == NO_CHARACTER).count(), 3);
    }

    #[test]
    fn names_of_encodings() {
        for (text, name) in [
            ("utf8", "UTF-8"),
            ("UTF-8", "UTF-8"),
            ("cp1251", "windows-1251"),
            ("win-1250", "windows-1250"),
            ("Windows_1254", "windows-1254"),
            ("1252", "windows-1252"),
            ("latin1", "windows-1252"),
            ("ISO-8859-2", "ISO-8859-2"),
            ("Shift_JIS", "Shift_JIS"),
            ("sjis", "Shift_JIS"),
            ("cp932", "Shift_JIS"),
            ("gb2312", "GBK"),
            ("GBK", "GBK"),
            ("big5", "Big5"),
            ("euc-kr", "EUC-KR"),
            ("koi8-r", "KOI8-R"),
            ("utf-16", "UTF-16LE"),
            ("UTF-16BE", "UTF-16BE"),
        ] {
            assert_eq!(text.parse::<Encoding>().map(Encoding::name), Ok(name), "{text}");
        }
        for text in ["", "klingon", "x-user-defined", "iso-2022-cn", "0"] {
            assert_eq!(text.parse::<Encoding>(), Err(UnknownEncoding), "{text}");
        }
    }

    #[test]
    fn what_is_not_said_is_found_out() {
        let encode = |text: &str, label: &str| {
            let encoding: Encoding = label.parse().unwrap();
            encoding.0.encode(text).0.into_owned()
        };
        for (number, name, label) in [
            ("+7 916 123-45-67", "Иван", "windows-1251"),
            ("+4917604069010", "Иван", "windows-1251"),
            ("+4917604069010", "Елена Петрова", "windows-1251"),
            ("+48601234567", "Łukasz Żółkiewski", "windows-1250"),
            ("+420601234567", "Jiří Dvořák", "windows-1250"),
            ("+4917604069010", "Jürgen", "windows-1252"),
            ("+33612345678", "Zoë Éluard", "windows-1252"),
            ("+905321234567", "Gülşah Yıldız", "windows-1254"),
            ("+819012345678", "山田太郎", "Shift_JIS"),
            ("+8613812345678", "王小明", "GBK"),
            ("+821012345678", "김민수", "EUC-KR"),
            ("+886912345678", "陳怡君", "Big5"),
            ("+306912345678", "Γιώργος", "windows-1253"),
            ("+972521234567", "שלום", "windows-1255"),
            ("+966512345678", "محمد", "windows-1256"),
            ("+66812345678", "สมชาย", "windows-874"),
            ("+37120123456", "Jānis Bērziņš", "windows-1257"),
            ("+4917604069010", "Łukasz", "windows-1250"),
            ("+4917604069010", "山田太郎", "Shift_JIS"),
            ("+819012345678", "山田", "Shift_JIS"),
            ("+380501234567", "Юлія", "windows-1251"),
            ("+34612345678", "José Nuñez", "windows-1252"),
        ] {
            let file = format!("phone;name\n{number};{name}\n");
            let bytes = encode(&file, label);
            let text = String::from_utf8_lossy(&read(&bytes)).into_owned();
            assert_eq!(text, file, "{label}");
        }
        for big in [false, true] {
            let file = "phone;name\n+79161234567;Иван Петров\n";
            assert_eq!(read(&wide_text(file, big)), file.as_bytes());
        }
    }

    #[test]
    fn a_name_far_down_decides_for_itself() {
        let mut file = b"phone;name\n".to_vec();
        (0..40_000).for_each(|_| file.extend(b"+4917604069010;Ada\n"));
        file.extend(b"+4917604069010;J\xfcrgen\n");
        assert!(String::from_utf8(read(&file)).unwrap().ends_with("Jürgen\n"));
    }
}
