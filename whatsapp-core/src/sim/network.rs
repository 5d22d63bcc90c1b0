//! The server: connections in, stanzas around, connections out. This file only routes.
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use compact_str::CompactString;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    accounts::{Accounts, Behaviour, DeviceAddress},
    event::SimEvent,
    faults::{DeliveryOutcome, FaultPlan, Side},
    groups::Group,
    link::{Link, Received, Role},
    offline::OfflineQueue,
    responder::{CertificateFlaw, ServerIdentity},
};
use crate::{
    binary::{Node, Stanza},
    crypto::PublicKey,
    jid::{Jid, Server},
    noise::TrustRoot,
    proto::payload::ClientPayload,
    time::Timestamp,
};

/// How a network starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimConfig {
    /// The seed of all keys and random choices.
    pub seed: u64,
    /// The start of time; certificates are valid around it.
    pub now: Timestamp,
    /// How long simulated people take to reply.
    pub reply_delay: Duration,
    /// Phones send new devices the first messages that real ones send: a key for app state and a (short) history.
    pub bootstrap: bool,
    /// How devices get their offline queue.
    pub offline_queue: OfflineQueue,
    /// New groups name their members by LID; by number otherwise.
    pub groups_by_lid: bool,
    /// The flaw of the certificates that clients get.
    pub certificate: CertificateFlaw,
    /// The behaviour of people that [`Network::scan_qr`] creates. Silent, because other clients' test suites expect it.
    pub default_behaviour: Behaviour,
}

impl SimConfig {
    /// A network that starts at `now`.
    pub const fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            seed,
            now,
            reply_delay: Duration::from_millis(300),
            bootstrap: true,
            offline_queue: OfflineQueue {
                primer: 0,
                largest_batch: None,
                ignored_requests: 0,
                patience_ms: None,
            },
            groups_by_lid: true,
            certificate: CertificateFlaw::None,
            default_behaviour: Behaviour::Silent,
        }
    }
}

/// The id of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

/// An action of the network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send a WebSocket message.
    Send(ConnectionId, Bytes),
    /// Close the connection.
    Close(ConnectionId),
    /// An event for observers.
    Event(SimEvent),
}

