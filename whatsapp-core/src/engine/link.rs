//! The socket's life: handshake, login, online, closed, and when to open it again.
//!
//! ```text
//!   Waiting(until) ──time──► Opening ──connected──► Handshaking ──server hello──► Entering ──success──► Online
//!        ▲                      │                        │                           │                    │
//!        └──── passing error, restart, cool-down ────────┴───────────────────────────┴────────────────────┘
//!   Resting: after a terminal reason or a stop; the engine does not leave it by itself.
//! ```
//! A device that is not linked stays in Entering, where it pairs.
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use compact_str::CompactString;

use super::{
    LinkAction, Request,
    context::Context,
    inbox::Inbox,
    keepalive::Keepalive,
    reconnect::{Reconnect, Recovery},
    requests::Requests,
};
use crate::{
    binary::{self, Node},
    event::DisconnectReason,
    noise::{ClientHandshake, FrameReader, NoiseError, Transport},
    stanza::connection,
    time::Timestamp,
};

/// The server hello must come within this time, and `success` within the same again.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(20);
/// How long a connection stays open for pairing.
const PAIRING_DEADLINE: Duration = Duration::from_secs(600);

/// The connection, its requests, and its received data.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    pub(super) reconnect: Reconnect,
    pub(super) requests: Requests<Request>,
    pub(super) inbox: Inbox,
    /// Missing acknowledgements and answers count from then on: before, they may be unread.
    acks_from: Timestamp,
    pub(super) ended: Option<Ended>,
}

/// The news for flows once the current stanza is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    /// The connection is gone: nothing is under way any more.
    Connection,
    /// The link to the account is gone too: nothing of it is left.
    Account,
}

/// After a pause in reading, acknowledgements do not count as missing before this time has passed.
const UNREAD: Duration = Duration::from_secs(20);

