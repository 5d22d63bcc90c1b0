//! Strings of digits, two characters a byte.
//!
//! `NIBBLE_8` spells digits, `-` (10) and `.` (11); `HEX_8` spells digits and `A` to `F`. After the tag comes the number
//! of bytes in the low seven bits; the high bit says that the last half byte is padding (15 when we write it).
use compact_str::CompactString;

use super::{DecodeError, token};

/// Longest string that is packed, in characters (`PACKED_MAX` of official clients).
pub(super) const LONGEST: usize = 127;

const NIBBLE: u8 = 0x10;
const HEX: u8 = 0x20;

/// Of each character: the half byte it packs to, and which alphabets it belongs to.
static PACK: [u8; 256] = {
    let mut table = [0; 256];
    let mut digit = 0;
    while digit < 10 {
        table[b'0' as usize + digit] = NIBBLE | HEX | digit as u8;
        digit += 1;
    }
    table[b'-' as usize] = NIBBLE | 10;
    table[b'.' as usize] = NIBBLE | 11;
    let mut letter = 0;
    while letter < 6 {
        table[b'A' as usize + letter] = HEX | (10 + letter as u8);
        letter += 1;
    }
    table
};

/// The two characters of each packed byte; 0 stands for what is no character.
static NIBBLE_PAIRS: [[u8; 2]; 256] = pairs(*b"0123456789-.\0\0\0\0");
static HEX_PAIRS: [[u8; 2]; 256] = pairs(*b"0123456789ABCDEF");

const fn pairs(alphabet: [u8; 16]) -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [alphabet[byte >> 4], alphabet[byte & 15]];
        byte += 1;
    }
    pairs
}

/// Could one alphabet spell all of `text`?
pub(super) const fn is_packable(text: &[u8]) -> bool {
    let mut alphabets = NIBBLE | HEX;
    let mut at = 0;
    while at < text.len() && alphabets != 0 {
        alphabets &= PACK[text[at] as usize];
        at += 1;
    }
    alphabets != 0 && !text.is_empty() && text.len() <= LONGEST
}

/// Writes tag, length and packed characters to the front of `out`, which must have room for `2 + text.len()`
/// bytes, and tells how many bytes that took; `None` when `text` is not packable.
pub(super) fn pack(text: &[u8], out: &mut [u8]) -> Option<usize> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let size = text.len().div_ceil(2);
    let [tag, length, body @ ..] = out.get_mut(..2 + size)? else { return None };
    let mut alphabets = NIBBLE | HEX;
    let (pairs, odd) = text.as_chunks::<2>();
    for ([high, low], packed) in pairs.iter().zip(body.iter_mut()) {
        let (high, low) = (PACK[*high as usize], PACK[*low as usize]);
        alphabets &= high & low;
        if alphabets == 0 {
            return None;
        }
        *packed = high << 4 | (low & 15);
    }
    let mut padding = 0;
    if let ([last], Some(packed)) = (odd, body.last_mut()) {
        let high = PACK[*last as usize];
        alphabets &= high;
        *packed = high << 4 | 15;
        padding = 0x80;
    }
    *tag = match alphabets {
        0 => return None,
        alphabets if alphabets & NIBBLE != 0 => token::NIBBLE_8,
        _ => token::HEX_8,
    };
    *length = size as u8 | padding;
    Some(2 + size)
}

/// The string that `packed` spells; `tag` is `NIBBLE_8` or `HEX_8`, `length` the byte behind it.
pub(super) fn unpack(tag: u8, length: u8, packed: &[u8]) -> Result<CompactString, DecodeError> {
    let characters = (2 * packed.len()).saturating_sub((length >> 7) as usize);
    if packed.len() <= 16 {
        unpack_into(&mut [0; 32], tag, packed, characters)
    } else {
        unpack_into(&mut [0; 256], tag, packed, characters)
    }
}

fn unpack_into(
    buffer: &mut [u8],
    tag: u8,
    packed: &[u8],
    characters: usize,
) -> Result<CompactString, DecodeError> {
    let table = if tag == token::NIBBLE_8 { &NIBBLE_PAIRS } else { &HEX_PAIRS };
    let (pairs, _) = buffer.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(packed) {
        *pair = table[*byte as usize];
    }
    let text = &buffer[..characters];
    if text.contains(&0) {
        return Err(DecodeError::NotPacked);
    }
    CompactString::from_utf8(text).map_err(|_| DecodeError::NotPacked)
}
