//! Strings of digits, two characters a byte.
//!
//! `NIBBLE_8` spells digits, `-` (10) and `.` (11); `HEX_8` spells digits and `A` to `F`. After the tag comes the number
//! of bytes in the low seven bits; the high bit says that the last half byte is padding (15 when we write it).
//!
//! The code works on eight characters at once, one in each byte of a `u64` whose lowest byte is the first.
use super::token;

/// Longest string that is packed, in characters (`PACKED_MAX` of official clients).
pub(super) const LONGEST: usize = 127;

/// Tag, length, and the half bytes of the longest string in whole groups of eight.
pub(super) const ROOM: usize = 2 + LONGEST.div_ceil(8) * 4;

/// Could one alphabet spell all of `text`?
pub(super) const fn is_packable(text: &[u8]) -> bool {
    let (mut nibble, mut hex) = (true, true);
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        nibble = nibble && matches!(byte, b'0'..=b'9' | b'-' | b'.');
        hex = hex && matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        at += 1;
    }
    (nibble || hex) && !text.is_empty() && text.len() <= LONGEST
}

/// A quick look at the first character that rules out most strings that are not packable.
#[inline]
pub(super) fn may_start(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0'..=b'9' | b'-' | b'.' | b'A'..=b'F', ..])
}

/// Writes tag, length and packed characters to the front of `out`. Returns how many bytes that took; `None` when
/// `text` is not packable.
pub(super) fn pack(text: &[u8], out: &mut [u8; ROOM]) -> Option<usize> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let [tag, length, body @ ..] = out;
    let mut alphabets = Alphabets { nibble: true, hex: true };
    let (groups, rest) = text.as_chunks::<8>();
    let (places, _) = body.as_chunks_mut::<4>();
    let mut places = places.iter_mut();
    for (group, place) in groups.iter().zip(&mut places) {
        *place = pack_group(u64::from_le_bytes(*group), &mut alphabets)?.to_le_bytes();
    }
    if !rest.is_empty() {
        *places.next()? = pack_group(padded(text, rest.len()), &mut alphabets)?.to_le_bytes();
    }
    let size = text.len().div_ceil(2);
    let odd = text.len() % 2 == 1;
    if odd {
        body[size - 1] |= 15;
    }
    *tag = if alphabets.nibble { token::NIBBLE_8 } else { token::HEX_8 };
    *length = size as u8 | (odd as u8) << 7;
    Some(2 + size)
}

/// Room for the longest string that a length byte can announce, in whole groups of eight.
#[repr(align(16))]
pub(super) struct Unpacked([u8; 256]);

impl Unpacked {
    pub(super) const fn new() -> Self {
        Self([0; 256])
    }

    /// The first characters.
    ///
    /// Looking at whole blocks of the aligned buffer, where there is nothing but ASCII, is several times faster than
    /// stopping at the last character.
    #[inline]
    fn text(&self, length: usize) -> Option<&str> {
        str::from_utf8(self.0.get(..length.next_multiple_of(16))?).ok()?.get(..length)
    }
}

/// The string that `packed`, of at most 127 bytes, encodes, written to the front of `out`; `tag` is `NIBBLE_8` or
/// `HEX_8`, `length` the byte behind it. `None` when a half byte is not a character.
#[inline(always)]
pub(super) fn unpack<'s>(tag: u8, length: u8, packed: &[u8], out: &'s mut Unpacked) -> Option<&'s str> {
    let characters = unpack_into(tag, length, packed, &mut out.0)?;
    out.text(characters)
}

fn unpack_into(tag: u8, length: u8, packed: &[u8], out: &mut [u8; 256]) -> Option<usize> {
    let hex = tag == token::HEX_8;
    let odd = length & 0x80 != 0;
    let Some(before_last) = packed.len().checked_sub(1) else { return Some(0) };
    let (groups, last) = packed.split_at(before_last / 4 * 4);
    let (groups, _) = groups.as_chunks::<4>();
    let (places, _) = out.as_chunks_mut::<8>();
    let mut places = places.iter_mut();
    let mut wrong = 0;
    for (group, place) in groups.iter().zip(&mut places) {
        *place = unpack_group(u32::from_le_bytes(*group), hex, &mut wrong).to_le_bytes();
    }
    if let Some(place) = places.next() {
        let mut group = front(last) as u32;
        if odd {
            // The value of the padding does not matter.
            group &= !(15 << (8 * (last.len() - 1)));
        }
        *place = unpack_group(group, hex, &mut wrong).to_le_bytes();
    }
    (wrong == 0).then(|| 2 * packed.len() - usize::from(odd))
}

/// The alphabets that can encode all characters so far.
struct Alphabets {
    nibble: bool,
    hex: bool,
}

