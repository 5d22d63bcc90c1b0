//! The participant hash: one short name for a set of devices.
use data_encoding::BASE64_NOPAD;

use crate::{crypto::sha256, jid::Jid};

/// `2:` and the first six bytes, in base64, of SHA-256 over the sorted addresses, each written `user.0:device@server`
/// (protocol notes 2.7). When its hash differs from ours, the server puts it on the acknowledgement of a message.
pub fn participant_hash<'a>(devices: impl IntoIterator<Item = &'a Jid>) -> String {
    let name = |jid: &Jid| format!("{}.0:{}@{}", jid.user, jid.device, jid.server.as_str());
    let mut names: Vec<String> = devices.into_iter().map(name).collect();
    names.sort_unstable();
    let hash = sha256(&[names.concat().as_bytes()]);
    format!("2:{}", BASE64_NOPAD.encode(&hash[..6]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Node's `crypto`.
    #[test]
    fn known_answers() {
        let (pn, lid) = (Jid::pn("4915550001"), Jid::lid("77001"));
        let many = [lid.with_device(12), pn.clone(), lid.clone(), lid.with_device(2)];
        assert_eq!(participant_hash(&many), "2:UeEu4LAc");
        assert_eq!(participant_hash(many.iter().rev()), "2:UeEu4LAc", "the order does not matter");
        assert_eq!(participant_hash([&pn]), "2:1uTzR+Gj");
        assert_eq!(participant_hash([]), "2:47DEQpj8");
    }
}
