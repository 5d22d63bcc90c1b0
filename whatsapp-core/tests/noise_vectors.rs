//! Handshakes, frames and signatures that other implementations made (testdata/noise/generate.mjs).
#![allow(clippy::unwrap_used)]
mod draws;

use bytes::{Bytes, BytesMut};
use draws::{Draws, hex, key, vectors};
use serde_json::Value as Json;
use whatsapp_core::{
    crypto::PublicKey,
    noise::{CertError, ClientHandshake, FrameReader, NoiseError, Transport, TrustRoot, verify_chain},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn payload_of(frame: &[u8]) -> BytesMut {
    let mut reader = FrameReader::default();
    reader.push(Bytes::copy_from_slice(frame)).unwrap();
    reader.next().unwrap().unwrap()
}

/// Our half with the keys of the other implementation.
fn client(vectors: &Json, handshake: &Json) -> (ClientHandshake, Bytes) {
    let mut draws = Draws::new(&[&hex(&vectors["client"]["ephemeral_private"])]);
    let routing = handshake["routing"].as_str().map(|_| hex(&handshake["routing"]));
    let started =
        ClientHandshake::start(key(&vectors["client"]["static_private"]), routing.as_deref(), &mut draws);
    assert_eq!(draws.left(), 0);
    started
}

fn root(vectors: &Json) -> TrustRoot {
    vectors["root"].as_str().unwrap().parse().unwrap()
}

fn run(vectors: &Json, handshake: &Json) -> Transport {
    let (waiting, hello) = client(vectors, handshake);
    assert_eq!(hello, hex(&handshake["hello"]));
    let answer = payload_of(&hex(&handshake["answer"]));
    let payload = hex(&handshake["payload"]);
    let (transport, finish) = waiting.server_hello(&answer, &root(vectors), NOW, &payload).unwrap();
    assert_eq!(finish, hex(&handshake["finish"]));
    transport
}

#[test]
fn the_same_bytes_as_baileys() {
    let vectors = vectors("noise");
    for handshake in vectors["handshakes"].as_array().unwrap() {
        let mut transport = run(&vectors, handshake);
        for frame in handshake["frames"].as_array().unwrap() {
            let mut sent = BytesMut::new();
            transport.seal(&hex(&frame["plain"]), &mut sent).unwrap();
            assert_eq!(sent, hex(&frame["sent"]));
            let received = payload_of(&hex(&frame["received"]));
            assert_eq!(transport.open(received).unwrap(), hex(&frame["plain"]));
        }
    }
}

/// Changing any byte of the server's answer is detected.
#[test]
fn a_changed_answer_is_refused() {
    let vectors = vectors("noise");
    let handshake = &vectors["handshakes"][0];
    let answer = payload_of(&hex(&handshake["answer"]));
    for at in 0..answer.len() {
        let mut changed = answer.to_vec();
        changed[at] ^= 1;
        let (waiting, _) = client(&vectors, handshake);
        assert!(waiting.server_hello(&changed, &root(&vectors), NOW, b"").is_err(), "byte {at}");
    }
    let (waiting, _) = client(&vectors, handshake);
    let untrusted = waiting.server_hello(&answer, &TrustRoot::default(), NOW, b"").unwrap_err();
    assert_eq!(untrusted, NoiseError::Certificate(CertError::IntermediateSignature));
}

#[test]
fn certificates() {
    let vectors = vectors("noise");
    let (chain, root) = (hex(&vectors["chain"]), root(&vectors));
    let server = PublicKey::from_raw(&hex(&vectors["server_static"])).unwrap();
    let at = |secs| verify_chain(&chain, &server, &root, Timestamp::from_secs(secs));
    assert_eq!(at(NOW.as_secs()).unwrap().not_after, Timestamp::from_secs(4_102_444_800));
    // Both ends of the validity belong to it.
    assert!(at(1_577_836_800).is_ok() && at(4_102_444_800).is_ok());
    assert_eq!(at(1_577_836_799), Err(CertError::NotYetValid));
    assert_eq!(at(4_102_444_801), Err(CertError::Expired));
    let other = verify_chain(&chain, &PublicKey::from_array([9; 32]), &root, NOW);
    assert_eq!(other, Err(CertError::LeafKey));
}

/// So is changing any byte of the chain alone.
#[test]
fn a_changed_chain_is_refused() {
    let vectors = vectors("noise");
    let (chain, root) = (hex(&vectors["chain"]), root(&vectors));
    let server = PublicKey::from_raw(&hex(&vectors["server_static"])).unwrap();
    for at in 0..chain.len() {
        for bit in [1, 0x80] {
            let mut changed = chain.clone();
            changed[at] ^= bit;
            assert!(verify_chain(&changed, &server, &root, NOW).is_err(), "byte {at}");
        }
        assert!(verify_chain(&chain[..at], &server, &root, NOW).is_err(), "cut at {at}");
    }
}

/// Signatures of curve25519-js and of XEdDSA written on @noble/curves, which agree; and the deterministic ones of the
/// libsignal package.
#[test]
fn xeddsa() {
    let vectors = vectors("noise");
    let mut signs = [0, 0];
    for vector in vectors["xeddsa"].as_array().unwrap() {
        let (key, message, signature) =
            (key(&vector["private"]), hex(&vector["message"]), hex(&vector["signature"]));
        assert_eq!(key.public().as_bytes()[..], hex(&vector["public"]));
        let made = key.private().sign(&[&message], &mut Draws::new(&[&hex(&vector["random"])]));
        assert_eq!(made[..], signature);
        key.public().verify(&[&message], &signature).unwrap();
        key.public().verify(&[&message], &hex(&vector["deterministic"])).unwrap();
        signs[usize::from(signature[63] >> 7)] += 1;
    }
    assert!(signs[0] > 0 && signs[1] > 0, "both signs of the Edwards point");
}
