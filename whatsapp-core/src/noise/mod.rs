//! The encrypted socket: Noise handshake, certificate chain, frames.
//!
//! Wire facts (protocol notes 2.1 and 2.2): after an optional edge pre-intro, the client sends the four bytes
//! `57 41 06 03`, which are also the handshake's prologue; then frames of a 3-byte big-endian length and a payload.
//! The handshake is Noise XX with X25519, AES-256-GCM and SHA-256, except that the empty payload of the first message
//! is not hashed; its messages are protobuf. Written by hand because generic Noise libraries do hash it, refuse
//! frames beyond 65,535 bytes, and have no fallback pattern.
//!
//! The states are consumed: a handshake that failed cannot be used again, and there is no way to a [`Transport`] except
//! through the certificate check.
mod cert;
mod client;
mod frame;
mod symmetric;
mod transport;

pub use cert::{CertError, TrustRoot, VerifiedChain, verify_chain};
pub use client::{ClientHandshake, NoiseError};
pub use frame::{FrameError, FrameReader, MAX_FRAME};
pub use transport::{Transport, TransportError};

#[cfg(feature = "sim")]
pub(crate) use frame::write_frame;
#[cfg(feature = "sim")]
pub(crate) use symmetric::Symmetric;

/// "WA", protocol 6, dictionary 3: sent once before the first frame, and the handshake's prologue.
pub const HEADER: [u8; 4] = [b'W', b'A', 6, 3];
/// Starts the optional edge pre-intro: then a 3-byte length and routing bytes. No part of the prologue.
pub const EDGE_INTRO: [u8; 4] = [b'E', b'D', 0, 1];

#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