/// A wish that cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The text is no pairing code.
    #[error(transparent)]
    Qr(#[from] crate::pairing::qr::QrError),
    /// The text is no pair code.
    #[error(transparent)]
    PairCode(#[from] crate::pairing::code::PairCodeError),
    /// No connected device shows that code; codes rotate.
    #[error("no connected device shows this code (any more)")]
    UnknownCode,
    /// The number has no account.
    #[error("no simulated person has the number {0}")]
    UnknownPerson(String),
    /// The number is taken.
    #[error("the number {0} is taken")]
    NumberTaken(String),
    /// Numbers are 7 to 15 digits.
    #[error("not a phone number: 7 to 15 digits are needed")]
    BadNumber,
    /// More people than one request may name.
    #[error("at most a million people at once")]
    TooMany,
    /// No such group, or the person is not in it.
    #[error("the person is in no group {0}")]
    UnknownGroup(String),
    /// It is not a menu, or not on that phone.
    #[error("the phone shows no menu {0}")]
    UnknownMenu(String),
    /// No such choice in that menu.
    #[error("the menu has no choice {0}")]
    UnknownChoice(String),
    /// People do not write this content.
    #[error("this cannot be sent: {0}")]
    NotSendable(#[from] whatsapp_store::NotSendable),
    /// The device answered no such stanza, or long ago.
    #[error("the device has answered no stanza {0} of late")]
    UnknownStanza(String),
    /// No such device.
    #[error("there is no device {0}")]
    UnknownDevice(String),
}

/// A delayed action.
#[derive(Debug)]
pub(super) enum Scheduled {
    /// A stanza that was held back.
    Deliver(ConnectionId, Box<Node>),
    /// A stanza of a client that was held back.
    Receive(ConnectionId, Box<Stanza>),
    /// A person answers.
    Reply { person: usize, to: Jid, text: String },
    /// A person reads.
    Read { person: usize, to: Jid, id: String },
    /// The rest of the offline queue, for a device that does not ask.
    DeliverRest { device: DeviceAddress, connection: ConnectionId, given: usize },
    /// Unanswered stanzas are checked.
    Redeliver(DeviceAddress),
    /// The next pairing code's turn.
    Close(ConnectionId),
}

/// The simulated server with its people.
pub struct Network {
    pub(super) config: SimConfig,
    pub(super) rng: StdRng,
    pub(super) identity: ServerIdentity,
    pub(super) accounts: Accounts,
    pub(super) links: BTreeMap<ConnectionId, Link>,
    next_connection: u64,
    next_id: u64,
    outputs: VecDeque<Output>,
    pub(super) scheduled: BTreeMap<(Timestamp, u64), Scheduled>,
    pub(super) unknown: BTreeMap<String, u64>,
    pub(super) faults: FaultPlan,
    pub(super) groups: BTreeMap<CompactString, Group>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("people", &self.accounts.people.len())
            .field("connections", &self.links.len())
            .finish_non_exhaustive()
    }
}

impl Network {
    /// An empty network.
    pub fn new(config: SimConfig) -> Self {
        let mut rng = StdRng::seed_from_u64(config.seed);
        let mut identity = ServerIdentity::generate(config.now, &mut rng);
        if config.certificate != CertificateFlaw::None {
            identity.set_flaw(config.certificate, config.now, &mut rng);
        }
        Self {
            identity,
            config,
            rng,
            accounts: Accounts::default(),
            links: BTreeMap::new(),
            next_connection: 1,
            next_id: 1,
            outputs: VecDeque::new(),
            scheduled: BTreeMap::new(),
            unknown: BTreeMap::new(),
            faults: FaultPlan::default(),
            groups: BTreeMap::new(),
        }
    }

    /// The root that clients must be configured with.
    pub fn trust_root(&self) -> TrustRoot {
        self.identity.trust_root()
    }

    /// The serialized certificate chain, for independent verification.
    pub fn certificate_chain(&self) -> Bytes {
        self.identity.chain().clone()
    }

    /// The certificates that clients are shown from now on.
    pub fn set_certificate(&mut self, now: Timestamp, flaw: CertificateFlaw) {
        self.identity.set_flaw(flaw, now, &mut self.rng);
    }

    /// The server takes a new static key under the same root; connections that are open stay so.
    pub fn rotate_server_key(&mut self, now: Timestamp) {
        self.identity.rotate(now, &mut self.rng);
    }

    /// A client opened a WebSocket.
    pub fn connect(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.links.insert(id, Link::new(self.identity.clone()));
        id
    }

    /// A client's WebSocket is gone.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let Some(link) = self.links.remove(&id) else { return };
        if let Some(companion) = link.device().and_then(|address| self.accounts.companion(address))
            && companion.connection == Some(id)
        {
            companion.connection = None;
            companion.mailbox.close();
            if let Some(address) = link.device() {
                let jid = self.accounts.jid(address, Server::User).to_string();
                self.emit(SimEvent::Offline { jid });
            }
        }
    }

    /// A client's WebSocket message.
    pub fn receive(&mut self, now: Timestamp, id: ConnectionId, bytes: Bytes) {
        let mut bytes = Some(bytes);
        loop {
            let Some(link) = self.links.get_mut(&id) else { return };
            let received = match bytes.take() {
                Some(bytes) => link.push(bytes, &mut self.rng),
                None => link.next(),
            };
            match received {
                Ok(None) => return,
                Ok(Some(Received::Answer(answer))) => {
                    self.outputs.push_back(Output::Send(id, answer));
                    // The client's next message may have come together with this one.
                    bytes = Some(Bytes::new());
                }
                Ok(Some(Received::Hello { client, payload })) => self.log_in(now, id, client, &payload),
                Ok(Some(Received::Stanza(stanza))) => self.on_wire(now, id, stanza),
                Err(reason) => {
                    tracing::warn!(%reason, "a client does not follow the protocol");
                    self.close(id);
                    return;
                }
            }
        }
    }

    /// The handshake is over: identifies the client.
    fn log_in(&mut self, now: Timestamp, id: ConnectionId, client: PublicKey, payload: &ClientPayload) {
        if let Some(reason) = self.faults.failures.pop_front() {
            return self.reject_login(id, reason);
        }
        if payload.device_pairing_data.is_some() {
            return self.start_registration(now, id, client, payload);
        }
        let user = payload.username.map(|user| user.to_string()).unwrap_or_default();
        let device = u16::try_from(payload.device.unwrap_or(0)).unwrap_or(0);
        let address =
            self.accounts.device(&Jid::pn(user).with_device(device)).filter(|address| address.device != 0);
        let companion = address.and_then(|address| self.accounts.companion(address));
        let (Some(address), Some(companion)) = (address, companion) else {
            return self.reject_login(id, 401);
        };
        if companion.noise != client {
            return self.reject_login(id, 401);
        }
        let former = companion.connection.replace(id);
        companion.mailbox.close();
        if let Some(link) = self.links.get_mut(&id) {
            link.set_role(Role::Device(address));
        }
        if let Some(former) = former {
            let conflict = Node::new("conflict").attr("type", "replaced");
            self.send(former, &Node::new("stream:error").child(conflict));
            self.close(former);
        }
        let jid = self.accounts.jid(address, Server::User).to_string();
        self.emit(SimEvent::Online { jid });
        // With the device: Baileys recognizes its own copies by it.
        let lid = self.accounts.jid(address, Server::Lid);
        let success = Node::new("success")
            .attr("t", now.as_secs())
            .attr("lid", lid)
            .attr("props", "27")
            .attr("companion_enc_static", "")
            .attr("location", "sim");
        self.send(id, &success);
        let routing =
            Node::new("edge_routing").child(Node::new("routing_info").bytes(&b"\x08\x02\x08\x05"[..]));
        self.send_over_faults(now, id, Node::new("ib").attr("from", Jid::SERVICE).child(routing));
    }

    fn reject_login(&mut self, id: ConnectionId, reason: u16) {
        self.send(id, &Node::new("failure").attr("reason", reason).attr("location", "sim"));
        self.close(id);
    }

    /// A stanza came; faults decide when, and whether, it is handled.
    fn on_wire(&mut self, now: Timestamp, id: ConnectionId, stanza: Stanza) {
        if self.links.get(&id).and_then(Link::device).is_none() {
            return self.on_stanza(now, id, &stanza);
        }
        let outcome = self.outcome(Side::ToServer, stanza.root().tag());
        let stanza = self.maybe_corrupt_request(stanza);
        match outcome {
            DeliveryOutcome::Dropped => {}
            DeliveryOutcome::Delivered(Duration::ZERO) => self.on_stanza(now, id, &stanza),
            DeliveryOutcome::Delivered(delay) => {
                self.schedule(now + delay, Scheduled::Receive(id, Box::new(stanza)));
            }
            DeliveryOutcome::Duplicated(delay) => {
                self.schedule(now + delay, Scheduled::Receive(id, Box::new(stanza.clone())));
                self.on_stanza(now, id, &stanza);
            }
        }
    }

    fn on_stanza(&mut self, now: Timestamp, id: ConnectionId, stanza: &Stanza) {
        let node = stanza.root();
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(device) = link.device() else {
            if link.registration().is_some() {
                self.on_registration_stanza(now, id, node);
            }
            return;
        };
        match node.tag() {
            "iq" => self.on_iq(now, id, device, node),
            "message" => self.on_message(now, id, device, node),
            "receipt" => self.on_receipt(now, id, device, node),
            "ack" => self.on_ack(device, node),
            "ib" => self.on_ib(now, device, node),
            // They need no answer.
            "presence" | "chatstate" => {}
            tag => self.record_unknown(&format!("<{tag}>")),
        }
    }

    pub(super) fn record_unknown(&mut self, what: &str) {
        *self.unknown.entry(what.to_owned()).or_default() += 1;
        self.emit(SimEvent::Unknown { what: what.to_owned() });
    }

    pub(super) fn emit(&mut self, event: SimEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn schedule(&mut self, at: Timestamp, what: Scheduled) {
        let number = self.number();
        self.scheduled.insert((at, number), what);
    }

    /// A number that was not used before.
    pub(super) fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn send(&mut self, id: ConnectionId, node: &Node) {
        let mutated = self.faults.mutation.as_mut().map(|mutation| {
            let mut node = node.clone();
            mutation(&mut node);
            node
        });
        let node = mutated.as_ref().unwrap_or(node);
        if let Some(bytes) = self.links.get_mut(&id).and_then(|link| link.seal(node)) {
            self.outputs.push_back(Output::Send(id, bytes));
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId) {
        self.disconnect(id);
        self.outputs.push_back(Output::Close(id));
    }

    /// The next action; ask until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Network::handle_timeout`] is to be called.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.scheduled.keys().next().map(|(at, _)| *at)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                return;
            }
            match entry.remove() {
                Scheduled::Deliver(connection, node) => self.send(connection, &node),
                Scheduled::Receive(connection, stanza) => self.on_stanza(now, connection, &stanza),
                Scheduled::Reply { person, to, text } => drop(self.write_text(now, person, &to, &text)),
                Scheduled::Read { person, to, id } => self.read_by_phone(now, person, &to, &id),
                Scheduled::DeliverRest { device, connection, given } => {
                    self.deliver_rest(now, device, connection, given);
                }
                Scheduled::Redeliver(device) => self.redeliver(now, device),
                Scheduled::Close(connection) => self.close(connection),
            }
        }
    }
}