/// That number in each byte.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Eight characters to four bytes, unless no remaining alphabet can encode them.
#[inline]
fn pack_group(text: u64, alphabets: &mut Alphabets) -> Option<u32> {
    const HIGH: u64 = each(0x80);
    if text & HIGH != 0 {
        return None;
    }
    // The high bit of each byte that is at least `low`, and below `behind`; bytes below 0x80 do not carry over.
    let within = |low: u8, behind: u8| (text + each(0x80 - low)) & !(text + each(0x80 - behind)) & HIGH;
    let (digits, letters, signs) = (within(b'0', b'9' + 1), within(b'A', b'F' + 1), within(b'-', b'.' + 1));
    alphabets.nibble &= digits | signs == HIGH;
    alphabets.hex &= digits | letters == HIGH;
    if !alphabets.nibble && !alphabets.hex {
        return None;
    }
    // `A` ends in 1 and means 10, `-` ends in 13 and means 10.
    let halves = (text & each(15)) + (letters >> 7) * 9 - (signs >> 7) * 3;
    let bytes = (halves << 4 | halves >> 8) & 0x00ff_00ff_00ff_00ff;
    let bytes = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    Some((bytes | bytes >> 16) as u32)
}

/// Four bytes to eight characters; `wrong` gets a bit for each half byte that is not a character.
#[inline]
fn unpack_group(packed: u32, hex: bool, wrong: &mut u64) -> u64 {
    const LOW: u64 = 0x000f_000f_000f_000f;
    let bytes = packed as u64;
    let bytes = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (bytes | bytes << 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (bytes >> 4) & LOW | (bytes & LOW) << 8;
    let above_nine = (halves + each(6)) >> 4 & each(1);
    if hex {
        return halves + each(b'0') + above_nine * 7;
    }
    *wrong |= (halves + each(4)) & each(16);
    halves + each(b'0') - above_nine * 13
}

/// The last `rest` characters (1 to 7), filled up with zeros.
fn padded(text: &[u8], rest: usize) -> u64 {
    let characters = match text.last_chunk() {
        Some(tail) => u64::from_le_bytes(*tail) >> (8 * (8 - rest)),
        None => front(text),
    };
    characters | each(b'0') << (8 * rest)
}

/// Up to seven bytes from the low end.
#[inline]
fn front(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u32::from_le_bytes(*head) as u64 | (u32::from_le_bytes(*tail) as u64) << (8 * (length - 4));
    }
    match bytes {
        [first, .., last] => {
            let middle = bytes[length / 2] as u64;
            *first as u64 | middle << (8 * (length / 2)) | (*last as u64) << (8 * (length - 1))
        }
        [only] => *only as u64,
        [] => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One character after the other.
    fn plain_pack(text: &str, tag: u8, alphabet: &str) -> Option<Vec<u8>> {
        let halves: Option<Vec<u8>> = text.chars().map(|c| alphabet.find(c).map(|half| half as u8)).collect();
        let bytes: Vec<u8> =
            halves?.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&15)).collect();
        let length = bytes.len() as u8 | if text.len() % 2 == 1 { 0x80 } else { 0 };
        Some([&[tag, length], &bytes[..]].concat())
    }

    fn fast_pack(text: &str) -> Option<Vec<u8>> {
        let mut out = [0xee; ROOM];
        let size = pack(text.as_bytes(), &mut out)?;
        Some(out[..size].to_vec())
    }

    proptest! {
        #[test]
        fn packing_matches_the_simple_implementation(text in prop_oneof!["[0-9.-]{1,127}", "[0-9A-F]{1,127}", "[0-9A-F.-]{1,9}", ".{1,20}"]) {
            let plain = plain_pack(&text, token::NIBBLE_8, "0123456789-.")
                .or_else(|| plain_pack(&text, token::HEX_8, "0123456789ABCDEF"));
            prop_assert_eq!(is_packable(text.as_bytes()), plain.is_some());
            prop_assert!(plain.is_none() || may_start(&text));
            prop_assert_eq!(fast_pack(&text), plain);
        }

        #[test]
        fn packed_strings_unpack(text in prop_oneof!["[0-9.-]{1,127}", "[0-9A-F]{1,127}"]) {
            let packed = fast_pack(&text).unwrap();
            let mut out = Unpacked::new();
            prop_assert_eq!(unpack(packed[0], packed[1], &packed[2..], &mut out), Some(text.as_str()));
        }

        #[test]
        fn unpacks_any_hex(odd: bool, bytes in prop::collection::vec(any::<u8>(), 0..=127)) {
            let mut out = Unpacked::new();
            let length = bytes.len() as u8 | if odd { 0x80 } else { 0 };
            let mut plain = data_encoding::HEXUPPER.encode(&bytes);
            if odd {
                plain.pop();
            }
            prop_assert_eq!(unpack(token::HEX_8, length, &bytes, &mut out), Some(plain.as_str()));
        }
    }

    #[test]
    fn undefined_half_bytes_are_refused() {
        for half in 12..16u8 {
            for place in 0..17 {
                let mut bytes = vec![0x12; 17];
                bytes[place] = half << 4 | 1;
                assert_eq!(unpack(token::NIBBLE_8, 17, &bytes, &mut Unpacked::new()), None);
                bytes[place] = 0x10 | half;
                assert_eq!(unpack(token::NIBBLE_8, 17, &bytes, &mut Unpacked::new()), None);
            }
            // As padding, any value is accepted.
            assert_eq!(unpack(token::NIBBLE_8, 0x81, &[0x10 | half], &mut Unpacked::new()), Some("1"));
        }
    }

    #[test]
    fn long_strings_are_not_packed() {
        assert!(fast_pack(&"1".repeat(127)).is_some());
        assert_eq!(fast_pack(&"1".repeat(128)), None);
        assert_eq!(fast_pack(""), None);
    }
}
