//! The server's side of the handshake, and the certificates that go with it.
//!
//! ```text
//!   XX:  e ──►   ◄── e, ee, s, es, chain       s, se, payload ──►
//!   IK:  e, es, s, ss, payload ──►   ◄── e, ee, se, chain
//! ```
//! IK is for clients that know the server's static key from before. When they know another one, the answer is that of
//! XX, under the name XXfallback, and the client continues with the hello that it has sent.
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::{
    crypto::{CipherError, KeyError, KeyPair, PublicKey},
    noise::{EDGE_INTRO, FrameError, FrameReader, HEADER, Symmetric, Transport, TrustRoot, write_frame},
    proto::handshake::{
        CertChain, Certificate, CertificateDetails, ClientHello, HandshakeMessage, ServerHello,
    },
    time::Timestamp,
};

/// Validity of the certificates on either side of their making, in seconds: a year.
const VALIDITY: u64 = 365 * 86_400;
const INTERMEDIATE_SERIAL: u32 = 7;

/// The flaw of a server's certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CertificateFlaw {
    /// Nothing.
    #[default]
    None,
    /// The leaf is no longer valid.
    ExpiredLeaf,
    /// The leaf is not valid yet.
    EarlyLeaf,
    /// The intermediate is no longer valid.
    ExpiredIntermediate,
    /// The intermediate is signed by another root.
    OtherRoot,
    /// The leaf is signed by another key than the intermediate's.
    OtherIssuer,
    /// The leaf is for another key than the server's.
    OtherKey,
}

/// A server's keys: its own root, an intermediate, and the leaf that is its static key.
#[derive(Clone)]
pub struct ServerIdentity {
    root: KeyPair,
    intermediate: KeyPair,
    flaw: CertificateFlaw,
    static_key: KeyPair,
    chain: Bytes,
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerIdentity").field("root", &self.root.public()).finish_non_exhaustive()
    }
}

impl ServerIdentity {
    /// New keys, with certificates valid around `now`.
    pub fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let (root, intermediate, static_key) =
            (KeyPair::generate(rng), KeyPair::generate(rng), KeyPair::generate(rng));
        let flaw = CertificateFlaw::None;
        let mut identity = Self { root, intermediate, flaw, static_key, chain: Bytes::new() };
        identity.certify(now, rng);
        identity
    }

    /// Takes a new static key under the same root: clients that resume with the old one are sent back to XX.
    pub fn rotate(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.static_key = KeyPair::generate(rng);
        self.certify(now, rng);
    }

    /// Certifies its keys again, with a flaw or without.
    pub fn set_flaw(&mut self, flaw: CertificateFlaw, now: Timestamp, rng: &mut impl CryptoRng) {
        self.flaw = flaw;
        self.certify(now, rng);
    }

    fn certify(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let long = Duration::from_secs(2 * VALIDITY);
        let dated = |wrong: CertificateFlaw, at: Timestamp| if self.flaw == wrong { at } else { now };
        let mut key_of = |key: &KeyPair, wrong: CertificateFlaw| {
            if self.flaw == wrong { KeyPair::generate(rng) } else { key.clone() }
        };
        let root = key_of(&self.root, CertificateFlaw::OtherRoot);
        let issuer = key_of(&self.intermediate, CertificateFlaw::OtherIssuer);
        let leaf_key = key_of(&self.static_key, CertificateFlaw::OtherKey);
        let issued = dated(CertificateFlaw::ExpiredIntermediate, now - long);
        let intermediate = certify(INTERMEDIATE_SERIAL, 0, &self.intermediate, issued);
        let issued = match self.flaw {
            CertificateFlaw::EarlyLeaf => now + long,
            _ => dated(CertificateFlaw::ExpiredLeaf, now - long),
        };
        let leaf = certify(INTERMEDIATE_SERIAL + 1, INTERMEDIATE_SERIAL, &leaf_key, issued);
        let chain = CertChain {
            intermediate: Some(sign(&intermediate, &root, rng)),
            leaf: Some(sign(&leaf, &issuer, rng)),
        };
        self.chain = chain.encode_to_vec().into();
    }

    /// The root that clients must be configured with.
    pub const fn trust_root(&self) -> TrustRoot {
        TrustRoot(self.root.public())
    }

    /// The static key that clients see.
    pub const fn static_key(&self) -> PublicKey {
        self.static_key.public()
    }

    /// The serialized chain.
    pub const fn chain(&self) -> &Bytes {
        &self.chain
    }

    /// The same server with another chain: for tests of clients.
    #[must_use]
    pub fn with_chain(mut self, chain: Bytes) -> Self {
        self.chain = chain;
        self
    }
}

