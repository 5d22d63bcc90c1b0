//! Message ids.
use compact_str::CompactString;
use data_encoding::HEXUPPER;
use rand::{CryptoRng, RngExt};

use crate::{crypto::sha256, jid::Jid, time::Timestamp};

/// `3EB0`, then 18 hexadecimal digits of a hash over time, own user and 16 random bytes (protocol notes 2.7).
pub fn generate(now: Timestamp, own: &Jid, rng: &mut impl CryptoRng) -> CompactString {
    let mut random = [0; 16];
    rng.fill(&mut random);
    from_parts(now, own, &random)
}

fn from_parts(now: Timestamp, own: &Jid, random: &[u8; 16]) -> CompactString {
    let hash = sha256(&[&now.as_secs().to_be_bytes(), own.user.as_bytes(), b"@c.us", random]);
    let mut id = CompactString::const_new("3EB0");
    id.push_str(&HEXUPPER.encode(&hash[..9]));
    id
}
