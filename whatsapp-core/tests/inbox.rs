//! What a hostile server can make a client hold: frames are decoded while there is room, and none is lost.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "tests")]
use std::io::Write;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    Config,
    binary::{MAX_INFLATED, Node, encode},
    engine::{Engine, LinkAction, Step},
    event::Event,
    jid::Jid,
    noise::Transport,
    sim::responder::{Handshake, Responder, ServerIdentity},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
/// As documented at [`Engine::has_room`].
const INBOX: usize = 4 << 20;

/// An engine behind a completed handshake, with the server's side of the encryption.
fn connected() -> (Engine, Transport) {
    let mut rng = StdRng::seed_from_u64(1);
    let identity = ServerIdentity::generate(NOW, &mut rng);
    let mut config = Config::default();
    config.trust_root = identity.trust_root();
    let mut engine = Engine::new(config, None, [1; 32], NOW).unwrap();
    assert_eq!(engine.take_step().link, Some(LinkAction::Open));
    let mut responder = Responder::new(identity);
    engine.on_connected(NOW);
    loop {
        for bytes in engine.take_step().transmit {
            match responder.receive(bytes, &mut rng).unwrap() {
                Handshake::Wait => {}
                Handshake::Answer(answer) => engine.on_bytes(NOW, answer),
                Handshake::Done(done) => return (engine, done.transport),
            }
        }
    }
}

/// A request that is answered, with `padding` zero bytes in it.
fn request(id: usize, padding: usize) -> Bytes {
    let node = Node::new("iq").attr("from", Jid::SERVICE).attr("type", "get").attr("id", id as u64);
    let mut plain = BytesMut::new();
    encode(&node.bytes(vec![0; padding]), &mut plain).unwrap();
    plain.freeze()
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(vec![2], flate2::Compression::fast());
    encoder.write_all(&plain[1..]).unwrap();
    encoder.finish().unwrap()
}

/// Takes steps and lets time pass until nothing is left. Returns the answers of each step.
fn settle(engine: &mut Engine) -> Vec<usize> {
    let mut answers = Vec::new();
    loop {
        assert_eq!(engine.query(), None);
        let step: Step = engine.take_step();
        assert!(!step.events.iter().any(|event| matches!(event, Event::Disconnected { .. })));
        answers.push(step.transmit.len());
        match engine.next_timeout() {
            Some(at) if at <= NOW => {
                assert!(!engine.has_room(), "undecoded frames are no room for more");
                engine.on_timeout(NOW);
            }
            _ => return answers,
        }
    }
}

#[test]
fn compression_bombs_are_inflated_step_by_step() {
    let (mut engine, mut transport) = connected();
    let mut message = BytesMut::new();
    for id in 0..30 {
        transport.seal(&compressed(&request(id, MAX_INFLATED - 100)), &mut message).unwrap();
    }
    assert!(message.len() < 4 << 20, "{} bytes for 240 MiB", message.len());
    engine.on_bytes(NOW, message.freeze());
    assert!(!engine.has_room());
    // Each fills the inbox by itself.
    assert_eq!(settle(&mut engine), vec![1; 30]);
    assert!(engine.has_room());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// However large the stanzas are, what one step holds is bounded, and every one is answered.
    #[test]
    fn waiting_stanzas_are_bounded_in_bytes(sizes in prop::collection::vec(0usize..(2 << 20), 1..24)) {
        let (mut engine, mut transport) = connected();
        let mut message = BytesMut::new();
        for (id, size) in sizes.iter().enumerate() {
            transport.seal(&compressed(&request(id, *size)), &mut message).unwrap();
        }
        engine.on_bytes(NOW, message.freeze());
        let mut left = sizes.iter();
        for answers in settle(&mut engine) {
            let handled: Vec<_> = left.by_ref().take(answers).collect();
            // Without the last one there was room.
            let before: usize = handled.iter().rev().skip(1).copied().sum();
            prop_assert!(before < INBOX, "{before}");
        }
        prop_assert_eq!(left.count(), 0);
    }
}
