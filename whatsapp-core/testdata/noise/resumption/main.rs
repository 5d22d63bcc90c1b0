//! Handshakes of wacore-noise with our responder: XX, IK, and IK with a key that is not the server's.
use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use data_encoding::HEXLOWER;
use rand::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{
    IkHandshakeState, IkServerHelloOutcome, NoiseCipher, XxFallbackHandshakeState, XxHandshakeState,
};
use whatsapp_core::{
    sim::responder::{Handshake, Responder, ServerIdentity},
    time::Timestamp,
};

const HEADER: [u8; 4] = [b'W', b'A', 6, 3];
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
const PAYLOAD: &[u8] = b"payload";

/// What the responder drew, so that it can be made to draw it again.
#[derive(Default)]
struct Recorder {
    drawn: Vec<u8>,
}

impl TryRng for Recorder {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unimplemented!("the responder draws bytes only")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unimplemented!("the responder draws bytes only")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = Sha256::digest(self.drawn.len().to_be_bytes())[0];
            self.drawn.push(*byte);
        }
        Ok(())
    }
}

impl TryCryptoRng for Recorder {}

fn framed(intro: &[u8], payload: &[u8]) -> Bytes {
    let length = (payload.len() as u32).to_be_bytes();
    [intro, &length[1..], payload].concat().into()
}

struct Run {
    rng: Recorder,
    responder: Responder,
    hello: Bytes,
    answer: Bytes,
}

impl Run {
    fn start(rng: Recorder, responder: Responder) -> Self {
        Self { rng, responder, hello: Bytes::new(), answer: Bytes::new() }
    }

    /// Sends a hello; the answer without its length.
    fn exchange(&mut self, hello: &[u8]) -> Bytes {
        self.hello = framed(&HEADER, hello);
        let Ok(Handshake::Answer(answer)) = self.responder.receive(self.hello.clone(), &mut self.rng) else {
            panic!("no answer")
        };
        self.answer = answer;
        self.answer.slice(3..)
    }

    /// Completes, and lets both sides say something.
    fn end(
        mut self,
        name: &str,
        client: &KeyPair,
        finish: &[u8],
        keys: (NoiseCipher, NoiseCipher),
    ) -> serde_json::Value {
        let finish = if finish.is_empty() { Bytes::new() } else { framed(&[], finish) };
        let Ok(Handshake::Done(mut done)) = self.responder.receive(finish.clone(), &mut self.rng) else {
            panic!("not over")
        };
        let client = client.public_key.public_key_bytes();
        assert_eq!((&done.client.as_bytes()[..], &done.payload[..]), (client, PAYLOAD));
        let sent = framed(&[], &keys.0.encrypt_with_counter(0, b"from the client").unwrap());
        done.frames.push(sent.clone()).unwrap();
        let frame = done.frames.next().unwrap().unwrap();
        assert_eq!(done.transport.open(frame).unwrap(), "from the client");
        let mut received = BytesMut::new();
        done.transport.seal(b"from the server", &mut received).unwrap();
        let mut plain = received[3..].to_vec();
        keys.1.decrypt_in_place_with_counter(0, &mut plain).unwrap();
        assert_eq!(plain, b"from the server");
        serde_json::json!({
            "pattern": name,
            "drawn": HEXLOWER.encode(&self.rng.drawn),
            "client": HEXLOWER.encode(client),
            "hello": HEXLOWER.encode(&self.hello),
            "answer": HEXLOWER.encode(&self.answer),
            "finish": HEXLOWER.encode(&finish),
            "sent": HEXLOWER.encode(&sent),
            "received": HEXLOWER.encode(&received),
        })
    }
}

fn full(client: &KeyPair, mut run: Run) -> serde_json::Value {
    let mut state = XxHandshakeState::new(client.clone(), PAYLOAD.to_vec(), &HEADER).unwrap();
    let answer = run.exchange(&state.build_client_hello().unwrap());
    let finish = state.read_server_hello_and_build_client_finish(&answer).unwrap();
    let done = state.finish().unwrap();
    run.end("XX", client, &finish, (done.write_cipher, done.read_cipher))
}

fn resumed(client: &KeyPair, mut run: Run, server: [u8; 32]) -> serde_json::Value {
    let mut state = IkHandshakeState::new(client.clone(), server, PAYLOAD.to_vec(), &HEADER).unwrap();
    let answer = run.exchange(&state.build_client_hello().unwrap());
    match state.read_server_hello(&answer).unwrap() {
        IkServerHelloOutcome::Continue(done) => {
            run.end("IK", client, &[], (done.write_cipher, done.read_cipher))
        }
        IkServerHelloOutcome::Fallback(inputs) => {
            let mut state = XxFallbackHandshakeState::from_ik_failure(*inputs, &HEADER).unwrap();
            let finish = state.build_client_finish().unwrap();
            let done = state.finish().unwrap();
            run.end("XXfallback", client, &finish, (done.write_cipher, done.read_cipher))
        }
    }
}

fn main() {
    let client = KeyPair::generate(&mut rand::rng());
    let server = || {
        let mut rng = Recorder::default();
        let identity = ServerIdentity::generate(NOW, &mut rng);
        let key = *identity.static_key().as_bytes();
        (Run::start(rng, Responder::new(identity)), key)
    };
    let handshakes = [
        full(&client, server().0),
        {
            let (run, key) = server();
            resumed(&client, run, key)
        },
        resumed(&client, server().0, [9; 32]),
    ];
    let vectors = serde_json::json!({ "by": "wacore-noise 0.7.0", "handshakes": handshakes });
    println!("{}", serde_json::to_string_pretty(&vectors).unwrap());
}
