//! What a server may say while a device is linked: nothing of it is believed without the signatures.
#![cfg_attr(fuzzing, no_main)]
use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    binary::unpack,
    crypto::{KeyPair, PublicKey},
    pairing::{adv, stanza},
};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

/// `data` as a stanza, as a device identity and as a key-index list.
pub(crate) fn run(data: &[u8]) {
    let mut rng = StdRng::seed_from_u64(1);
    let own = KeyPair::generate(&mut rng);
    let stranger = PublicKey::from_array([9; 32]);
    assert!(adv::link(data, &[7; 32], &own, &mut rng).is_err());
    assert!(adv::verify_companion(data, &own.public(), Some(&stranger)).is_err());
    assert!(adv::verify_key_index_list(data, Some(&stranger)).is_err());
    let _ = (adv::verify_companion(data, &stranger, None), adv::verify_key_index_list(data, None));

    let Ok(stanza) = unpack(Bytes::copy_from_slice(data)) else { return };
    let node = stanza.root();
    if let Ok(success) = stanza::PairSuccess::parse(node) {
        assert!(success.jid.device != 0 && success.jid.user.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(adv::link(&success.device_identity, &[7; 32], &own, &mut rng).is_err());
    }
    assert!(stanza::parse_pair_device(node).is_none_or(|refs| refs.len() <= 32));
    let _ = (stanza::parse_pairing_ref(node), stanza::parse_primary_hello(node));
}
