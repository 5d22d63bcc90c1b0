//! The socket's life: handshake, login, online, closed, and when to open it again.
//!
//! ```text
//!   Waiting(until) ──time──► Opening ──connected──► Handshaking ──server hello──► Entering ──success──► Online
//!        ▲                      │                        │                           │                    │
//!        └──── passing error, restart, cool-down ────────┴───────────────────────────┴────────────────────┘
//!   Resting: after a terminal reason or a stop; nothing happens by itself.
//! ```
//! A device that is not linked stays in Entering, where it pairs.
use std::{collections::VecDeque, time::Duration};

use bytes::{Bytes, BytesMut};
use compact_str::CompactString;

use super::{
    LinkAction, Request,
    context::Context,
    keepalive::Keepalive,
    reconnect::{Ending, Reconnect},
    requests::Requests,
};
use crate::{
    binary::{self, Node, Stanza},
    noise::{ClientHandshake, FrameReader, Transport},
    stanza::connection,
    time::Timestamp,
};

/// The server hello must come within this time, and `success` within the same again.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(20);

/// The connection, what was asked over it, and what came over it.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    pub(super) reconnect: Reconnect,
    pub(super) requests: Requests<Request>,
    /// Stanzas that were not handled yet, in order.
    pub(super) inbox: VecDeque<Stanza>,
    pub(super) ended: Option<Ended>,
}

/// What flows must be told once the stanza at hand is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    /// The connection is gone: nothing is under way any more.
    Connection,
    /// So is the link to the account: nothing of it is left.
    Account,
}

/// Where the connection stands.
#[derive(Debug)]
enum Connection {
    Waiting { until: Timestamp },
    Opening,
    Handshaking { handshake: Option<Box<ClientHandshake>>, frames: FrameReader, deadline: Timestamp },
    Entering { wire: Wire, deadline: Timestamp },
    Online { wire: Wire },
    Resting,
}

/// An encrypted connection.
#[derive(Debug)]
struct Wire {
    transport: Transport,
    frames: FrameReader,
    keepalive: Keepalive,
    scratch: BytesMut,
}

impl Link {
    /// Opened at once; ids of requests start with `prefix`.
    pub(super) fn new(now: Timestamp, prefix: CompactString) -> Self {
        Self {
            connection: Connection::Waiting { until: now },
            reconnect: Reconnect::default(),
            requests: Requests::new(prefix),
            inbox: VecDeque::new(),
            ended: None,
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.connection.next_timeout().into_iter().chain(self.requests.next_timeout()).min()
    }

    /// Logged in?
    pub(super) const fn is_online(&self) -> bool {
        matches!(self.connection, Connection::Online { .. })
    }

    /// Connected and not logged in, as while pairing?
    pub(super) const fn is_entering(&self) -> bool {
        matches!(self.connection, Connection::Entering { .. })
    }

    pub(super) fn go_online(&mut self) {
        self.connection = match std::mem::replace(&mut self.connection, Connection::Resting) {
            Connection::Entering { wire, .. } => Connection::Online { wire },
            other => other,
        };
    }

    /// Closed, until it is opened again by itself at `retry_at`.
    pub(super) fn close(&mut self, retry_at: Option<Timestamp>) {
        self.connection = match retry_at {
            Some(until) => Connection::Waiting { until },
            None => Connection::Resting,
        };
        self.inbox.clear();
        self.ended = self.ended.max(Some(Ended::Connection));
    }

    /// No connection, and none being opened?
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.connection, Connection::Waiting { .. } | Connection::Resting)
    }

    /// Did the connection end since the last time?
    pub(super) const fn take_ended(&mut self) -> Option<Ended> {
        self.ended.take()
    }
}

impl Connection {
    fn next_timeout(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until } => Some(*until),
            Self::Handshaking { deadline, .. } => Some(*deadline),
            Self::Entering { wire, deadline } => Some(wire.keepalive.next_timeout().min(*deadline)),
            Self::Online { wire } => Some(wire.keepalive.next_timeout()),
            Self::Opening | Self::Resting => None,
        }
    }

    fn wire(&mut self) -> Option<&mut Wire> {
        match self {
            Self::Entering { wire, .. } | Self::Online { wire } => Some(wire),
            _ => None,
        }
    }
}

