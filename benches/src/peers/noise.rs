//! `wacore-noise`.
use rand::{SeedableRng, rngs::StdRng};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{NoiseCipher, NoiseHandshake};

use crate::{Run, noise::PAYLOAD, repeat};

const PATTERN: &str = "Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

/// The client's work in the XX pattern, step by step, and the two signatures of a certificate chain: the peer's own
/// check cannot be used, since its root key is fixed.
fn handshake() -> Run {
    let mut rng = StdRng::seed_from_u64(3);
    let (own, server, server_ephemeral, issuer) = (
        KeyPair::generate(&mut rng),
        KeyPair::generate(&mut rng),
        KeyPair::generate(&mut rng),
        KeyPair::generate(&mut rng),
    );
    let details = [9; 80];
    let signature = issuer.private_key.calculate_signature(&details, &mut rng).expect("it signs");
    Box::new(move |times| {
        repeat(times, || {
            let ephemeral = KeyPair::generate(&mut rng);
            let secret = ephemeral.private_key.serialize();
            let mut state = NoiseHandshake::new(PATTERN, b"WA\x06\x03").expect("a pattern");
            state.authenticate(ephemeral.public_key.public_key_bytes());
            state.authenticate(server_ephemeral.public_key.public_key_bytes());
            let mut mix = |secret: &[u8], public: &KeyPair| {
                state.mix_shared_secret(secret, public.public_key.public_key_bytes()).expect("good keys");
                // As much as the server's static key, the chain, our static key and the payload.
                state.encrypt(&PAYLOAD).expect("it encrypts")
            };
            mix(&secret[..], &server_ephemeral);
            mix(&secret[..], &server);
            for _ in 0..2 {
                assert!(issuer.public_key.verify_signature(&details, &signature));
            }
            mix(&own.private_key.serialize()[..], &server_ephemeral);
            state.encrypt(&PAYLOAD).expect("it encrypts");
            state.finish().expect("it splits")
        })
    })
}

fn frame(size: usize) -> Run {
    let cipher = NoiseCipher::new(&[0x42; 32]).expect("a key");
    let payload = vec![0x42; size];
    let mut out = Vec::with_capacity(size + 64);
    let mut counter = 0;
    Box::new(move |times| {
        repeat(times, || {
            out.clear();
            out.extend_from_slice(&payload);
            counter += 1;
            cipher.encrypt_in_place_with_counter(counter, &mut out).expect("it encrypts");
            out.len()
        })
    })
}

pub(crate) fn runs() -> [Option<Run>; 5] {
    [Some(handshake()), Some(frame(128)), Some(frame(1024)), Some(frame(65_536)), None]
}
