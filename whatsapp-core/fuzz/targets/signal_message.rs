//! Ciphertexts and stored records: what is refused changes nothing, and what comes of the rest can be stored and read.
#![cfg_attr(fuzzing, no_main)]
use std::sync::LazyLock;

use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    crypto::KeyPair,
    signal::{
        LocalIdentity, PreKey, PreKeyBundle, PreKeyMessage, SenderKey, Session, SignedPreKey, receive_pre_key,
    },
};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

struct Device {
    own: LocalIdentity,
    signed: SignedPreKey,
    one_time: PreKey,
    session: Bytes,
    sender_key: Bytes,
}

/// A device that has a session and a sender key of another one.
static DEVICE: LazyLock<Device> = LazyLock::new(|| {
    let mut rng = StdRng::seed_from_u64(1);
    let [own, peer] =
        [1, 2].map(|registration_id| LocalIdentity { key: KeyPair::generate(&mut rng), registration_id });
    let (signed, one_time) = (SignedPreKey::generate(1, &own.key, &mut rng), PreKey::generate(5, &mut rng));
    let bundle = PreKeyBundle {
        registration_id: own.registration_id,
        identity: own.key.public(),
        signed_pre_key_id: signed.id,
        signed_pre_key: signed.key.public(),
        signed_pre_key_signature: signed.signature,
        pre_key: Some((one_time.id, one_time.key.public())),
    };
    let mut theirs = Session::initiate(None, &peer, &bundle, &mut rng).expect("a good bundle");
    let first = theirs.encrypt(&peer, b"hello").expect("a session");
    let first = PreKeyMessage::parse(&first.bytes).expect("our own message");
    let received = receive_pre_key(None, &own, Some(&signed), Some(&one_time), &first, &mut rng)
        .expect("our own message");
    let distribution = SenderKey::create(&mut rng).distribution().expect("a chain");
    let sender_key = SenderKey::process(None, &distribution).expect("our own distribution").to_bytes();
    Device { own, signed, one_time, session: received.session.to_bytes(), sender_key }
});

/// The first byte says what the rest is taken for.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let mut rng = StdRng::seed_from_u64(2);
    let device = &*DEVICE;
    match kind % 6 {
        0 => {
            let mut session = Session::from_bytes(&device.session).expect("our own record");
            if session.decrypt(&device.own, bytes, &mut rng).is_err() {
                assert_eq!(session.to_bytes(), device.session);
            }
            Session::from_bytes(&session.to_bytes()).expect("our own record");
        }
        1 => {
            let Ok(message) = PreKeyMessage::parse(bytes) else { return };
            let _ = receive_pre_key(
                Session::from_bytes(&device.session).ok(),
                &device.own,
                Some(&device.signed),
                Some(&device.one_time),
                &message,
                &mut rng,
            );
        }
        2 => {
            let mut key = SenderKey::from_bytes(&device.sender_key).expect("our own record");
            if key.decrypt(bytes).is_err() {
                assert_eq!(key.to_bytes(), device.sender_key);
            }
            SenderKey::from_bytes(&key.to_bytes()).expect("our own record");
        }
        3 => {
            let existing = SenderKey::from_bytes(&device.sender_key).ok();
            if let Ok(key) = SenderKey::process(existing, bytes) {
                SenderKey::from_bytes(&key.to_bytes()).expect("our own record");
            }
        }
        4 => {
            if let Ok(session) = Session::from_bytes(bytes) {
                Session::from_bytes(&session.to_bytes()).expect("our own record");
            }
        }
        _ => {
            if let Ok(key) = SenderKey::from_bytes(bytes) {
                SenderKey::from_bytes(&key.to_bytes()).expect("our own record");
            }
            let _ = PreKey::from_bytes(bytes);
        }
    }
}
