//! A decrypted message, whatever its sender put in: padding, protobuf, content.
#![cfg_attr(fuzzing, no_main)]
use prost::Message as _;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    message::{content, device_sent, padding},
    proto::message::Message,
};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

pub(crate) fn run(data: &[u8]) {
    let Ok(plaintext) = padding::unpad(data) else { return };
    let Ok(message) = Message::decode(plaintext) else { return };
    let (_, message) = device_sent::unwrap(message);
    let kind = content::stanza_type(&message);
    assert!(!kind.is_empty());
    let Some(content) = content::from_proto(&message, plaintext) else { return };
    // What is understood can be said as well, if it is of a kind that can be sent.
    let mut rng = StdRng::seed_from_u64(1);
    if let Ok(again) = content::to_proto(&content, &mut rng) {
        assert!(content::from_proto(&again, &again.encode_to_vec()).is_some());
    }
}