fn certify(serial: u32, issuer_serial: u32, key: &KeyPair, now: Timestamp) -> CertificateDetails {
    CertificateDetails {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(Bytes::copy_from_slice(key.public().as_bytes())),
        not_before: Some(now.as_secs().saturating_sub(VALIDITY)),
        not_after: Some(now.as_secs() + VALIDITY),
    }
}

fn sign(details: &CertificateDetails, issuer: &KeyPair, rng: &mut impl CryptoRng) -> Certificate {
    let details = details.encode_to_vec();
    let signature = issuer.private().sign(&[&details], rng);
    Certificate { details: Some(details.into()), signature: Some(Bytes::copy_from_slice(&signature)) }
}

/// Answers one client's handshake.
#[derive(Debug)]
pub struct Responder {
    identity: ServerIdentity,
    intro: BytesMut,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Edge pre-intro and header are not complete.
    Intro,
    Hello(FrameReader),
    Finish(FrameReader, Box<Symmetric>, KeyPair),
    /// The client resumed by IK; the answer is out.
    Resumed(Box<Established>),
    Over,
}

/// The result of received bytes.
#[derive(Debug)]
pub enum Handshake {
    /// More bytes are needed.
    Wait,
    /// Bytes to send; then wait for more.
    Answer(Bytes),
    /// Done.
    Done(Box<Established>),
}

/// A client that completed the handshake.
#[derive(Debug)]
pub struct Established {
    /// The client's static key.
    pub client: PublicKey,
    /// Its serialized ClientPayload.
    pub payload: Vec<u8>,
    /// The connection.
    pub transport: Transport,
    /// May hold frames that came along.
    pub frames: FrameReader,
}

/// A client that does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponderError {
    /// Not the header of this protocol.
    #[error("the client's first bytes are not the protocol's")]
    Header,
    /// Not the expected message.
    #[error("the client's handshake message is malformed")]
    Malformed,
    /// Not made for this handshake.
    #[error("the client's handshake message does not decrypt")]
    Unreadable,
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A frame that cannot be.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl From<CipherError> for ResponderError {
    fn from(_: CipherError) -> Self {
        Self::Unreadable
    }
}

impl Responder {
    /// Waits for a client.
    pub fn new(identity: ServerIdentity) -> Self {
        Self { identity, intro: BytesMut::new(), stage: Stage::Intro }
    }

    /// Takes bytes from the client. Call again with no bytes after [`Handshake::Answer`].
    ///
    /// # Errors
    /// When the client does not follow the protocol; close the socket then.
    pub fn receive(&mut self, bytes: Bytes, rng: &mut impl CryptoRng) -> Result<Handshake, ResponderError> {
        match &mut self.stage {
            Stage::Intro => {
                self.intro.extend_from_slice(&bytes);
                if !skip_intro(&mut self.intro)? {
                    return Ok(Handshake::Wait);
                }
                let mut frames = FrameReader::default();
                frames.push(self.intro.split().freeze())?;
                self.stage = Stage::Hello(frames);
            }
            Stage::Hello(frames) | Stage::Finish(frames, ..) => frames.push(bytes)?,
            Stage::Resumed(established) => established.frames.push(bytes)?,
            Stage::Over => return Err(ResponderError::Malformed),
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Hello(mut frames) => match frames.next()? {
                Some(frame) => self.answer_hello(&frame, frames, rng),
                None => self.wait(Stage::Hello(frames)),
            },
            Stage::Finish(mut frames, symmetric, ephemeral) => match frames.next()? {
                Some(frame) => finish(&frame, frames, *symmetric, &ephemeral),
                None => self.wait(Stage::Finish(frames, symmetric, ephemeral)),
            },
            Stage::Resumed(established) => Ok(Handshake::Done(established)),
            stage => self.wait(stage),
        }
    }

    fn wait(&mut self, stage: Stage) -> Result<Handshake, ResponderError> {
        self.stage = stage;
        Ok(Handshake::Wait)
    }