/// The state of the connection.
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
            inbox: Inbox::default(),
            acks_from: now,
            ended: None,
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        let frames = (self.inbox.has_room() && self.has_frames()).then_some(Timestamp::from_millis(0));
        let requests = self.requests.next_timeout().map(|at| at.max(self.acks_from));
        [self.connection.next_timeout(), requests, frames].into_iter().flatten().min()
    }

    /// May more be read from the socket now?
    pub(super) fn has_room(&self) -> bool {
        self.inbox.has_room() && !self.has_frames()
    }

    /// Are there frames that were left undecoded?
    fn has_frames(&self) -> bool {
        match &self.connection {
            Connection::Entering { wire, .. } | Connection::Online { wire } => wire.frames.has_next(),
            _ => false,
        }
    }

    /// The caller does not read from the socket: unread data must not look like the server's silence.
    pub(super) fn on_reading_paused(&mut self, now: Timestamp) {
        if let Some(wire) = self.connection.wire() {
            wire.keepalive.received();
        }
        self.acks_from = now + UNREAD;
    }

    /// Requests whose answer is late. Answers that may be unread do not count.
    pub(super) fn late_requests(&mut self, now: Timestamp) -> Vec<Request> {
        if self.acks_from <= now { self.requests.expired(now) } else { Vec::new() }
    }

    /// Does a missing acknowledgement count?
    pub(super) fn acks_count(&self, now: Timestamp) -> bool {
        self.is_online() && self.acks_from <= now
    }

    /// When a deadline for an acknowledgement counts at the earliest.
    pub(super) fn ack_timeout(&self, deadline: Timestamp) -> Option<Timestamp> {
        self.is_online().then(|| deadline.max(self.acks_from))
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

    /// Closed. Opens again by itself at `retry_at`.
    pub(super) fn close(&mut self, retry_at: Option<Timestamp>) {
        self.connection = match retry_at {
            Some(until) => Connection::Waiting { until },
            None => Connection::Resting,
        };
        self.inbox.clear();
        self.ended = self.ended.max(Some(Ended::Connection));
    }

    /// Is there no connection, and none being opened?
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
        let (handshake, hello) =
            ClientHandshake::start(self.own.device.noise.clone(), routing, &mut self.own.rng);
        self.step.transmit.push(hello);
        self.link.connection = Connection::Handshaking {
            handshake: Some(Box::new(handshake)),
            frames: FrameReader::default(),
            deadline: self.now + HANDSHAKE_DEADLINE,
        };
    }

    /// The connection failed, or could not be opened.
    pub(super) fn on_disconnected(&mut self, reason: DisconnectReason) {
        let recovery = if reason.is_certificate() { Recovery::Untrusted } else { Recovery::Passing };
        self.end(reason, recovery);
    }

    /// One WebSocket message.
    pub(super) fn on_bytes(&mut self, bytes: Bytes) {
        let outcome = match &mut self.link.connection {
            Connection::Handshaking { frames, .. } => frames.push(bytes),
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                wire.keepalive.received();
                wire.frames.push(bytes)
            }
            _ => return,
        };
        match outcome {
            Ok(()) => self.read_frames(),
            Err(error) => self.on_disconnected(error.into()),
        }
    }

    /// Decodes frames that are here, as long as there is room.
    pub(super) fn read_frames(&mut self) {
        if let Err(reason) = self.on_frames() {
            self.on_disconnected(reason);
        }
    }

    fn on_frames(&mut self) -> Result<(), DisconnectReason> {
        loop {
            match &mut self.link.connection {
                Connection::Handshaking { handshake, frames, .. } => {
                    let Some(frame) = frames.next()? else { return Ok(()) };
                    let handshake = handshake.take().ok_or(NoiseError::Malformed)?;
                    self.finish_handshake(*handshake, &frame)?;
                }
                Connection::Entering { wire, .. } | Connection::Online { wire } => {
                    if !self.link.inbox.has_room() {
                        // The rest stays undecoded until this step is taken: see `next_timeout`.
                        return Ok(());
                    }
                    let Some(frame) = wire.frames.next()? else { return Ok(()) };
                    let plaintext = wire.transport.open(frame)?;
                    match binary::unpack(plaintext) {
                        Ok(stanza) => self.link.inbox.push(stanza),
                        Err(error) => tracing::warn!(%error, "a stanza is not readable"),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn finish_handshake(&mut self, handshake: ClientHandshake, frame: &[u8]) -> Result<(), DisconnectReason> {
        let payload = self.own.client_payload();
        let trust_root = &self.own.config.trust_root;
        let (transport, finish) = handshake.server_hello(frame, trust_root, self.now, &payload)?;
        self.link.reconnect.verified();
        self.step.transmit.push(finish);
        let Connection::Handshaking { frames, .. } = &mut self.link.connection else { return Ok(()) };
        let frames = std::mem::take(frames);
        let keepalive = Keepalive::new(self.now, &mut self.own.rng);
        let wire = Wire { transport, frames, keepalive, scratch: BytesMut::new() };
        let patience = if self.own.is_linked() { HANDSHAKE_DEADLINE } else { PAIRING_DEADLINE };
        self.link.connection = Connection::Entering { wire, deadline: self.now + patience };
        Ok(())
    }

    /// Seals a stanza for the open connection. Without one it is dropped: stanzas that must not be lost are in the
    /// store, and the server asks again for answers to its stanzas.
    pub(super) fn transmit(&mut self, node: &Node) {
        let Some(wire) = self.link.connection.wire() else { return };
        wire.scratch.clear();
        let mut frame = BytesMut::new();
        let sealed = binary::encode(node, &mut wire.scratch)
            .map_err(|error| DisconnectReason::NotSendable(error.to_string()))
            .and_then(|()| wire.transport.seal(&wire.scratch, &mut frame).map_err(Into::into));
        match sealed {
            Ok(()) => {
                wire.keepalive.sent(self.now);
                self.step.transmit.push(frame.freeze());
            }
            Err(reason) => self.end(reason, Recovery::Passing),
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
                self.end(DisconnectReason::ServerSilent("the handshake"), Recovery::Passing);
            }
            Connection::Entering { deadline, .. } if *deadline <= self.now => {
                self.end(DisconnectReason::ServerSilent("the login"), Recovery::Passing);
            }
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                if wire.keepalive.is_dead(self.now) {
                    self.end(DisconnectReason::ServerSilent("for 20 seconds"), Recovery::Passing);
                } else if wire.keepalive.ping_due(self.now, &mut self.own.rng) {
                    self.request(connection::ping_iq(), Request::Ping);
                }
            }
            _ => {}
        }
    }
}
