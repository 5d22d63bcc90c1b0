//! One WebSocket connection as the server sees it.
use bytes::{Bytes, BytesMut};
use prost::Message;
use rand::rngs::StdRng;

use super::{
    accounts::DeviceAddress,
    pairing::Registration,
    responder::{Handshake, Responder, ServerIdentity},
};
use crate::{
    binary::{self, Node, Stanza},
    crypto::PublicKey,
    noise::{FrameReader, Transport},
    proto::payload::ClientPayload,
};

/// One connection.
pub(super) struct Link {
    stage: Stage,
}

enum Stage {
    Handshake(Box<Responder>),
    Open { transport: Box<Transport>, frames: FrameReader, role: Role },
}

/// The owner of a connection.
pub(super) enum Role {
    /// Waiting to be linked.
    Registering(Box<Registration>),
    /// A linked device.
    Device(DeviceAddress),
    /// Refused; about to be closed.
    Refused,
}

/// The result of received bytes.
pub(super) enum Received {
    /// Bytes to send back.
    Answer(Bytes),
    /// The client is authenticated: decide its role.
    Hello { client: PublicKey, payload: Box<ClientPayload> },
    /// A stanza.
    Stanza(Stanza),
}

impl Link {
    pub(super) fn new(identity: ServerIdentity) -> Self {
        Self { stage: Stage::Handshake(Box::new(Responder::new(identity))) }
    }

    /// Takes in bytes; call [`Link::next`] until it returns nothing.
    pub(super) fn push(&mut self, bytes: Bytes, rng: &mut StdRng) -> Result<Option<Received>, String> {
        match &mut self.stage {
            Stage::Handshake(responder) => {
                let outcome = responder.receive(bytes, rng).map_err(|error| error.to_string())?;
                self.on_handshake(outcome)
            }
            Stage::Open { frames, .. } => {
                frames.push(bytes).map_err(|error| error.to_string())?;
                self.next()
            }
        }
    }

    fn on_handshake(&mut self, outcome: Handshake) -> Result<Option<Received>, String> {
        match outcome {
            Handshake::Wait => Ok(None),
            Handshake::Answer(bytes) => Ok(Some(Received::Answer(bytes))),
            Handshake::Done(established) => {
                let payload =
                    ClientPayload::decode(&established.payload[..]).map_err(|error| error.to_string())?;
                let transport = Box::new(established.transport);
                self.stage = Stage::Open { transport, frames: established.frames, role: Role::Refused };
                Ok(Some(Received::Hello { client: established.client, payload: Box::new(payload) }))
            }
        }
    }

    /// The next result.
    pub(super) fn next(&mut self) -> Result<Option<Received>, String> {
        let Stage::Open { transport, frames, .. } = &mut self.stage else { return Ok(None) };
        let Some(frame) = frames.next().map_err(|error| error.to_string())? else { return Ok(None) };
        let plaintext = transport.open(frame).map_err(|error| error.to_string())?;
        let stanza = binary::unpack(plaintext).map_err(|error| error.to_string())?;
        Ok(Some(Received::Stanza(stanza)))
    }

    /// Seals a stanza; `None` before the handshake is over.
    pub(super) fn seal(&mut self, node: &Node) -> Option<Bytes> {
        let Stage::Open { transport, .. } = &mut self.stage else { return None };
        let (mut plain, mut out) = (BytesMut::new(), BytesMut::new());
        binary::encode(node, &mut plain).ok()?;
        transport.seal(&plain, &mut out).ok()?;
        Some(out.freeze())
    }

    pub(super) fn set_role(&mut self, new: Role) {
        if let Stage::Open { role, .. } = &mut self.stage {
            *role = new;
        }
    }

    pub(super) fn device(&self) -> Option<DeviceAddress> {
        match &self.stage {
            Stage::Open { role: Role::Device(address), .. } => Some(*address),
            _ => None,
        }
    }

    pub(super) fn registration(&mut self) -> Option<&mut Registration> {
        match &mut self.stage {
            Stage::Open { role: Role::Registering(registration), .. } => Some(registration),
            _ => None,
        }
    }
}