impl Context {
    /// The socket is open.
    pub(super) fn on_connected(&mut self) {
        if !matches!(self.link.connection, Connection::Opening) {
            self.step.link = Some(LinkAction::Close);
            return;
        }
        let routing = self.own.device.edge_routing.as_deref();
        let (handshake, hello) = ClientHandshake::start(self.own.device.noise.clone(), routing, &mut self.own.rng);
        self.step.transmit.push(hello);
        self.link.connection = Connection::Handshaking {
            handshake: Some(Box::new(handshake)),
            frames: FrameReader::default(),
            deadline: self.now + HANDSHAKE_DEADLINE,
        };
    }

    /// The socket could not be opened, or broke.
    pub(super) fn on_disconnected(&mut self, reason: &str) {
        self.end(reason, Ending::Passing);
    }

    /// One WebSocket message.
    pub(super) fn on_bytes(&mut self, bytes: Bytes) {
        let outcome = match &mut self.link.connection {
            Connection::Handshaking { frames, .. } => frames.push(bytes).map_err(|error| error.to_string()),
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                wire.keepalive.received();
                wire.frames.push(bytes).map_err(|error| error.to_string())
            }
            _ => return,
        };
        let outcome = outcome.and_then(|()| self.on_frames());
        if let Err(reason) = outcome {
            self.end(&reason, Ending::Passing);
        }
    }

    fn on_frames(&mut self) -> Result<(), String> {
        loop {
            let text = |error: &dyn std::fmt::Display| error.to_string();
            match &mut self.link.connection {
                Connection::Handshaking { handshake, frames, .. } => {
                    let Some(frame) = frames.next().map_err(|error| text(&error))? else { return Ok(()) };
                    let handshake = handshake.take().ok_or("a frame after a failed handshake")?;
                    self.finish_handshake(*handshake, &frame)?;
                }
                Connection::Entering { wire, .. } | Connection::Online { wire } => {
                    let Some(frame) = wire.frames.next().map_err(|error| text(&error))? else {
                        return Ok(());
                    };
                    let plaintext = wire.transport.open(frame).map_err(|error| text(&error))?;
                    match binary::unpack(plaintext) {
                        Ok(stanza) => self.link.inbox.push_back(stanza),
                        Err(error) => tracing::warn!(%error, "a stanza is not readable"),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn finish_handshake(
        &mut self,
        handshake: ClientHandshake,
        frame: &[u8],
    ) -> Result<(), String> {
        let payload = self.own.client_payload();
        let done = handshake.server_hello(frame, &self.own.config.trust_root, self.now, &payload);
        let (transport, finish) = done.map_err(|error| error.to_string())?;
        self.step.transmit.push(finish);
        let Connection::Handshaking { frames, .. } = &mut self.link.connection else { return Ok(()) };
        let frames = std::mem::take(frames);
        let keepalive = Keepalive::new(self.now, &mut self.own.rng);
        let wire = Wire { transport, frames, keepalive, scratch: BytesMut::new() };
        let patience = if self.own.device.jid.is_some() { HANDSHAKE_DEADLINE } else { Duration::from_secs(600) };
        self.link.connection = Connection::Entering { wire, deadline: self.now + patience };
        Ok(())
    }

    /// Seals a stanza for the connection that is open. Without one it is dropped: what must not be lost is in the
    /// store, and what answers a stanza is asked for again by the server.
    pub(super) fn transmit(&mut self, node: &Node) {
        let Some(wire) = self.link.connection.wire() else { return };
        wire.scratch.clear();
        let mut frame = BytesMut::new();
        let sealed = binary::encode(node, &mut wire.scratch)
            .map_err(|error| error.to_string())
            .and_then(|()| wire.transport.seal(&wire.scratch, &mut frame).map_err(|error| error.to_string()));
        match sealed {
            Ok(()) => {
                wire.keepalive.sent(self.now);
                self.step.transmit.push(frame.freeze());
            }
            Err(reason) => self.end(&reason, Ending::Passing),
        }
    }

    /// Time has passed, as far as the socket is concerned.
    pub(super) fn on_link_time(&mut self) {
        match &mut self.link.connection {
            Connection::Waiting { until } if *until <= self.now => {
                self.link.connection = Connection::Opening;
                self.step.link = Some(LinkAction::Open);
            }
            Connection::Handshaking { deadline, .. } if *deadline <= self.now => {
                self.end("the server did not answer the handshake", Ending::Passing);
            }
            Connection::Entering { deadline, .. } if *deadline <= self.now => {
                self.end("the server did not answer the login", Ending::Passing);
            }
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                if wire.keepalive.is_dead(self.now) {
                    self.end("the server went silent", Ending::Passing);
                } else if wire.keepalive.ping_due(self.now, &mut self.own.rng) {
                    self.request(connection::ping_iq(), Request::Ping);
                }
            }
            _ => {}
        }
    }
}
