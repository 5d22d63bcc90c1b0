//! The socket's life: handshake, login, online, closed, and when to open it again.
//!
//! ```text
//!   Waiting(until) ──time──► Opening ──connected──► Handshaking ──server hello──► Entering ──success──► Online
//!        ▲                      │                        │                           │                    │
//!        └──── passing error, restart, cool-down ────────┴───────────────────────────┴────────────────────┘
//!   Resting: after a terminal reason or a stop; nothing happens by itself.
//! ```
//! A device that is not linked stays in Entering, where it pairs.
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use whatsapp_store::Change;

use super::{
    CommandError, Engine, LinkAction, Reply, Request, Ticket, keepalive::Keepalive, reconnect::Ending,
};
use crate::{
    binary::{self, Node, NodeRef},
    event::Event,
    noise::{ClientHandshake, FrameReader, Transport},
    stanza::{
        ack::Ack,
        connection::{self, Failure, Ib, StreamError},
        iq,
    },
    time::Timestamp,
};

/// The server hello must come within this time, and `success` within the same again.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(20);

/// Where the connection stands.
#[derive(Debug)]
pub(super) enum Connection {
    Waiting { until: Timestamp },
    Opening,
    Handshaking { handshake: Option<Box<ClientHandshake>>, frames: FrameReader, deadline: Timestamp },
    Entering { wire: Wire, deadline: Timestamp },
    Online { wire: Wire },
    Resting,
}

/// An encrypted connection.
#[derive(Debug)]
pub(super) struct Wire {
    transport: Transport,
    frames: FrameReader,
    keepalive: Keepalive,
    scratch: BytesMut,
}

