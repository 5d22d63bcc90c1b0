//! The connection without a network: bytes, time and commands in; bytes, changes and events out.
//!
//! The caller carries out the steps of [`Engine::take_step`] in the order that [`Step`] states, answers
//! [`Engine::query`] from the store, and hands in events:
//!
//! ```text
//!   on_connected ─┐                        ┌─► query ──► (store) ──► provide
//!   on_bytes      ├─► Engine (one account) ┤
//!   on_timeout    │                        └─► take_step ──► commit, then transmit, then events
//!   command      ─┘
//! ```
//! This file only routes. Each flow keeps its own state and works on the `Context`; each duty has its own file.
mod backoff;
mod context;
mod decrypt;
mod device;
mod devices;
mod directory;
mod disconnect;
mod edits;
mod fetches;
mod inbox;
mod keepalive;
mod link;
mod loads;
mod login;
mod offline;
mod outbox;
mod own;
mod pair;
mod payload;
mod pre_keys;
mod protocol;
mod receipts;
mod receive;
mod reconnect;
mod replies;
mod requests;
mod resend;
mod retries;
mod retry_pre_keys;
mod send;
mod send_requests;
mod server_clock;
mod sessions;
mod stanzas;
mod step;
mod trust;

use bytes::Bytes;
use whatsapp_store::{Change, Changes, DeviceRecord};

pub use self::device::{LOGGED_OUT_KEPT, logged_out_at, restored};
pub use self::step::{Command, CommandError, LinkAction, Loaded, Query, Reply, RequestId, Step};
use self::{
    context::Context,
    directory::Directory,
    link::{Ended, Link},
    loads::WorkingSet,
    offline::OfflineQueue,
    own::Own,
    pair::Pairing,
    pre_keys::PreKeys,
    receipts::ReadRequests,
    receive::Receiver,
    resend::{Resend, Resends},
    send::Sends,
    send_requests::SendRequest,
};
use crate::{config::Config, error::Error, event::DisconnectReason, jid::Jid, time::Timestamp};

/// One account's protocol engine.
#[derive(Debug)]
pub struct Engine {
    cx: Context,
    pairing: Pairing,
    pre_keys: PreKeys,
    offline: OfflineQueue,
    directory: Directory,
    sends: Sends,
    reads: ReadRequests,
    receiver: Receiver,
    resends: Resends,
}

/// The purpose of a pending request.
#[derive(Debug)]
enum Request {
    PreKeyCount,
    PreKeyUpload,
    SignedPreKeyRotation,
    Digest,
    Active,
    Ping,
    Devices(Vec<Jid>),
    Bundles(Vec<Jid>),
    ResendBundle(Box<Resend>),
    PairCodeHello(RequestId),
    PairCodeFinish,
    LogOut(RequestId),
}

impl Engine {
    /// An engine for the device in the store, or for a new one. It asks to connect at once.
    ///
    /// # Errors
    /// When the stored device cannot be read.
    pub fn new(
        config: Config,
        stored: Option<&DeviceRecord>,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut step = Step::new(Changes::new(config.account.clone()));
        let loads = WorkingSet::new(config.cached_records);
        let mut own = Own::new(config, stored, seed, now)?;
        if own.is_former_expired(now) && own.take_former().is_some() {
            step.changes.push(Change::DeleteDevice);
            own.save();
        }
        let link = Link::new(now, requests::prefix(&mut own.rng));
        let mut engine = Self {
            cx: Context { now, own, loads, link, step },
            pairing: Pairing::default(),
            pre_keys: PreKeys::default(),
            offline: OfflineQueue::default(),
            directory: Directory::new(),
            sends: Sends::new(),
            reads: ReadRequests::default(),
            receiver: Receiver::new(),
            resends: Resends::new(),
        };
        engine.on_timeout(now);
        Ok(engine)
    }

    /// Own address by number, once linked.
    pub fn jid(&self) -> Option<&Jid> {
        self.cx.own.device.jid.as_ref()
    }

    /// Own linked id, once known.
    pub fn lid(&self) -> Option<&Jid> {
        self.cx.own.device.lid.as_ref()
    }

    /// The socket is open.
    pub fn on_connected(&mut self, now: Timestamp) {
        self.cx.now = now;
        self.cx.on_connected();
    }

    /// The socket could not be opened, or broke.
    pub fn on_disconnected(&mut self, now: Timestamp, reason: DisconnectReason) {
        self.cx.now = now;
        self.cx.on_disconnected(reason);
        self.pump();
    }

    /// One WebSocket message.
    pub fn on_bytes(&mut self, now: Timestamp, bytes: Bytes) {
        self.cx.now = now;
        self.cx.on_bytes(bytes);
        self.pump();
    }

