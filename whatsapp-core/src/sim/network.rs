//! The service: connections in, stanzas around, connections out. This file only routes.
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    accounts::{Accounts, Behaviour, DeviceAddress, Person},
    event::SimEvent,
    faults::{Fate, Faults, Side},
    link::{Link, Received, Role},
    phone::Phone,
    responder::ServerIdentity,
};
use crate::{
    binary::{Node, NodeRef, Stanza},
    crypto::PublicKey,
    jid::{Jid, Server},
    noise::TrustRoot,
    proto::payload::ClientPayload,
    time::Timestamp,
};

/// What was handed over and not answered for so long is handed over again.
const REDELIVER: Duration = Duration::from_secs(15);

/// How a network starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimConfig {
    /// All keys and chances come from it.
    pub seed: u64,
    /// The start of time; certificates are valid around it.
    pub now: Timestamp,
    /// How long simulated people take to answer.
    pub thinking: Duration,
}

impl SimConfig {
    /// A network that starts at `now`.
    pub const fn new(seed: u64, now: Timestamp) -> Self {
        Self { seed, now, thinking: Duration::from_millis(300) }
    }
}

/// Names one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

/// What the network wants done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send a WebSocket message.
    Send(ConnectionId, Bytes),
    /// Close the connection.
    Close(ConnectionId),
    /// Tell whoever watches.
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
    /// Nobody has that number.
    #[error("no simulated person has the number {0}")]
    UnknownPerson(String),
    /// Somebody has it already.
    #[error("the number {0} is taken")]
    NumberTaken(String),
    /// Numbers are 7 to 15 digits.
    #[error("not a phone number: 7 to 15 digits are needed")]
    BadNumber,
    /// No such device.
    #[error("there is no device {0}")]
    UnknownDevice(String),
}

/// Something to be done later.
#[derive(Debug)]
pub(super) enum Later {
    /// A stanza that was held back.
    Deliver(ConnectionId, Box<Node>),
    /// A stanza of a client that was held back.
    Receive(ConnectionId, Box<Stanza>),
    /// A person answers.
    Say { person: usize, to: Jid, text: String },
    /// A person reads.
    Read { person: usize, to: Jid, id: String },
    /// Unanswered stanzas are looked at.
    Redeliver(DeviceAddress),
    /// The next pairing code's turn.
    Close(ConnectionId),
}

