//! The connection without a network: bytes, time and commands in; bytes, changes and events out.
//!
//! The caller carries out what [`Engine::take_step`] returns, in the order that [`Step`] states, answers
//! [`Engine::query`] from the store, and hands in what happens:
//!
//! ```text
//!   on_connected ─┐                        ┌─► query ──► (store) ──► provide
//!   on_bytes      ├─► Engine (one account) ┤
//!   on_timeout    │                        └─► take_step ──► commit, then transmit, then events
//!   command      ─┘
//! ```
//! This file only routes; each duty has its own.
mod cache;
mod device;
mod devices;
mod fetches;
mod handover;
mod keepalive;
mod link;
mod login;
mod outbox;
mod pair;
mod peers;
mod receipts;
mod receive;
mod reconnect;
mod records;
mod requests;
mod resend;
mod retries;
mod send;
mod service_clock;
mod step;

use std::collections::VecDeque;

use rand::{SeedableRng, rngs::StdRng};
use whatsapp_store::{Change, Changes, DeviceRecord, MessageKey, MessageStatus, OutgoingMessage};

pub use self::step::{Command, CommandError, LinkAction, Loaded, Person, Query, Reply, Step, Ticket};
use self::{
    cache::Cache,
    device::Device,
    fetches::Fetches,
    handover::Handovers,
    link::Connection,
    login::Offline,
    outbox::Outbox,
    pair::Pairing,
    peers::Peers,
    reconnect::Reconnect,
    records::Records,
    requests::Requests,
    resend::{Resend, Resends},
    retries::{Asked, Resent},
    service_clock::ServiceClock,
};
use crate::{
    binary::{Node, NodeRef, Stanza},
    config::Config,
    error::Error,
    jid::Jid,
    stanza::{iq, prekeys},
    time::Timestamp,
};

/// Statuses and sent messages that are remembered.
const REMEMBERED: usize = 2048;

/// One account's protocol engine.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    rng: StdRng,
    device: Device,
    device_dirty: bool,
    connection: Connection,
    reconnect: Reconnect,
    requests: Requests<Request>,
    service_clock: ServiceClock,

    // What the store is known to hold.
    records: Records,
    peers: Peers,
    statuses: Cache<MessageKey, Option<MessageStatus>>,
    sent_messages: Cache<String, Option<OutgoingMessage>>,
    wanted: VecDeque<Query>,
    /// Messages may be able to go out since then.
    sends_due: Option<Timestamp>,

    // Duties.
    pairing: Pairing,
    inbox: VecDeque<Stanza>,
    /// Bytes that stanzas retain: those decoded since the last step, and those that wait.
    decoded: usize,
    /// Missing acknowledgements count from then on: before, they may be unread.
    acks_from: Timestamp,
    handovers: Handovers,
    outbox: Outbox,
    device_fetches: Fetches,
    bundle_fetches: Fetches,
    unreachable: Cache<Jid, Timestamp>,
    asked: Asked,
    resent: Resent,
    resends: Resends,
    offline: Offline,
    digest_checked: bool,
    sent_since_expiry: u32,

    step: Step,
}

/// What a pending request is for.
#[derive(Debug)]
enum Request {
    PreKeyCount,
    PreKeyUpload,
    Digest,
    Active,
    Ping,
    Devices(Vec<Jid>),
    Bundles(Vec<Jid>),
    ResendBundle(Box<Resend>),
    PairCodeHello(Ticket),
    PairCodeFinish,
    LogOut(Ticket),
}

/// Can the stanza at hand be dealt with now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// It is.
    Done,
    /// Something must be loaded first.
    Wait,
}

impl Engine {
    /// An engine for the device in the store, or for a new one. It wants to connect at once.
    ///
    /// # Errors
    /// When the stored device is not readable.
    pub fn new(
        config: Config,
        stored: Option<&DeviceRecord>,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut rng = StdRng::from_seed(seed);
        let (device, device_dirty) = match stored {
            Some(record) => (Device::from_record(record)?, false),
            None => (Device::generate(now, &mut rng), true),
        };
        let prefix = requests::prefix(&mut rng);
        let mut engine = Self {
            step: Step::new(Changes::new(config.account.clone())),
            config,
            device,
            device_dirty,
            connection: Connection::waiting(now),
            reconnect: Reconnect::default(),
            requests: Requests::new(prefix),
            service_clock: ServiceClock::default(),
            records: Records::new(),
            peers: Peers::new(),
            statuses: Cache::new(REMEMBERED),
            sent_messages: Cache::new(REMEMBERED),
            wanted: VecDeque::new(),
            sends_due: None,
            pairing: Pairing::default(),
            inbox: VecDeque::new(),
            decoded: 0,
            acks_from: now,
            handovers: Handovers::default(),
            outbox: Outbox::after_start(),
            device_fetches: Fetches::default(),
            bundle_fetches: Fetches::default(),
            unreachable: Cache::new(REMEMBERED),
            asked: Asked::new(),
            resent: Resent::new(),
            resends: Resends::default(),
            offline: Offline::default(),
            digest_checked: false,
            sent_since_expiry: 0,
            rng,
        };
        if let (Some(jid), Some(lid)) = (engine.device.jid.clone(), engine.device.lid.clone()) {
            engine.peers.learn(&jid.to_non_device(), &lid.to_non_device());
        }
        engine.on_timeout(now);
        Ok(engine)
    }