    /// May more be read from the socket now? `false` once the stanzas decoded since the last step, and those that still
    /// wait, retain 4 MiB; frames beyond stay undecoded until the step is taken. So at most 4 MiB and one more stanza
    /// ([`crate::binary::MAX_RETAINED`]) are in memory at once.
    pub fn has_room(&self) -> bool {
        self.cx.link.has_room()
    }

    /// Call it before [`Engine::on_timeout`] while you do not read from the socket, and once when you read
    /// again: unread data must not look like the server's silence.
    pub fn on_reading_paused(&mut self, now: Timestamp) {
        self.cx.link.on_reading_paused(now);
    }

    /// A command of the user.
    pub fn command(&mut self, now: Timestamp, command: Command) {
        self.cx.now = now;
        let cx = &mut self.cx;
        match command {
            Command::Send { request_id, id, to, content } => {
                self.sends.enqueue(cx, SendRequest { request_id, id, to, content });
            }
            Command::PairCode { request_id, phone } => self.pairing.request_pair_code(cx, request_id, &phone),
            Command::MarkRead { request_id, keys } => self.reads.mark_read(request_id, keys),
            Command::LogOut { request_id } => cx.log_out(request_id),
            Command::Stop => cx.stop(),
        }
        self.pump();
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Timestamp) {
        self.cx.now = now;
        self.cx.on_link_time();
        self.cx.read_frames();
        for request in self.cx.link.late_requests(now) {
            self.on_request_failed(request, None);
        }
        self.pairing.on_time(&mut self.cx);
        self.offline.on_time(&mut self.cx);
        self.pre_keys.rotate_if_due(&mut self.cx);
        self.pre_keys.ask_again_if_due(&mut self.cx);
        self.directory.changed();
        if self.cx.link.acks_count(now) {
            self.sends.outbox.expire(now);
            self.resends.pump(&mut self.cx);
        }
        self.pump();
    }

    /// When [`Engine::on_timeout`] is to be called, unless something else happens before.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let (now, link) = (self.cx.now, &self.cx.link);
        [
            self.cx.link.next_timeout(),
            self.pairing.next_timeout(),
            self.offline.next_timeout(),
            self.pre_keys.next_timeout(&self.cx),
            self.sends.outbox.next_timeout().and_then(|at| link.ack_timeout(at)),
            self.resends.next_timeout().and_then(|at| link.ack_timeout(at)),
            self.directory.next_timeout(now).filter(|_| link.is_online()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next record that the engine needs from the store. Ask until there is none, and answer each with
    /// [`Engine::provide`].
    pub fn query(&mut self) -> Option<Query> {
        if !self.cx.loads.has_questions() && self.sends.take_due() {
            self.sends.pump(&mut self.cx, &mut self.directory);
            self.after_flow();
        }
        self.cx.loads.next_question()
    }

    /// The answer to a [`Query`].
    ///
    /// # Errors
    /// When a stored record cannot be read.
    pub fn provide(&mut self, now: Timestamp, loaded: Loaded) -> Result<(), Error> {
        self.cx.now = now;
        match loaded {
            Loaded::Queued(messages) => self.sends.outbox.provide(messages),
            loaded => self.cx.loads.answer(loaded)?,
        }
        if !self.cx.loads.has_questions() {
            self.pump();
        }
        Ok(())
    }

    /// The work to do now; see [`Step`] for the order.
    pub fn take_step(&mut self) -> Step {
        if self.sends.outbox.committed() {
            self.sends.ask_for_queued(&mut self.cx);
        }
        let Context { own, loads, link, step, .. } = &mut self.cx;
        link.inbox.settled();
        if let Some(device) = own.take_changed() {
            step.changes.push(Change::PutDevice(device));
        }
        loads.commit(|change| {
            step.changes.push(change);
        });
        self.directory.committed();
        let empty = Step::new(Changes::new(own.config.account.clone()));
        std::mem::replace(step, empty)
    }

    /// Continues all waiting work, as far as possible without the store.
    fn pump(&mut self) {
        self.after_flow();
        while let Some(stanza) = self.cx.link.inbox.pop() {
            let handled = self.on_stanza(&stanza);
            if handled.is_err() {
                self.cx.link.inbox.put_back(stanza);
            }
            self.after_flow();
            if handled.is_err() {
                break;
            }
        }
        self.reads.pump(&mut self.cx);
        self.sends.accept_requests(&mut self.cx);
        self.after_flow();
        if self.cx.link.inbox.is_empty() {
            self.sends.set_due();
        }
    }

    /// Flows learn here that the connection ended, no matter which of them noticed.
    fn after_flow(&mut self) {
        let Some(ended) = self.cx.link.take_ended() else { return };
        self.sends.outbox.disconnected();
        self.resends.disconnected(self.cx.now);
        self.directory.disconnected();
        self.pairing.disconnected();
        self.offline.disconnected();
        if ended == Ended::Account {
            self.sends.outbox.clear();
            self.resends.clear();
        }
    }
}
