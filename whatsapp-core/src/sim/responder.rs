//! The server's side of the handshake, and the certificates that go with it.
//!
//! ```text
//!   hello: e ────────────► XX ──────────► answer with static ──► finish ──► Done
//!   hello: e, s, payload ► IK ──────────► answer without ─────────────────► Done
//!                          └ not for this key: XXfallback, as XX with another name
//! ```
use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use rand::CryptoRng;

use crate::{
    crypto::{CipherError, KeyError, KeyPair, PublicKey},
    noise::{
        EDGE_INTRO, FrameError, FrameReader, HEADER, Pattern, Symmetric, Transport, TrustRoot, write_frame,
    },
    proto::handshake::{
        CertChain, Certificate, CertificateDetails, ClientHello, HandshakeMessage, ServerHello,
    },
    time::Timestamp,
};

/// Validity of the certificates on either side of their making, in seconds: a year.
const VALIDITY: u64 = 365 * 86_400;
const INTERMEDIATE_SERIAL: u32 = 7;

/// A server's keys: a root of its own, an intermediate, and the leaf that is its static key.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    root: PublicKey,
    static_key: KeyPair,
    chain: Bytes,
}

impl ServerIdentity {
    /// New keys, with certificates valid around `now`.
    pub fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let (root, intermediate, static_key) =
            (KeyPair::generate(rng), KeyPair::generate(rng), KeyPair::generate(rng));
        let valid = (now.as_secs().saturating_sub(VALIDITY), now.as_secs() + VALIDITY);
        let certify = |serial, issuer_serial, key: &KeyPair| CertificateDetails {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(Bytes::copy_from_slice(key.public().as_bytes())),
            not_before: Some(valid.0),
            not_after: Some(valid.1),
        };
        let chain = CertChain {
            intermediate: Some(sign(&certify(INTERMEDIATE_SERIAL, 0, &intermediate), &root, rng)),
            leaf: Some(sign(
                &certify(INTERMEDIATE_SERIAL + 1, INTERMEDIATE_SERIAL, &static_key),
                &intermediate,
                rng,
            )),
        };
        Self { root: root.public(), static_key, chain: chain.encode_to_vec().into() }
    }

    /// What clients must be configured with.
    pub const fn trust_root(&self) -> TrustRoot {
        TrustRoot(self.root)
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
    /// A resumption that has been answered.
    Resumed(Box<Established>),
    Over,
}

/// What the handshake came to.
#[derive(Debug)]
pub enum Handshake {
    /// More bytes are needed.
    Wait,
    /// To be sent; then more is needed, or (a resumption) everything is there: call again with no bytes.
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
    /// Not the message that belongs here.
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
        let wants_resumption = hello.r#static.is_some() || hello.payload.is_some();
        let client = PublicKey::from_raw(hello.ephemeral.as_deref().ok_or(ResponderError::Malformed)?)?;
        let ephemeral = KeyPair::generate(rng);
        if let Some(early) = self.read_early(&client, &hello) {
            return self.answer_early(early, &client, &ephemeral, frames);
        }
        let pattern = if wants_resumption { Pattern::XxFallback } else { Pattern::Xx };
        self.answer_late(pattern, &client, ephemeral, frames)
    }

    /// `e, ee, s, es, certificate chain`; the client then says who it is.
    fn answer_late(
        &mut self,
        pattern: Pattern,
        client: &PublicKey,
        ephemeral: KeyPair,
        frames: FrameReader,
    ) -> Result<Handshake, ResponderError> {
        let mut symmetric = Symmetric::new(pattern);
        symmetric.mix_hash(client.as_bytes());
        symmetric.mix_hash(ephemeral.public().as_bytes());
        symmetric.mix_key(&ephemeral.agree(client)?);
        let static_key = symmetric.encrypt(self.identity.static_key.public().as_bytes());
        symmetric.mix_key(&self.identity.static_key.agree(client)?);
        let payload = symmetric.encrypt(&self.identity.chain);
        let answer = server_hello(&ephemeral.public(), Some(static_key), payload)?;
        self.stage = Stage::Finish(frames, Box::new(symmetric), ephemeral);
        Ok(Handshake::Answer(answer))
    }

    /// Reads an IK hello: `e, es, s, ss, payload`. `None` when it is none, or not for our key.
    fn read_early(&self, ephemeral: &PublicKey, hello: &ClientHello) -> Option<Early> {
        let static_key = &self.identity.static_key;
        let mut symmetric = Symmetric::new(Pattern::Ik);
        symmetric.mix_hash(static_key.public().as_bytes());
        symmetric.mix_hash(ephemeral.as_bytes());
        symmetric.mix_key(&static_key.agree(ephemeral).ok()?);
        let client = PublicKey::from_raw(&symmetric.decrypt(hello.r#static.as_ref()?).ok()?).ok()?;
        symmetric.mix_key(&static_key.agree(&client).ok()?);
        let payload = symmetric.decrypt(hello.payload.as_ref()?).ok()?;
        Some(Early { symmetric, client, payload })
    }

    /// `e, ee, se, certificate chain`: that is all.
    fn answer_early(
        &mut self,
        early: Early,
        client_ephemeral: &PublicKey,
        ephemeral: &KeyPair,
        frames: FrameReader,
    ) -> Result<Handshake, ResponderError> {
        let Early { mut symmetric, client, payload } = early;
        symmetric.mix_hash(ephemeral.public().as_bytes());
        symmetric.mix_key(&ephemeral.agree(client_ephemeral)?);
        symmetric.mix_key(&ephemeral.agree(&client)?);
        let chain = symmetric.encrypt(&self.identity.chain);
        let answer = server_hello(&ephemeral.public(), None, chain)?;
        let transport = symmetric.split(false);
        self.stage = Stage::Resumed(Box::new(Established { client, payload, transport, frames }));
        Ok(Handshake::Answer(answer))
    }
}

/// What an IK hello says.
struct Early {
    symmetric: Symmetric,
    client: PublicKey,
    payload: Vec<u8>,
}

fn server_hello(
    ephemeral: &PublicKey,
    static_key: Option<Vec<u8>>,
    payload: Vec<u8>,
) -> Result<Bytes, ResponderError> {
    let answer = HandshakeMessage {
        server_hello: Some(ServerHello {
            ephemeral: Some(Bytes::copy_from_slice(ephemeral.as_bytes())),
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