    fn answer_hello(
        &mut self,
        frame: &[u8],
        frames: FrameReader,
        rng: &mut impl CryptoRng,
    ) -> Result<Handshake, ResponderError> {
        let message = HandshakeMessage::decode(frame).map_err(|_| ResponderError::Malformed)?;
        let hello = message.client_hello.ok_or(ResponderError::Malformed)?;
        let symmetric = match self.resume(&hello) {
            Some(resumed) => return self.answer_resumed(resumed, frames, rng),
            None if hello.r#static.is_some() => Symmetric::xx_fallback(),
            None => Symmetric::xx(),
        };
        let client_ephemeral = hello.ephemeral.ok_or(ResponderError::Malformed)?;
        self.answer_full(symmetric, &client_ephemeral, frames, rng)
    }

    /// Reads a hello of the IK pattern; `None` for one of XX, and when the client expected another server key.
    fn resume(&self, hello: &ClientHello) -> Option<Resumed> {
        let (static_key, payload) = (hello.r#static.as_ref()?, hello.payload.as_ref()?);
        let ephemeral = PublicKey::from_raw(hello.ephemeral.as_ref()?).ok()?;
        let server = &self.identity.static_key;
        let mut symmetric = Symmetric::ik();
        symmetric.mix_hash(server.public().as_bytes());
        symmetric.mix_hash(ephemeral.as_bytes());
        symmetric.mix_key(&server.agree(&ephemeral).ok()?);
        let client = PublicKey::from_raw(&symmetric.decrypt(static_key).ok()?).ok()?;
        symmetric.mix_key(&server.agree(&client).ok()?);
        let payload = symmetric.decrypt(payload).ok()?;
        Some(Resumed { symmetric, ephemeral, client, payload })
    }

    fn answer_resumed(
        &mut self,
        resumed: Resumed,
        frames: FrameReader,
        rng: &mut impl CryptoRng,
    ) -> Result<Handshake, ResponderError> {
        let Resumed { mut symmetric, ephemeral: client_ephemeral, client, payload } = resumed;
        let ephemeral = KeyPair::generate(rng);
        symmetric.mix_hash(ephemeral.public().as_bytes());
        symmetric.mix_key(&ephemeral.agree(&client_ephemeral)?);
        symmetric.mix_key(&ephemeral.agree(&client)?);
        let chain = symmetric.encrypt(&self.identity.chain);
        let answer = server_hello(&ephemeral, None, chain)?;
        let transport = symmetric.split(false);
        self.stage = Stage::Resumed(Box::new(Established { client, payload, transport, frames }));
        Ok(Handshake::Answer(answer))
    }

    fn answer_full(
        &mut self,
        mut symmetric: Symmetric,
        client_ephemeral: &[u8],
        frames: FrameReader,
        rng: &mut impl CryptoRng,
    ) -> Result<Handshake, ResponderError> {
        symmetric.mix_hash(client_ephemeral);
        let client_ephemeral = PublicKey::from_raw(client_ephemeral)?;
        let ephemeral = KeyPair::generate(rng);
        symmetric.mix_hash(ephemeral.public().as_bytes());
        symmetric.mix_key(&ephemeral.agree(&client_ephemeral)?);
        let static_key = symmetric.encrypt(self.identity.static_key.public().as_bytes());
        symmetric.mix_key(&self.identity.static_key.agree(&client_ephemeral)?);
        let payload = symmetric.encrypt(&self.identity.chain);
        let answer = server_hello(&ephemeral, Some(static_key), payload)?;
        self.stage = Stage::Finish(frames, Box::new(symmetric), ephemeral);
        Ok(Handshake::Answer(answer))
    }
}

/// A hello of the IK pattern that was meant for this server.
struct Resumed {
    symmetric: Symmetric,
    ephemeral: PublicKey,
    client: PublicKey,
    payload: Vec<u8>,
}

fn server_hello(
    ephemeral: &KeyPair,
    static_key: Option<Vec<u8>>,
    payload: Vec<u8>,
) -> Result<Bytes, FrameError> {
    let answer = HandshakeMessage {
        server_hello: Some(ServerHello {
            ephemeral: Some(Bytes::copy_from_slice(ephemeral.public().as_bytes())),
            r#static: static_key.map(Bytes::from),
            payload: Some(payload.into()),
        }),
        ..HandshakeMessage::default()
    };
    let mut out = BytesMut::new();
    write_frame(&answer.encode_to_vec(), &mut out)?;
    Ok(out.freeze())
}

fn finish(
    frame: &[u8],
    frames: FrameReader,
    mut symmetric: Symmetric,
    ephemeral: &KeyPair,
) -> Result<Handshake, ResponderError> {
    let message = HandshakeMessage::decode(frame).map_err(|_| ResponderError::Malformed)?;
    let finish = message.client_finish.ok_or(ResponderError::Malformed)?;
    let (Some(client), Some(payload)) = (finish.r#static, finish.payload) else {
        return Err(ResponderError::Malformed);
    };
    let client = PublicKey::from_raw(&symmetric.decrypt(&client)?)?;
    symmetric.mix_key(&ephemeral.agree(&client)?);
    let payload = symmetric.decrypt(&payload)?;
    let transport = symmetric.split(false);
    Ok(Handshake::Done(Box::new(Established { client, payload, transport, frames })))
}

/// Takes the optional edge pre-intro and the header off. `false` while they are not complete.
fn skip_intro(buffer: &mut BytesMut) -> Result<bool, ResponderError> {
    if buffer.len() >= 4 && buffer[..4] == EDGE_INTRO {
        if buffer.len() < 7 {
            return Ok(false);
        }
        let length = usize::from(buffer[4]) << 16 | usize::from(buffer[5]) << 8 | usize::from(buffer[6]);
        if buffer.len() < 7 + length {
            return Ok(false);
        }
        buffer.advance(7 + length);
    }
    if buffer.len() < 4 {
        return Ok(false);
    }
    if buffer[..4] != HEADER {
        return Err(ResponderError::Header);
    }
    buffer.advance(4);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::noise::{CertError, verify_chain};

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    /// A client that resumes, written from the pattern.
    struct Resuming {
        symmetric: Symmetric,
        ephemeral: KeyPair,
        own: KeyPair,
    }

    impl Resuming {
        fn start(server: PublicKey, payload: &[u8], rng: &mut StdRng) -> (Self, Bytes) {
            let (ephemeral, own) = (KeyPair::generate(rng), KeyPair::generate(rng));
            let mut symmetric = Symmetric::ik();
            symmetric.mix_hash(server.as_bytes());
            symmetric.mix_hash(ephemeral.public().as_bytes());
            symmetric.mix_key(&ephemeral.agree(&server).unwrap());
            let static_key = symmetric.encrypt(own.public().as_bytes());
            symmetric.mix_key(&own.agree(&server).unwrap());
            let hello = ClientHello {
                ephemeral: Some(Bytes::copy_from_slice(ephemeral.public().as_bytes())),
                r#static: Some(static_key.into()),
                payload: Some(symmetric.encrypt(payload).into()),
            };
            let message = HandshakeMessage { client_hello: Some(hello), ..HandshakeMessage::default() };
            let mut out = BytesMut::from(&HEADER[..]);
            write_frame(&message.encode_to_vec(), &mut out).unwrap();
            (Self { symmetric, ephemeral, own }, out.freeze())
        }
    }

    fn answer(responder: &mut Responder, bytes: Bytes, rng: &mut StdRng) -> ServerHello {
        let Handshake::Answer(answer) = responder.receive(bytes, rng).unwrap() else { panic!("an answer") };
        let mut frames = FrameReader::default();
        frames.push(answer).unwrap();
        let message = HandshakeMessage::decode(&frames.next().unwrap().unwrap()[..]).unwrap();
        message.server_hello.unwrap()
    }

    fn talk(client: Transport, established: Established) {
        let (mut client, mut server) = (client, established.transport);
        let mut out = BytesMut::new();
        client.seal(b"hello", &mut out).unwrap();
        assert_eq!(server.open(out.split_off(3)).unwrap()[..], b"hello"[..]);
        let mut out = BytesMut::new();
        server.seal(b"hello yourself", &mut out).unwrap();
        assert_eq!(client.open(out.split_off(3)).unwrap()[..], b"hello yourself"[..]);
    }

    #[test]
    fn a_client_that_knows_the_server_resumes() {
        let mut rng = StdRng::seed_from_u64(1);
        let identity = ServerIdentity::generate(NOW, &mut rng);
        let mut responder = Responder::new(identity.clone());
        let (mut client, hello) = Resuming::start(identity.static_key(), b"login", &mut rng);
        let hello = answer(&mut responder, hello, &mut rng);
        assert!(hello.r#static.is_none());
        let server = PublicKey::from_raw(&hello.ephemeral.unwrap()).unwrap();
        client.symmetric.mix_hash(server.as_bytes());
        client.symmetric.mix_key(&client.ephemeral.agree(&server).unwrap());
        client.symmetric.mix_key(&client.own.agree(&server).unwrap());
        let chain = client.symmetric.decrypt(&hello.payload.unwrap()).unwrap();
        verify_chain(&chain, &identity.static_key(), &identity.trust_root(), NOW).unwrap();
        let Handshake::Done(established) = responder.receive(Bytes::new(), &mut rng).unwrap() else {
            panic!("it is over")
        };
        assert_eq!((established.client, &established.payload[..]), (client.own.public(), &b"login"[..]));
        talk(client.symmetric.split(true), *established);
    }

    #[test]
    fn clients_refuse_each_flaw_of_the_certificates() {
        let mut rng = StdRng::seed_from_u64(4);
        let mut server = ServerIdentity::generate(NOW, &mut rng);
        for (flaw, error) in [
            (CertificateFlaw::ExpiredLeaf, CertError::Expired),
            (CertificateFlaw::EarlyLeaf, CertError::NotYetValid),
            (CertificateFlaw::ExpiredIntermediate, CertError::Expired),
            (CertificateFlaw::OtherRoot, CertError::IntermediateSignature),
            (CertificateFlaw::OtherIssuer, CertError::LeafSignature),
            (CertificateFlaw::OtherKey, CertError::LeafKey),
        ] {
            server.set_flaw(flaw, NOW, &mut rng);
            let verified = verify_chain(server.chain(), &server.static_key(), &server.trust_root(), NOW);
            assert_eq!(verified.err(), Some(error), "{flaw:?}");
        }
        server.set_flaw(CertificateFlaw::None, NOW, &mut rng);
        assert!(verify_chain(server.chain(), &server.static_key(), &server.trust_root(), NOW).is_ok());
    }

    #[test]
    fn a_client_that_knows_a_former_key_falls_back() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut identity = ServerIdentity::generate(NOW, &mut rng);
        let former = identity.static_key();
        identity.rotate(NOW, &mut rng);
        let mut responder = Responder::new(identity.clone());
        let (client, hello) = Resuming::start(former, b"login", &mut rng);
        let hello = answer(&mut responder, hello, &mut rng);
        // From here on as in XX, with the ephemeral key that was sent.
        let mut symmetric = Symmetric::xx_fallback();
        symmetric.mix_hash(client.ephemeral.public().as_bytes());
        let server = PublicKey::from_raw(&hello.ephemeral.unwrap()).unwrap();
        symmetric.mix_hash(server.as_bytes());
        symmetric.mix_key(&client.ephemeral.agree(&server).unwrap());
        let static_key = symmetric.decrypt(&hello.r#static.unwrap()).unwrap();
        let static_key = PublicKey::from_raw(&static_key).unwrap();
        symmetric.mix_key(&client.ephemeral.agree(&static_key).unwrap());
        let chain = symmetric.decrypt(&hello.payload.unwrap()).unwrap();
        verify_chain(&chain, &static_key, &identity.trust_root(), NOW).unwrap();
        let finish = crate::proto::handshake::ClientFinish {
            r#static: Some(symmetric.encrypt(client.own.public().as_bytes()).into()),
            payload: {
                symmetric.mix_key(&client.own.agree(&server).unwrap());
                Some(symmetric.encrypt(b"login").into())
            },
        };
        let message = HandshakeMessage { client_finish: Some(finish), ..HandshakeMessage::default() };
        let mut out = BytesMut::new();
        write_frame(&message.encode_to_vec(), &mut out).unwrap();
        let Handshake::Done(established) = responder.receive(out.freeze(), &mut rng).unwrap() else {
            panic!("it is over")
        };
        assert_eq!((established.client, &established.payload[..]), (client.own.public(), &b"login"[..]));
        talk(symmetric.split(true), *established);
    }
}
