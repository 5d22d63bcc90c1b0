//! The simulator's responder with a client of another implementation (testdata/noise/resumption): in full, resumed, and
//! resumed with a key that is not the server's.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
mod draws;

use bytes::{Bytes, BytesMut};
use draws::{Draws, hex, vectors};
use whatsapp_core::{
    sim::responder::{Handshake, Responder, ServerIdentity},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

#[test]
fn wacore_noise_completes_the_handshake() {
    let vectors = vectors("noise/resumption");
    let handshakes = vectors["handshakes"].as_array().unwrap();
    let patterns: Vec<_> =
        handshakes.iter().map(|handshake| handshake["pattern"].as_str().unwrap()).collect();
    assert_eq!(patterns, ["XX", "IK", "XXfallback"]);
    for handshake in handshakes {
        let bytes = |name: &str| Bytes::from(hex(&handshake[name]));
        let mut draws = Draws::new(&[&bytes("drawn")]);
        let mut responder = Responder::new(ServerIdentity::generate(NOW, &mut draws));
        let outcome = responder.receive(bytes("hello"), &mut draws).unwrap();
        let Handshake::Answer(answer) = outcome else { panic!("{outcome:?}") };
        assert_eq!(answer, bytes("answer"));
        let outcome = responder.receive(bytes("finish"), &mut draws).unwrap();
        let Handshake::Done(mut done) = outcome else { panic!("{outcome:?}") };
        assert_eq!(done.client.as_bytes()[..], bytes("client"));
        assert_eq!(done.payload, b"payload");
        done.frames.push(bytes("sent")).unwrap();
        let frame = done.frames.next().unwrap().unwrap();
        assert_eq!(done.transport.open(frame).unwrap(), "from the client");
        let mut received = BytesMut::new();
        done.transport.seal(b"from the server", &mut received).unwrap();
        assert_eq!(received, bytes("received"));
        assert_eq!(draws.left(), 0);
    }
}