    /// Own address by number, once linked.
    pub fn jid(&self) -> Option<&Jid> {
        self.device.jid.as_ref()
    }

    /// Own linked id, once known.
    pub fn lid(&self) -> Option<&Jid> {
        self.device.lid.as_ref()
    }

    /// What the user wants.
    pub fn command(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Send { ticket, id, to, content } => self.hand_over(ticket, id, to, content),
            Command::PairCode { ticket, phone } => self.request_pair_code(now, ticket, &phone),
            Command::MarkRead { ticket, keys } => self.mark_read(now, ticket, &keys),
            Command::LogOut { ticket } => self.log_out(now, ticket),
            Command::Stop => self.stop(),
        }
        self.pump(now);
    }

    /// What must be read from the store before the engine can go on. Ask until there is none, and answer each by
    /// [`Engine::provide`].
    pub fn query(&mut self) -> Option<Query> {
        if self.wanted.is_empty()
            && let Some(now) = self.sends_due.take()
        {
            self.pump_sends(now);
        }
        self.wanted.pop_front()
    }

    /// The answer to a [`Query`].
    ///
    /// # Errors
    /// When what is stored is not readable.
    pub fn provide(&mut self, now: Timestamp, loaded: Loaded) -> Result<(), Error> {
        match loaded {
            Loaded::Signal(records) => {
                for (key, value) in records {
                    self.records.provide(key, value)?;
                }
            }
            Loaded::Lid(person, mapping) => self.peers.provide(person, mapping),
            Loaded::Message(key, status) => {
                if !self.statuses.contains(&key) {
                    self.statuses.put(key, status);
                }
            }
            Loaded::Record(key, record) => self.handovers.provide(key, record.map(|record| *record)),
            Loaded::Outgoing(id, message) => {
                if !self.sent_messages.contains(&id) {
                    self.sent_messages.put(id, message);
                }
            }
            Loaded::Queued(messages) => self.take_queued(messages),
        }
        if self.wanted.is_empty() {
            self.pump(now);
        }
        Ok(())
    }

    /// What is to be done now; see [`Step`] for the order.
    pub fn take_step(&mut self) -> Step {
        self.flush_device();
        self.handovers.committed();
        if self.outbox.committed() {
            self.ask_for_queued();
        }
        let changes = &mut self.step.changes;
        self.records.flush(|change| {
            changes.push(change);
        });
        self.peers.age();
        self.statuses.age();
        self.sent_messages.age();
        self.unreachable.age();
        self.decoded = self.inbox.iter().map(Stanza::retained_size).sum();
        let empty = Step::new(Changes::new(self.config.account.clone()));
        std::mem::replace(&mut self.step, empty)
    }

    /// When [`Engine::on_timeout`] is to be called, unless something else happens before.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let online = self.is_online();
        [
            self.connection.next_timeout(),
            self.requests.next_timeout(),
            self.pairing.next_timeout(),
            self.outbox.next_timeout().filter(|_| online).map(|at| at.max(self.acks_from)),
            self.has_frames_due().then_some(Timestamp::from_millis(0)),
            self.resends.next_timeout().filter(|_| online).map(|at| at.max(self.acks_from)),
            self.device_fetches.next_timeout(),
            self.bundle_fetches.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Timestamp) {
        self.on_link_time(now);
        self.read_frames(now);
        for request in self.requests.expired(now) {
            let of_pre_keys = matches!(request, Request::PreKeyCount | Request::PreKeyUpload);
            self.on_request_failed(now, request);
            // Without prekeys at the service nobody could write to us.
            if of_pre_keys && self.is_online() {
                self.request(now, prekeys::count_query(), Request::PreKeyCount);
            }
        }
        self.on_pairing_time(now);
        if self.is_online() && now >= self.acks_from {
            self.outbox.expire(now);
            self.pump_resends(now);
        }
        self.device_fetches.resume(now);
        self.bundle_fetches.resume(now);
        self.pump(now);
    }

    /// Goes on with everything that waits, as far as possible without the store.
    fn pump(&mut self, now: Timestamp) {
        while let Some(stanza) = self.inbox.pop_front() {
            if self.on_stanza(now, &stanza) == Flow::Wait {
                self.inbox.push_front(stanza);
                break;
            }
        }
        self.pump_handovers(now);
        if self.inbox.is_empty() {
            // All stanzas that came together are looked at first: what waits is gone through once, not for each of them.
            self.sends_due = Some(now);
        }
    }

    fn on_stanza(&mut self, now: Timestamp, stanza: &Stanza) -> Flow {
        let node = stanza.root();
        let flow = match node.tag() {
            "message" => self.on_message(now, node),
            "receipt" => self.on_receipt(now, node),
            "notification" => self.on_notification(now, node),
            "iq" => self.on_iq(now, node),
            _ => {
                self.on_connection_stanza(now, node);
                Flow::Done
            }
        };
        if flow == Flow::Done && node.attr("offline").is_some() {
            self.on_offline_stanza(now);
        }
        flow
    }

    fn on_iq(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let Some(id) = node.attr_text("id") else { return Flow::Done };
        match node.attr_text("type") {
            Some("result" | "error") => {
                let Some(request) = self.requests.take(id) else { return Flow::Done };
                self.on_reply(now, id, node, request)
            }
            _ => {
                self.on_iq_request(now, id, node);
                Flow::Done
            }
        }
    }

    fn on_reply(&mut self, now: Timestamp, id: &str, node: NodeRef<'_>, request: Request) -> Flow {
        let error = match iq::parse_reply(node) {
            iq::IqReply::Error(code) => Some(code),
            iq::IqReply::Result(_) => None,
        };
        let request = match (request, error) {
            (Request::ResendBundle(resend), None) => {
                if self.on_bundles(now, node) == Flow::Wait {
                    self.requests.put_back(id, Request::ResendBundle(resend), now);
                    return Flow::Wait;
                }
                self.send_again(now, *resend);
                return Flow::Done;
            }
            (request, _) => request,
        };
        let flow = match (&request, error) {
            (Request::PairCodeHello(ticket), _) => {
                self.on_pair_code_answer(*ticket, node, error);
                Flow::Done
            }
            (Request::LogOut(ticket), _) => {
                self.on_logged_out_answer(now, *ticket, error);
                Flow::Done
            }
            // The service does not know our prekeys at all.
            (Request::Digest, Some(404)) => {
                self.upload_pre_keys(now, login::FIRST_UPLOAD);
                Flow::Done
            }
            (_, Some(code)) => {
                tracing::warn!(code, "the service refused a request");
                self.on_request_failed(now, request);
                return Flow::Done;
            }
            (Request::PreKeyCount, None) => {
                self.on_pre_key_count(now, node);
                Flow::Done
            }
            (Request::Digest, None) => self.on_digest(now, node),
            (Request::Devices(asked), None) => self.on_devices(now, node, asked),
            (Request::Bundles(asked), None) => self.on_fetched_bundles(now, node, asked),
            _ => Flow::Done,
        };
        if flow == Flow::Wait {
            self.requests.put_back(id, request, now);
        }
        flow
    }

    /// A request of the service.
    fn on_iq_request(&mut self, now: Timestamp, id: &str, node: NodeRef<'_>) {
        if self.on_pairing_iq(now, id, node) {
            return;
        }
        // Pings, also those without a type, and whatever else it asks: every request gets an answer.
        let answer = iq::result(id, Jid::SERVICE);
        self.transmit(now, &answer);
    }

    fn on_request_failed(&mut self, now: Timestamp, request: Request) {
        match request {
            Request::Devices(users) => self.device_fetches.failed(&users, now),
            Request::Bundles(devices) => self.bundle_fetches.failed(&devices, now),
            Request::ResendBundle(_) => {}
            Request::PairCodeHello(ticket) | Request::LogOut(ticket) => {
                self.step.replies.push((ticket, Reply::Failed(CommandError::TimedOut)));
            }
            Request::PreKeyCount | Request::PreKeyUpload | Request::Digest | Request::Active => {
                tracing::warn!(?request, "a request of the login was not answered");
            }
            Request::Ping | Request::PairCodeFinish => {}
        }
    }

    /// Sends an `iq` and notes what it is for.
    fn request(&mut self, now: Timestamp, mut node: Node, request: Request) {
        let id = self.requests.register(now, request);
        node.set("id", id);
        self.transmit(now, &node);
    }

    fn ask(&mut self, query: Query) {
        if !self.wanted.contains(&query) {
            self.wanted.push_back(query);
        }
    }

    /// Learns that two addresses name the same person.
    fn learn(&mut self, one: &Jid, other: &Jid) {
        if let Some(mapping) = self.peers.learn(one, other) {
            self.step.change(Change::PutLid(mapping));
        }
    }
}
