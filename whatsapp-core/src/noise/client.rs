//! The client's side of the XX handshake.
//!
//! ```text
//!   start ──► e ──────────────────────────────────►
//!         ◄── e, ee, s, es, certificate chain ◄────   server_hello: verified before anything else is sent
//!         ──► s, se, client payload ──────────────►   Transport
//! ```
//! IK (resumption) can be added here: a second `start` mixes in the cached server key and sends the payload
//! at once, and falls back to `server_hello` when the answer carries a static key.
use bytes::{Bytes, BytesMut};
use prost::Message;
use rand::CryptoRng;

use super::{
    EDGE_INTRO, HEADER, TrustRoot,
    cert::{CertError, verify_chain},
    frame::{FrameError, write_frame},
    symmetric::Symmetric,
    transport::Transport,
};
use crate::{
    crypto::{CipherError, KeyError, KeyPair, PublicKey},
    proto::handshake::{ClientFinish, ClientHello, HandshakeMessage},
    time::Timestamp,
};

/// Longer routing bytes are not sent: no edge has needed so many.
const MAX_ROUTING: usize = 1 << 16;

/// Waits for the server's hello.
#[derive(Debug)]
pub struct ClientHandshake {
    symmetric: Symmetric,
    ephemeral: KeyPair,
    static_key: KeyPair,
}

/// Why a handshake failed. The socket is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// Not the expected message.
    #[error("the server's handshake message is malformed")]
    Malformed,
    /// It was encrypted for another handshake.
    #[error("the server's handshake message does not decrypt")]
    Unreadable,
    /// A key in it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate chain does not lead to the trust root.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// Our own payload does not fit a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl From<CipherError> for NoiseError {
    fn from(_: CipherError) -> Self {
        Self::Unreadable
    }
}

impl ClientHandshake {
    /// Starts. Returns the first bytes for the socket: edge pre-intro if there is routing information, header, and
    /// the framed hello.
    pub fn start(
        static_key: KeyPair,
        edge_routing: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> (Self, Bytes) {
        let ephemeral = KeyPair::generate(rng);
        let mut symmetric = Symmetric::xx();
        symmetric.mix_hash(ephemeral.public().as_bytes());
        let hello = HandshakeMessage {
            client_hello: Some(ClientHello {
                ephemeral: Some(Bytes::copy_from_slice(ephemeral.public().as_bytes())),
                ..ClientHello::default()
            }),
            ..HandshakeMessage::default()
        };
        let mut out = BytesMut::new();
        if let Some(routing) = edge_routing.filter(|routing| (1..=MAX_ROUTING).contains(&routing.len())) {
            out.extend_from_slice(&EDGE_INTRO);
            write_frame(routing, &mut out).expect("the length was checked above");
        }
        out.extend_from_slice(&HEADER);
        write_frame(&hello.encode_to_vec(), &mut out).expect("a hello is short");
        (Self { symmetric, ephemeral, static_key }, out.freeze())
    }

    /// Reads the server's hello, verifies its identity, and returns the framed answer that carries `client_payload`.
    ///
    /// # Errors
    /// When the message is not the server's, or its certificate chain does not lead to `root`.
    pub fn server_hello(
        self,
        frame: &[u8],
        root: &TrustRoot,
        now: Timestamp,
        client_payload: &[u8],
    ) -> Result<(Transport, Bytes), NoiseError> {
        let Self { mut symmetric, ephemeral, static_key } = self;
        let message = HandshakeMessage::decode(frame).map_err(|_| NoiseError::Malformed)?;
        let hello = message.server_hello.ok_or(NoiseError::Malformed)?;
        let (Some(server_ephemeral), Some(server_static), Some(chain)) =
            (hello.ephemeral, hello.r#static, hello.payload)
        else {
            return Err(NoiseError::Malformed);
        };

        symmetric.mix_hash(&server_ephemeral);
        let server_ephemeral = PublicKey::from_raw(&server_ephemeral)?;
        symmetric.mix_key(&ephemeral.agree(&server_ephemeral)?);
        let server_static = PublicKey::from_raw(&symmetric.decrypt(&server_static)?)?;
        symmetric.mix_key(&ephemeral.agree(&server_static)?);
        let chain = symmetric.decrypt(&chain)?;
        verify_chain(&chain, &server_static, root, now)?;

        let own_static = symmetric.encrypt(static_key.public().as_bytes());
        symmetric.mix_key(&static_key.agree(&server_ephemeral)?);
        let payload = symmetric.encrypt(client_payload);
        let finish = HandshakeMessage {
            client_finish: Some(ClientFinish {
                r#static: Some(own_static.into()),
                payload: Some(payload.into()),
            }),
            ..HandshakeMessage::default()
        };
        let mut out = BytesMut::new();
        write_frame(&finish.encode_to_vec(), &mut out)?;
        Ok((symmetric.split(true), out.freeze()))
    }
}