/// The simulated service with its people.
pub struct Network {
    pub(super) config: SimConfig,
    pub(super) rng: StdRng,
    pub(super) identity: ServerIdentity,
    pub(super) accounts: Accounts,
    pub(super) links: BTreeMap<ConnectionId, Link>,
    next_connection: u64,
    next_id: u64,
    outputs: VecDeque<Output>,
    pub(super) later: BTreeMap<(Timestamp, u64), Later>,
    pub(super) unknown: BTreeMap<String, u64>,
    pub(super) faults: HashMap<&'static str, Faults>,
    pub(super) failures: VecDeque<u16>,
    pub(super) drop_answers: u32,
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
        Self {
            identity: ServerIdentity::generate(config.now, &mut rng),
            config,
            rng,
            accounts: Accounts::default(),
            links: BTreeMap::new(),
            next_connection: 1,
            next_id: 1,
            outputs: VecDeque::new(),
            later: BTreeMap::new(),
            unknown: BTreeMap::new(),
            faults: HashMap::new(),
            failures: VecDeque::new(),
            drop_answers: 0,
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

    /// Gives somebody an account with this number (digits).
    ///
    /// # Errors
    /// When the number is taken or none.
    pub fn add_person(&mut self, phone: &str, name: &str, behaviour: Behaviour) -> Result<Jid, SimError> {
        if !(7..=15).contains(&phone.len()) || !phone.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SimError::BadNumber);
        }
        if self.accounts.find(&Jid::pn(phone)).is_some() {
            return Err(SimError::NumberTaken(phone.to_owned()));
        }
        let lid = format!("{}", 200_000_000_000_000 + self.rng.random_range(0..99_999_999_999_999u64));
        self.accounts.people.push(Person {
            pn: phone.into(),
            lid: lid.into(),
            name: name.to_owned(),
            behaviour,
            phone: Phone::new(&mut self.rng),
            raw_id: self.rng.random_range(1..u32::MAX),
            next_device: 1,
            companions: BTreeMap::new(),
        });
        Ok(Jid::pn(phone))
    }

    /// Changes what somebody does.
    ///
    /// # Errors
    /// When nobody has that number.
    pub fn set_behaviour(&mut self, phone: &str, behaviour: Behaviour) -> Result<(), SimError> {
        let person = self.person(phone)?;
        self.accounts.people[person].behaviour = behaviour;
        Ok(())
    }

    /// The LID of somebody.
    ///
    /// # Errors
    /// When nobody has that number.
    pub fn lid_of(&self, phone: &str) -> Result<Jid, SimError> {
        Ok(self.accounts.people[self.person(phone)?].jid(Server::Lid, 0))
    }

    pub(super) fn person(&self, phone: &str) -> Result<usize, SimError> {
        self.accounts.find(&Jid::pn(phone)).ok_or_else(|| SimError::UnknownPerson(phone.to_owned()))
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
            companion.active = false;
            if let Some(address) = link.device() {
                let jid = self.accounts.jid(address, Server::User).to_string();
                self.tell(SimEvent::Offline { jid });
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
                    // The client's next message may have come along with this one.
                    bytes = Some(Bytes::new());
                }
                Ok(Some(Received::Hello { client, payload })) => self.welcome(now, id, client, &payload),
                Ok(Some(Received::Stanza(stanza))) => self.on_wire(now, id, stanza),
                Err(reason) => {
                    tracing::warn!(%reason, "a client does not follow the protocol");
                    self.close(id);
                    return;
                }
            }
        }
    }

    /// The handshake is over: who is it?
    fn welcome(&mut self, now: Timestamp, id: ConnectionId, client: PublicKey, payload: &ClientPayload) {
        if let Some(reason) = self.failures.pop_front() {
            return self.refuse(id, reason);
        }
        if payload.device_pairing_data.is_some() {
            return self.start_registration(now, id, client, payload);
        }
        let user = payload.username.map(|user| user.to_string()).unwrap_or_default();
        let device = u16::try_from(payload.device.unwrap_or(0)).unwrap_or(0);
        let address =
            self.accounts.device(&Jid::pn(user).with_device(device)).filter(|address| address.device != 0);
        let companion = address.and_then(|address| self.accounts.companion(address));
        let (Some(address), Some(companion)) = (address, companion) else { return self.refuse(id, 401) };
        if companion.noise != client {
            return self.refuse(id, 401);
        }
        let former = companion.connection.replace(id);
        companion.active = false;
        if let Some(link) = self.links.get_mut(&id) {
            link.set_role(Role::Device(address));
        }
        if let Some(former) = former {
            let conflict = Node::new("conflict").attr("type", "replaced");
            self.send(former, &Node::new("stream:error").child(conflict));
            self.close(former);
        }
        let jid = self.accounts.jid(address, Server::User).to_string();
        self.tell(SimEvent::Online { jid });
        let lid = self.accounts.jid(address, Server::Lid).to_non_device();
        let success = Node::new("success")
            .attr("t", now.as_secs())
            .attr("lid", lid)
            .attr("props", "27")
            .attr("companion_enc_static", "")
            .attr("location", "sim");
        self.send(id, &success);
        let routing =
            Node::new("edge_routing").child(Node::new("routing_info").bytes(&b"\x08\x02\x08\x05"[..]));
        self.send(id, &Node::new("ib").attr("from", Jid::SERVICE).child(routing));
    }

    fn refuse(&mut self, id: ConnectionId, reason: u16) {
        self.send(id, &Node::new("failure").attr("reason", reason).attr("location", "sim"));
        self.close(id);
    }

    /// A stanza came; faults decide when, and whether, it is dealt with.
    fn on_wire(&mut self, now: Timestamp, id: ConnectionId, stanza: Stanza) {
        let fate = match self.links.get(&id).and_then(Link::device) {
            Some(_) if is_traffic(stanza.root().tag()) => self.fate(Side::ToService),
            _ => Fate::Once(Duration::ZERO),
        };
        match fate {
            Fate::Lost => {}
            Fate::Once(Duration::ZERO) => self.on_stanza(now, id, &stanza),
            Fate::Once(delay) => self.schedule(now + delay, Later::Receive(id, Box::new(stanza))),
            Fate::Twice(delay) => {
                self.schedule(now + delay, Later::Receive(id, Box::new(stanza.clone())));
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
            // Telemetry, presence and batch requests need no answer.
            "ib" | "presence" | "chatstate" => {}
            tag => self.note_unknown(&format!("<{tag}>")),
        }
    }

    fn on_ack(&mut self, device: DeviceAddress, node: NodeRef<'_>) {
        let (class, id) =
            (node.attr_text("class").unwrap_or_default(), node.attr_text("id").unwrap_or_default());
        let to = node.attr_jid("to");
        if let Some(companion) = self.accounts.companion(device) {
            companion.mailbox.answered(class, id, to.as_ref());
        }
    }

    pub(super) fn note_unknown(&mut self, what: &str) {
        *self.unknown.entry(what.to_owned()).or_default() += 1;
        self.tell(SimEvent::Unknown { what: what.to_owned() });
    }

    pub(super) fn tell(&mut self, event: SimEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Puts a stanza into a device's mailbox and hands it over if the device is there.
    pub(super) fn post(&mut self, now: Timestamp, device: DeviceAddress, node: Node) {
        let Some(companion) = self.accounts.companion(device) else { return };
        companion.mailbox.push(node);
        self.hand_over(now, device);
    }

    pub(super) fn hand_over(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let (Some(connection), true) = (companion.connection, companion.active) else { return };
        let fresh = companion.mailbox.fresh(now);
        self.hand_out(now, connection, fresh);
        self.schedule(now + REDELIVER, Later::Redeliver(device));
    }

    pub(super) fn hand_out(&mut self, now: Timestamp, connection: ConnectionId, nodes: Vec<Node>) {
        for node in nodes {
            let node = self.maybe_corrupt(connection, node);
            match self.fate(Side::ToClient) {
                Fate::Lost => {}
                Fate::Once(Duration::ZERO) => self.send(connection, &node),
                Fate::Once(delay) => self.schedule(now + delay, Later::Deliver(connection, Box::new(node))),
                Fate::Twice(delay) => {
                    self.schedule(now + delay, Later::Deliver(connection, Box::new(node.clone())));
                    self.send(connection, &node);
                }
            }
        }
    }

    fn fate(&mut self, side: Side) -> Fate {
        let key = match side {
            Side::ToClient => "client",
            Side::ToService => "service",
        };
        self.faults.get(key).map_or(Fate::Once(Duration::ZERO), |faults| faults.fate(side, &mut self.rng))
    }

    /// The device is ready for stanzas: first what waited, then the mark that this was all.
    pub(super) fn activate(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let Some(connection) = companion.connection else { return };
        let waiting = companion.mailbox.after_login(now);
        companion.active = true;
        let count = waiting.len();
        let preview = Node::new("offline_preview")
            .attr("count", count)
            .attr("message", count)
            .attr("notification", "0")
            .attr("receipt", "0")
            .attr("appdata", "0");
        self.send(connection, &Node::new("ib").attr("from", Jid::SERVICE).child(preview));
        self.hand_out(now, connection, waiting);
        let done = Node::new("offline").attr("count", count);
        self.send(connection, &Node::new("ib").attr("from", Jid::SERVICE).child(done));
        self.schedule(now + REDELIVER, Later::Redeliver(device));
    }

    fn redeliver(&mut self, now: Timestamp, device: DeviceAddress) {
        let Some(companion) = self.accounts.companion(device) else { return };
        let (Some(connection), true) = (companion.connection, companion.active) else { return };
        let stale = companion.mailbox.stale(now - REDELIVER, now);
        let next = companion.mailbox.oldest_delivery();
        self.hand_out(now, connection, stale);
        if let Some(oldest) = next {
            self.schedule(oldest + REDELIVER, Later::Redeliver(device));
        }
    }

    pub(super) fn schedule(&mut self, at: Timestamp, what: Later) {
        if let Later::Redeliver(device) = &what {
            let planned =
                self.later.values().any(|later| matches!(later, Later::Redeliver(other) if other == device));
            if planned {
                return;
            }
        }
        let number = self.number();
        self.later.insert((at, number), what);
    }

    /// A number that was not used before.
    pub(super) fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn send(&mut self, id: ConnectionId, node: &Node) {
        if let Some(bytes) = self.links.get_mut(&id).and_then(|link| link.seal(node)) {
            self.outputs.push_back(Output::Send(id, bytes));
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId) {
        self.disconnect(id);
        self.outputs.push_back(Output::Close(id));
    }

    /// What is to be done now; ask until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Network::handle_timeout`] is to be called.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.later.keys().next().map(|(at, _)| *at)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                return;
            }
            match entry.remove() {
                Later::Deliver(connection, node) => self.send(connection, &node),
                Later::Receive(connection, stanza) => self.on_stanza(now, connection, &stanza),
                Later::Say { person, to, text } => drop(self.say(now, person, &to, &text)),
                Later::Read { person, to, id } => self.read_by_phone(now, person, &to, &id),
                Later::Redeliver(device) => self.redeliver(now, device),
                Later::Close(connection) => self.close(connection),
            }
        }
    }

    /// Sets what goes wrong on one side; [`Faults::default`] for nothing.
    pub fn set_faults(&mut self, side: Side, faults: Faults) {
        let key = match side {
            Side::ToClient => "client",
            Side::ToService => "service",
        };
        self.faults.insert(key, faults);
    }

    /// The next login is refused with this reason (405, 429, 503, …).
    pub fn fail_next_login(&mut self, reason: u16) {
        self.failures.push_back(reason);
    }

    /// The next request that is asked gets no answer.
    pub fn drop_next_answer(&mut self) {
        self.drop_answers += 1;
    }

    /// The connection of a device is cut.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn cut(&mut self, device: &Jid) -> Result<(), SimError> {
        let companion = self.companion_of(device)?;
        if let Some(connection) = companion.connection {
            self.close(connection);
        }
        Ok(())
    }

    /// The next ciphertext for a device is damaged on the way.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn corrupt_next(&mut self, device: &Jid) -> Result<(), SimError> {
        self.companion_of(device)?.corrupt_next = true;
        Ok(())
    }

    pub(super) fn companion_of(&mut self, device: &Jid) -> Result<&mut super::accounts::Companion, SimError> {
        let address = self.accounts.device(device);
        let companion = address.and_then(|address| self.accounts.companion(address));
        companion.ok_or_else(|| SimError::UnknownDevice(device.to_string()))
    }
}

/// Stanzas that faults apply to.
fn is_traffic(tag: &str) -> bool {
    matches!(tag, "message" | "receipt" | "ack")
}
