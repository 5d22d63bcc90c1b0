//! A server's answer that was not made for this handshake, and certificate chains: with whatever signatures, and with good
//! ones over whatever details.
#![cfg_attr(fuzzing, no_main)]
use std::sync::LazyLock;

use prost::Message;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    crypto::KeyPair,
    noise::{ClientHandshake, TrustRoot, verify_chain},
    proto::handshake::{CertChain, Certificate, CertificateDetails},
    time::Timestamp,
};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
static KEYS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    [KeyPair::generate(&mut rng), KeyPair::generate(&mut rng)]
});

/// `data` as answer and as chain; and, cut in two by its first byte, as details that root and intermediate signed.
pub(crate) fn run(data: &[u8]) {
    let mut rng = StdRng::seed_from_u64(2);
    let [root, key] = &*KEYS;
    let trust = TrustRoot(root.public());
    let (client, _) = ClientHandshake::start(key.clone(), None, &mut rng);
    assert!(client.server_hello(data, &trust, NOW, b"payload").is_err());
    assert!(verify_chain(data, &key.public(), &trust, NOW).is_err());

    let Some((cut, details)) = data.split_first() else { return };
    let (intermediate, leaf) = details.split_at(usize::from(*cut).min(details.len()));
    let mut sign = |details: &[u8], issuer: &KeyPair| {
        let signature = issuer.private().sign(&[details], &mut rng).to_vec();
        Some(Certificate { details: Some(details.to_vec().into()), signature: Some(signature.into()) })
    };
    // The second signature is good when the first details name the key that made it.
    let chain = CertChain { intermediate: sign(intermediate, root), leaf: sign(leaf, key) };
    let Ok(verified) = verify_chain(&chain.encode_to_vec(), &key.public(), &trust, NOW) else { return };
    let [first, second] =
        [intermediate, leaf].map(|details| CertificateDetails::decode(details).expect("read"));
    assert_eq!(first.issuer_serial.unwrap_or(0), 0);
    assert_eq!(second.issuer_serial.unwrap_or(0), first.serial.expect("a serial"));
    for details in [&first, &second] {
        let valid = details.not_before.expect("a start")..=details.not_after.expect("an end");
        assert!(valid.contains(&NOW.as_secs()));
        assert_eq!(details.key.as_deref(), Some(&key.public().as_bytes()[..]));
    }
    assert_eq!(verified.key, key.public());
}
