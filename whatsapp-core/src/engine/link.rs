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
    event::{DisconnectReason, Event},
    noise::{ClientHandshake, FrameReader, NoiseError, Transport},
    stanza::{
        ack::Ack,
        connection::{self, Failure, Ib, StreamError},
        iq,
    },
    time::Timestamp,
};

/// The server hello must come within this time, and `success` within the same again.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(20);

/// A service with too many requests is left alone for so long.
const BUSY: Duration = Duration::from_secs(120);

/// Decoded stanzas that may be in memory before a step is taken, by what they retain.
const INBOX_BYTES: usize = 4 << 20;

/// After a pause in reading, acknowledgements are not missed before this time has passed.
const UNREAD: Duration = Duration::from_secs(20);

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
    pub fn on_disconnected(&mut self, now: Timestamp, reason: DisconnectReason) {
        self.broken(now, reason);
        self.pump(now);
    }

    /// One WebSocket message.
    pub fn on_bytes(&mut self, now: Timestamp, bytes: Bytes) {
        let outcome = match &mut self.connection {
            Connection::Handshaking { frames, .. } => frames.push(bytes),
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                wire.keepalive.received();
                wire.frames.push(bytes)
            }
            _ => return,
        };
        match outcome {
            Ok(()) => self.read_frames(now),
            Err(error) => self.broken(now, error.into()),
        }
        self.pump(now);
    }

    /// The connection failed, or could not be opened.
    fn broken(&mut self, now: Timestamp, reason: DisconnectReason) {
        let ending = if reason.is_certificate() { Ending::Untrusted } else { Ending::Passing };
        self.end(now, reason, ending);
    }

    /// Decodes frames that are here, as long as there is room.
    pub(super) fn read_frames(&mut self, now: Timestamp) {
        if let Err(reason) = self.on_frames(now) {
            self.broken(now, reason);
        }
    }

    /// May more be read from the socket now? `false` once the stanzas decoded since the last step, and those that still
    /// wait, retain 4 MiB; frames beyond stay undecoded until the step is taken. So at most 4 MiB and one more stanza
    /// ([`binary::MAX_RETAINED`]) are in memory at once.
    pub fn has_room(&self) -> bool {
        self.decoded < INBOX_BYTES && !self.has_frames()
    }

    /// Frames that were left undecoded can be decoded now.
    pub(super) fn has_frames_due(&self) -> bool {
        self.decoded < INBOX_BYTES && self.has_frames()
    }

    fn has_frames(&self) -> bool {
        match &self.connection {
            Connection::Entering { wire, .. } | Connection::Online { wire } => wire.frames.has_next(),
            _ => false,
        }
    }

    /// To be called before [`Engine::on_timeout`] while the caller does not read from the socket, and once when it reads
    /// again: what was not read is not taken for the server's silence.
    pub fn on_reading_paused(&mut self, now: Timestamp) {
        if let Some(wire) = self.connection.wire() {
            wire.keepalive.received();
        }
        self.acks_from = now + UNREAD;
    }

    fn on_frames(&mut self, now: Timestamp) -> Result<(), DisconnectReason> {
        loop {
            match &mut self.connection {
                Connection::Handshaking { handshake, frames, .. } => {
                    let Some(frame) = frames.next()? else { return Ok(()) };
                    let handshake = handshake.take().ok_or(NoiseError::Malformed)?;
                    self.finish_handshake(now, *handshake, &frame)?;
                }
                Connection::Entering { wire, .. } | Connection::Online { wire } => {
                    if self.decoded >= INBOX_BYTES {
                        // The rest stays undecoded until this step is taken: see `next_timeout`.
                        return Ok(());
                    }
                    let Some(frame) = wire.frames.next()? else { return Ok(()) };
                    let plaintext = wire.transport.open(frame)?;
                    match binary::unpack(plaintext) {
                        Ok(stanza) => {
                            self.decoded += stanza.retained_size();
                            self.inbox.push_back(stanza);
                        }
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
    ) -> Result<(), DisconnectReason> {
        let payload = self.client_payload();
        let (transport, finish) = handshake.server_hello(frame, &self.config.trust_root, now, &payload)?;
        self.reconnect.verified();
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
            .map_err(|error| DisconnectReason::NotSendable(error.to_string()))
            .and_then(|()| wire.transport.seal(&wire.scratch, &mut frame).map_err(Into::into));
        match sealed {
            Ok(()) => {
                wire.keepalive.sent(now);
                self.step.transmit.push(frame.freeze());
            }
            Err(reason) => self.end(now, reason, Ending::Passing),
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
                self.end(now, DisconnectReason::ServerSilent("the handshake"), Ending::Passing);
            }
            Connection::Entering { deadline, .. } if *deadline <= now => {
                self.end(now, DisconnectReason::ServerSilent("the login"), Ending::Passing);
            }
            Connection::Entering { wire, .. } | Connection::Online { wire } => {
                if wire.keepalive.is_dead(now) {
                    self.end(now, DisconnectReason::ServerSilent("for 20 seconds"), Ending::Passing);
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
            "xmlstreamend" => self.end(now, DisconnectReason::StreamEnded(0), Ending::Passing),
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
        let reason = failure.into();
        match failure {
            Failure::LoggedOut | Failure::Banned => self.unlinked(now, reason),
            Failure::TemporaryBan { expire, .. } => {
                let pause = Duration::from_secs((*expire).max(60));
                self.end(now, reason, Ending::CoolDown(pause));
            }
            Failure::TooManyRequests => self.end(now, reason, Ending::CoolDown(BUSY)),
            failure if failure.is_passing() => self.end(now, reason, Ending::Passing),
            _ => self.end(now, reason, Ending::Terminal),
        }
    }

    fn on_stream_error(&mut self, now: Timestamp, error: &StreamError) {
        let reason = error.into();
        match error {
            StreamError::Restart => self.end(now, reason, Ending::Restart),
            StreamError::Unlinked => self.unlinked(now, reason),
            StreamError::Replaced => self.end(now, reason, Ending::Terminal),
            StreamError::TooManyRequests => self.end(now, reason, Ending::CoolDown(BUSY)),
            _ => self.end(now, reason, Ending::Passing),
        }
    }

    /// The connection is over. What was under way is told, and what comes next is decided here and nowhere else.
    pub(super) fn end(&mut self, now: Timestamp, reason: DisconnectReason, ending: Ending) {
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
        self.step.events.push(Event::Disconnected { reason, retry_at });
    }

    /// The account is no longer linked: its keys are of no use any more.
    fn unlinked(&mut self, now: Timestamp, reason: DisconnectReason) {
        if self.device.jid.is_none() {
            return self.end(now, reason, Ending::Passing);
        }
        let told = Event::LoggedOut { reason: reason.to_string() };
        self.end(now, reason, Ending::Terminal);
        self.forget_device(now);
        self.step.events.push(told);
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
                self.unlinked(now, DisconnectReason::LoggedOutByUser);
                Reply::Done
            }
        };
        self.step.replies.push((ticket, reply));
    }
}
