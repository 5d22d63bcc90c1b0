//! The handshake and frames.
use bytes::{Bytes, BytesMut};
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    crypto::KeyPair,
    noise::{ClientHandshake, FrameReader, Transport},
    sim::responder::{Handshake, Responder, ServerIdentity},
    time::Timestamp,
};

use crate::{Run, Work, each, repeat};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
/// What a client says of itself has about this size.
pub const PAYLOAD: [u8; 120] = [7; 120];

/// A client that has said hello, and the server's answer to it.
fn prepared(identity: &ServerIdentity, key: &KeyPair, rng: &mut StdRng) -> (ClientHandshake, Bytes) {
    let (client, hello) = ClientHandshake::start(key.clone(), None, rng);
    let mut responder = Responder::new(identity.clone());
    let Ok(Handshake::Answer(answer)) = responder.receive(hello, rng) else { unreachable!("a good hello") };
    (client, answer.slice(3..))
}

/// Hello and finish of the client, the two signatures of the certificates included.
fn handshake() -> Run {
    let mut rng = StdRng::seed_from_u64(3);
    let identity = ServerIdentity::generate(NOW, &mut rng);
    let (root, key) = (identity.trust_root(), KeyPair::generate(&mut rng));
    Box::new(move |times| {
        let prepared = (0..times).map(|_| prepared(&identity, &key, &mut rng)).collect();
        let finish = each(prepared, |(client, answer)| {
            client.server_hello(&answer, &root, NOW, &PAYLOAD).expect("a good server")
        });
        finish + repeat(times, || ClientHandshake::start(key.clone(), None, &mut rng))
    })
}

fn transport() -> Transport {
    let mut rng = StdRng::seed_from_u64(3);
    let identity = ServerIdentity::generate(NOW, &mut rng);
    let key = KeyPair::generate(&mut rng);
    let (client, answer) = prepared(&identity, &key, &mut rng);
    client.server_hello(&answer, &identity.trust_root(), NOW, &PAYLOAD).expect("a good server").0
}

fn frame(size: usize) -> Run {
    let payload = vec![0x42; size];
    let mut transport = transport();
    let mut out = BytesMut::with_capacity(size + 64);
    Box::new(move |times| {
        repeat(times, || {
            out.clear();
            transport.seal(&payload, &mut out).expect("an open connection");
            out.len()
        })
    })
}

fn reassemble() -> Run {
    let wire = Bytes::from([&[0, 3, 232][..], &[1; 1000]].concat());
    Box::new(move |times| {
        let mut reader = FrameReader::default();
        repeat(times, || {
            reader.push(wire.clone()).expect("a frame");
            reader.next().expect("a frame")
        })
    })
}

/// All of them.
pub fn works() -> Vec<Work> {
    #[cfg(feature = "peers")]
    let theirs = crate::peers::noise::runs();
    #[cfg(not(feature = "peers"))]
    let theirs: [Option<Run>; 5] = Default::default();
    let ours: [(&'static str, Run); 5] = [
        ("handshake XX, client", handshake()),
        ("frame encrypt 128 B", frame(128)),
        ("frame encrypt 1 KiB", frame(1024)),
        ("frame encrypt 64 KiB", frame(65_536)),
        ("frame reassembly 1 KB", reassemble()),
    ];
    ours.into_iter().zip(theirs).map(|((name, ours), theirs)| Work::new(name, ours, theirs)).collect()
}