impl Connection {
    pub(super) const fn waiting(until: Timestamp) -> Self {
        Self::Waiting { until }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
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

impl Engine {
    /// The socket is open.
    pub fn on_connected(&mut self, now: Timestamp) {
        if !matches!(self.connection, Connection::Opening) {
            self.step.link = Some(LinkAction::Close);
            return;
        }
        let routing = self.device.edge_routing.as_deref();
        let (handshake, hello) = ClientHandshake::start(self.device.noise.clone(), routing, &mut self.rng);
        self.step.transmit.push(hello);
        self.connection = Connection::Handshaking {
            handshake: Some(Box::new(handshake)),
            frames: FrameReader::default(),
            deadline: now + HANDSHAKE_DEADLINE,
        };
    }

    /// The socket could not be opened, or broke.
    pub fn on_disconnected(&mut self, now: Timestamp, reason: &str) {
        if !matches!(self.connection, Connection::Waiting { .. } | Connection::Resting) {
            self.end(now, reason, Ending::Passing);
        }
        self.pump(now);
    }

    /// One WebSocket message.
    pub fn on_bytes(&mut self, now: Timestamp, bytes: Bytes) {
        let outcome = match &mut self.connection {
            Connection::Handshaking { frames, .. } => frames.push(bytes).map_err(|error| error.to_string()),
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                wire.keepalive.received();
                wire.frames.push(bytes).map_err(|error| error.to_string())
            }
            _ => return,
        };
        let outcome = outcome.and_then(|()| self.on_frames(now));
        if let Err(reason) = outcome {
            self.end(now, &reason, Ending::Passing);
        }
        self.pump(now);
    }

    fn on_frames(&mut self, now: Timestamp) -> Result<(), String> {
        loop {
            let text = |error: &dyn std::fmt::Display| error.to_string();
            match &mut self.connection {
                Connection::Handshaking { handshake, frames, .. } => {
                    let Some(frame) = frames.next().map_err(|error| text(&error))? else { return Ok(()) };
                    let handshake = handshake.take().ok_or("a frame after a failed handshake")?;
                    self.finish_handshake(now, *handshake, &frame)?;
                }
                Connection::Entering { wire, .. } | Connection::Online { wire } => {
                    let Some(frame) = wire.frames.next().map_err(|error| text(&error))? else {
                        return Ok(());
                    };
                    let plaintext = wire.transport.open(frame).map_err(|error| text(&error))?;
                    match binary::unpack(plaintext) {
                        Ok(stanza) => self.inbox.push_back(stanza),
                        Err(error) => tracing::warn!(%error, "a stanza is not readable"),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn finish_handshake(
        &mut self,
        now: Timestamp,
        handshake: ClientHandshake,
        frame: &[u8],
    ) -> Result<(), String> {
        let payload = self.client_payload();
        let done = handshake.server_hello(frame, &self.config.trust_root, now, &payload);
        let (transport, finish) = done.map_err(|error| error.to_string())?;
        self.step.transmit.push(finish);
        let Connection::Handshaking { frames, .. } = &mut self.connection else { return Ok(()) };
        let frames = std::mem::take(frames);
        let keepalive = Keepalive::new(now, &mut self.rng);
        let wire = Wire { transport, frames, keepalive, scratch: BytesMut::new() };
        let patience = if self.device.jid.is_some() { HANDSHAKE_DEADLINE } else { Duration::from_secs(600) };
        self.connection = Connection::Entering { wire, deadline: now + patience };
        Ok(())
    }

    pub(super) fn is_online(&self) -> bool {
        matches!(self.connection, Connection::Online { .. })
    }

    pub(super) fn is_entering(&self) -> bool {
        matches!(self.connection, Connection::Entering { .. })
    }

    pub(super) fn go_online(&mut self, _now: Timestamp) {
        self.connection = match std::mem::replace(&mut self.connection, Connection::Resting) {
            Connection::Entering { wire, .. } => Connection::Online { wire },
            other => other,
        };
    }

    /// Seals a stanza for the connection that is open. Without one it is dropped: what must not be lost is in the
    /// store, and what answers a stanza is asked for again by the service.
    pub(super) fn transmit(&mut self, now: Timestamp, node: &Node) {
        let Some(wire) = self.connection.wire() else { return };
        wire.scratch.clear();
        let mut frame = BytesMut::new();
        let sealed = binary::encode(node, &mut wire.scratch)
            .map_err(|error| error.to_string())
            .and_then(|()| wire.transport.seal(&wire.scratch, &mut frame).map_err(|error| error.to_string()));
        match sealed {
            Ok(()) => {
                wire.keepalive.sent(now);
                self.step.transmit.push(frame.freeze());
            }
            Err(reason) => self.end(now, &reason, Ending::Passing),
        }
    }

    /// Time has passed, as far as the socket is concerned.
    pub(super) fn on_link_time(&mut self, now: Timestamp) {
        match &mut self.connection {
            Connection::Waiting { until } if *until <= now => {
                self.connection = Connection::Opening;
                self.step.link = Some(LinkAction::Open);
            }
            Connection::Handshaking { deadline, .. } if *deadline <= now => {
                self.end(now, "the service did not answer the handshake", Ending::Passing);
            }
            Connection::Entering { deadline, .. } if *deadline <= now => {
                self.end(now, "the service did not answer the login", Ending::Passing);
            }
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                if wire.keepalive.is_dead(now) {
                    self.end(now, "the service went silent", Ending::Passing);
                } else if wire.keepalive.ping_due(now, &mut self.rng) {
                    self.request(now, connection::ping_iq(), Request::Ping);
                }
            }
            _ => {}
        }
    }

    /// Stanzas that speak of the connection itself.
    pub(super) fn on_connection_stanza(&mut self, now: Timestamp, node: NodeRef<'_>) {
        match node.tag() {
            "success" => self.on_success(now, node),
            "failure" => self.on_failure(now, &connection::parse_failure(node)),
            "stream:error" => self.on_stream_error(now, &connection::parse_stream_error(node)),
            "ib" => self.on_ib(now, node),
            "ack" => self.on_ack(now, node),
            "call" => self.acknowledge(now, node, None),
            "xmlstreamend" => self.end(now, "the service ended the stream", Ending::Passing),
            // Presence and chat states need no answer.
            "presence" | "chatstate" => {}
            tag => {
                tracing::debug!(tag, "an unknown stanza");
                self.acknowledge(now, node, None);
            }
        }
    }

    fn on_ack(&mut self, now: Timestamp, node: NodeRef<'_>) {
        let Ok(ack) = Ack::parse(node) else { return };
        if ack.class == "message" && !self.resends.acknowledged(&ack.id, &ack.from) {
            self.on_message_ack(now, &ack);
        }
    }

    fn on_ib(&mut self, now: Timestamp, node: NodeRef<'_>) {
        for child in connection::parse_ib(node) {
            match child {
                Ib::EdgeRouting(routing) => self.on_edge_routing(&routing),
                Ib::OfflinePreview { count } => self.on_offline_preview(now, count),
                Ib::Offline { count } => self.on_offline_done(count),
                Ib::Dirty { kind, timestamp } => {
                    let clean = connection::clean_dirty(&kind, timestamp.as_deref());
                    self.request(now, clean, Request::Active);
                }
                _ => {}
            }
        }
    }

    fn on_failure(&mut self, now: Timestamp, failure: &Failure) {
        let reason = failure.to_string();
        match failure {
            Failure::LoggedOut | Failure::Banned => self.unlinked(now, &reason),
            Failure::TemporaryBan { expire, .. } => {
                let pause = Duration::from_secs((*expire).max(60));
                self.end(now, &reason, Ending::CoolDown(pause));
            }
            failure if failure.is_passing() => self.end(now, &reason, Ending::Passing),
            _ => self.end(now, &reason, Ending::Terminal),
        }
    }

    fn on_stream_error(&mut self, now: Timestamp, error: &StreamError) {
        let reason = error.to_string();
        match error {
            StreamError::Restart => self.end(now, &reason, Ending::Restart),
            StreamError::Unlinked => self.unlinked(now, &reason),
            StreamError::Replaced => self.end(now, &reason, Ending::Terminal),
            StreamError::TooManyRequests => {
                self.end(now, &reason, Ending::CoolDown(Duration::from_secs(120)))
            }
            _ => self.end(now, &reason, Ending::Passing),
        }
    }

    /// The connection is over. What was under way is told, and what comes next is decided here and nowhere else.
    pub(super) fn end(&mut self, now: Timestamp, reason: &str, ending: Ending) {
        if matches!(self.connection, Connection::Waiting { .. } | Connection::Resting) {
            return;
        }
        let retry_at = self.reconnect.ended(now, ending, &mut self.rng);
        self.connection = match retry_at {
            Some(until) => Connection::Waiting { until },
            None => Connection::Resting,
        };
        self.step.link = Some(LinkAction::Close);
        self.inbox.clear();
        for request in self.requests.drain() {
            if let Request::PairCodeHello(ticket) | Request::LogOut(ticket) = request {
                self.step.replies.push((ticket, Reply::Failed(CommandError::NotConnected)));
            }
        }
        self.outbox.disconnected();
        self.resends.disconnected(now);
        self.device_fetches.disconnected();
        self.bundle_fetches.disconnected();
        self.pairing.disconnected();
        self.step.events.push(Event::Disconnected { reason: reason.to_owned(), retry_at });
    }

    /// The account is no longer linked: its keys are of no use any more.
    fn unlinked(&mut self, now: Timestamp, reason: &str) {
        if self.device.jid.is_none() {
            return self.end(now, reason, Ending::Passing);
        }
        self.end(now, reason, Ending::Terminal);
        self.forget_device(now);
        self.step.events.push(Event::LoggedOut { reason: reason.to_owned() });
    }

    fn forget_device(&mut self, now: Timestamp) {
        self.records.clear();
        self.peers.clear();
        self.statuses.clear();
        self.sent_messages.clear();
        self.outbox.clear();
        self.resends.clear();
        self.device = super::Device::generate(now, &mut self.rng);
        self.device_dirty = false;
        self.step.change(Change::DeleteDevice);
    }

    pub(super) fn stop(&mut self) {
        self.connection = Connection::Resting;
        self.step.link = Some(LinkAction::Close);
    }

    pub(super) fn log_out(&mut self, now: Timestamp, ticket: Ticket) {
        let (Some(jid), true) = (self.device.jid.clone(), self.is_online()) else {
            let error =
                if self.device.jid.is_none() { CommandError::NotLinked } else { CommandError::NotConnected };
            return self.step.replies.push((ticket, Reply::Failed(error)));
        };
        let remove = Node::new("remove-companion-device").attr("jid", &jid).attr("reason", "user_initiated");
        let node = iq::set("md").child(remove);
        self.request(now, node, Request::LogOut(ticket));
    }

    pub(super) fn on_logged_out_answer(&mut self, now: Timestamp, ticket: Ticket, error: Option<u32>) {
        let reply = match error {
            Some(code) => Reply::Failed(CommandError::Refused(code)),
            None => {
                self.unlinked(now, "logged out by the user");
                Reply::Done
            }
        };
        self.step.replies.push((ticket, reply));
    }
}
