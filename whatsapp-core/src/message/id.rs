//! Message ids.
use compact_str::CompactString;
use data_encoding::HEXUPPER;
use rand::{CryptoRng, RngExt};

use crate::{crypto::sha256, jid::Jid, time::Timestamp};

const PREFIX: &str = "3EB0";
const LENGTH: usize = 22;

/// `3EB0`, then 18 hexadecimal digits of a hash over time, own user and 16 random bytes (protocol notes 2.7).
pub fn generate(now: Timestamp, own: &Jid, rng: &mut impl CryptoRng) -> CompactString {
    let mut random = [0; 16];
    rng.fill(&mut random);
    from_parts(now, own, &random)
}

/// Has the text the shape of an id that [`generate`] makes?
pub fn is_well_formed(id: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    id.len() == LENGTH && id.starts_with(PREFIX) && id.bytes().all(digit)
}

fn from_parts(now: Timestamp, own: &Jid, random: &[u8; 16]) -> CompactString {
    let hash = sha256(&[&now.as_secs().to_be_bytes(), own.user.as_bytes(), b"@c.us", random]);
    let mut id = CompactString::const_new(PREFIX);
    id.push_str(&HEXUPPER.encode(&hash[..9]));
    id
}
