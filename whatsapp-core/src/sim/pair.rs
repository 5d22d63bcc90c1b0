//! A network and engines, in memory and in virtual time: whole conversations in milliseconds, the same every time.
use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use whatsapp_store::{AccountId, Content, MessageQuery, MessageRecord, Store};

use super::{ConnectionId, Network, Output, SimConfig};
use crate::{
    config::Config,
    engine::{Command, Engine, LinkAction, Loaded, Query, Reply, RequestId, Step},
    event::{DisconnectReason, Event},
    jid::Jid,
    time::Timestamp,
};

/// The whole world: the server, its people, and our clients.
pub struct World {
    /// The server.
    pub network: Network,
    /// Our clients.
    pub clients: Vec<ClientSide>,
    /// The present.
    pub now: Timestamp,
    /// The delay of bytes on the way.
    pub latency: Duration,
    in_flight: BTreeMap<(Timestamp, u64), InFlight>,
    numbers: u64,
}

/// One of our clients. Its store outlives it.
pub struct ClientSide {
    /// Its configuration.
    pub config: Config,
    /// Its engine; `None` after a crash.
    pub engine: Option<Engine>,
    /// Its events.
    pub events: Vec<Event>,
    /// Its replies.
    pub replies: Vec<(RequestId, Reply)>,
    /// How often it has asked its store.
    pub questions: u64,
    store: Box<dyn Store>,
    connection: Option<ConnectionId>,
    seed: u64,
    next_request: RequestId,
    doom: Option<(u32, Moment)>,
}

/// When, in a step that commits something, a client dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing is stored and nothing sent.
    BeforeCommit,
    /// Everything is stored, nothing sent.
    AfterCommit,
    /// Everything is stored and sent, but no event or reply is delivered.
    AfterSending,
}

enum InFlight {
    Opened(usize),
    ToServer(ConnectionId, Bytes),
    ToClient(ConnectionId, Bytes),
    ClosedByServer(ConnectionId),
    ClosedByClient(ConnectionId),
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSide").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl World {
    /// A world in which `seed` determines all random choices.
    pub fn new(seed: u64) -> Self {
        Self::with_config(seed, |_| {})
    }

    /// The same with a network that starts in another way.
    pub fn with_config(seed: u64, configure: impl FnOnce(&mut SimConfig)) -> Self {
        let now = Timestamp::from_secs(1_790_000_000);
        let mut config = SimConfig::new(seed, now);
        configure(&mut config);
        Self {
            network: Network::new(config),
            clients: Vec::new(),
            now,
            latency: Duration::from_millis(20),
            in_flight: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// Adds a client over a store, whose futures must be ready at their first poll. It connects at once.
    ///
    /// # Panics
    /// When the store's data is damaged.
    pub fn add_client(&mut self, name: &str, store: Box<dyn Store>) -> usize {
        let account: AccountId = name.parse().expect("a valid account id");
        let mut config = Config::new(account);
        config.trust_root = self.network.trust_root();
        config.push_name = Some(name.to_owned());
        let seed = self.clients.len() as u64 + 1;
        self.clients.push(ClientSide {
            config,
            engine: None,
            events: Vec::new(),
            replies: Vec::new(),
            questions: 0,
            store,
            connection: None,
            seed,
            next_request: 0,
            doom: None,
        });
        let index = self.clients.len() - 1;
        self.start(index);
        index
    }

    /// Starts a client from its store, as after a crash.
    ///
    /// # Panics
    /// When the store's data is damaged.
    pub fn start(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let record = ready(client.store.device(&client.config.account)).expect("the store is readable");
        client.seed = client.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut seed = [0; 32];
        StdRng::seed_from_u64(client.seed).fill(&mut seed);
        let engine = Engine::new(client.config.clone(), record.as_ref(), seed, self.now);
        client.engine = Some(engine.expect("the device record is readable"));
        self.settle(index);
    }

    /// A client dies: its unwritten changes are lost.
    pub fn crash(&mut self, index: usize) {
        self.clients[index].engine = None;
        if let Some(connection) = self.clients[index].connection.take() {
            self.put(InFlight::ClosedByClient(connection));
        }
    }

    /// A client will die after this many more commits (0 for the next one).
    pub fn crash_at(&mut self, index: usize, commits: u32, moment: Moment) {
        self.clients[index].doom = Some((commits, moment));
    }

    /// Gives a client a command; the answer is in its `replies`.
    pub fn command(&mut self, index: usize, command: impl FnOnce(RequestId) -> Command) -> RequestId {
        let client = &mut self.clients[index];
        client.next_request += 1;
        let request_id = client.next_request;
        if let Some(engine) = &mut client.engine {
            engine.command(self.now, command(request_id));
        }
        self.settle(index);
        request_id
    }

    /// Makes a client send a text. Returns the message's id when it was accepted.
    pub fn send_text(&mut self, index: usize, to: &Jid, text: &str) -> Option<String> {
        let content = Content::text(text);
        let request_id =
            self.command(index, |request_id| Command::Send { request_id, id: None, to: to.clone(), content });
        self.clients[index].replies.iter().rev().find_map(|(of, reply)| match reply {
            Reply::Accepted(record) if *of == request_id => Some(record.key.id.clone()),
            _ => None,
        })
    }

    /// Requests a text under an id. Returns the reply, if there was one.
    pub fn send_text_as(&mut self, index: usize, id: &str, to: &Jid, text: &str) -> Option<Reply> {
        let (id, content) = (Some(id.to_owned()), Content::text(text));
        let request_id =
            self.command(index, |request_id| Command::Send { request_id, id, to: to.clone(), content });
        let mut replies = self.clients[index].replies.iter().rev();
        replies.find(|(of, _)| *of == request_id).map(|(_, reply)| reply.clone())
    }

    /// Links a client to a person's phone by QR code, and waits until it is logged in.
    ///
    /// # Panics
    /// When that takes more than five virtual minutes.
    pub fn link(&mut self, index: usize, phone: &str) {
        let shown = self.run_until(Duration::from_secs(60), |world| world.clients[index].qr().is_some());
        assert!(shown, "no code was shown: {:?}", self.clients[index].events);
        let code = self.clients[index].qr().expect("it was just seen");
        self.network.scan_qr(self.now, &code, Some(phone)).expect("the code is on show");
        self.after_network();
        let online = self.run_until(Duration::from_secs(300), |world| world.clients[index].is_connected());
        assert!(online, "not logged in: {:?}", self.clients[index].events);
    }

    /// Steps until the condition holds. `false` when `limit` of virtual time passed, or nothing is left to do.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            match self.next_time() {
                Some(at) if at <= end => self.step_to(at),
                _ => {
                    self.now = self.now.max(end);
                    return done(self);
                }
            }
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn next_time(&self) -> Option<Timestamp> {
        let clients = self.clients.iter().filter_map(|client| client.engine.as_ref()?.next_timeout());
        let in_flight = self.in_flight.keys().next().map(|(at, _)| *at);
        clients.chain(self.network.next_timeout()).chain(in_flight).min()
    }

    fn step_to(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let what = entry.remove();
            self.arrive(what);
        }
        if self.network.next_timeout().is_some_and(|at| at <= self.now) {
            self.network.handle_timeout(self.now);
            self.after_network();
        }
        for index in 0..self.clients.len() {
            let Some(engine) = &mut self.clients[index].engine else { continue };
            if engine.next_timeout().is_some_and(|at| at <= self.now) {
                engine.on_timeout(self.now);
                self.settle(index);
            }
        }
    }

    fn arrive(&mut self, what: InFlight) {
        match what {
            InFlight::Opened(index) => {
                let connection = self.network.connect();
                let client = &mut self.clients[index];
                client.connection = Some(connection);
                if let Some(engine) = &mut client.engine {
                    engine.on_connected(self.now);
                }
                self.settle(index);
            }
            InFlight::ToServer(connection, bytes) => {
                self.network.receive(self.now, connection, bytes);
                self.after_network();
            }
            InFlight::ClosedByClient(connection) => self.network.disconnect(connection),
            InFlight::ToClient(connection, bytes) => {
                let Some(index) = self.client_of(connection) else { return };
                if let Some(engine) = &mut self.clients[index].engine {
                    engine.on_bytes(self.now, bytes);
                }
                self.settle(index);
            }
            InFlight::ClosedByServer(connection) => {
                let Some(index) = self.client_of(connection) else { return };
                self.clients[index].connection = None;
                if let Some(engine) = &mut self.clients[index].engine {
                    engine.on_disconnected(self.now, DisconnectReason::ServerClosed);
                }
                self.settle(index);
            }
        }
    }

    fn client_of(&self, connection: ConnectionId) -> Option<usize> {
        self.clients.iter().position(|client| client.connection == Some(connection))
    }

    /// Carries out the network's actions. Call it after calling the network directly.
    pub fn after_network(&mut self) {
        while let Some(output) = self.network.poll_output() {
            match output {
                Output::Send(connection, bytes) => self.put(InFlight::ToClient(connection, bytes)),
                Output::Close(connection) => self.put(InFlight::ClosedByServer(connection)),
                Output::Event(_) => {}
            }
        }
    }

    fn put(&mut self, what: InFlight) {
        self.numbers += 1;
        self.in_flight.insert((self.now + self.latency, self.numbers), what);
    }

    /// Carries out an engine's step, in the order that [`Step`] states.
    fn settle(&mut self, index: usize) {
        loop {
            let client = &mut self.clients[index];
            let Some(engine) = &mut client.engine else { return };
            while let Some(query) = engine.query() {
                client.questions += 1;
                let loaded = load(&*client.store, &client.config.account, query);
                engine.provide(self.now, loaded).expect("what is stored is readable");
            }
            let step = engine.take_step();
            if step.is_empty() {
                return;
            }
            self.carry_out(index, step);
        }
    }

    fn carry_out(&mut self, index: usize, step: Step) {
        let client = &mut self.clients[index];
        let dies = client.doomed(&step);
        if dies == Some(Moment::BeforeCommit) {
            return self.crash(index);
        }
        if !step.changes.is_empty() {
            ready(client.store.commit(step.changes)).expect("the store is writable");
        }
        if dies == Some(Moment::AfterCommit) {
            return self.crash(index);
        }
        if let Some(connection) = client.connection {
            for bytes in step.transmit {
                self.put(InFlight::ToServer(connection, bytes));
            }
        }
        if dies == Some(Moment::AfterSending) {
            return self.crash(index);
        }
        let client = &mut self.clients[index];
        client.replies.extend(step.replies);
        client.events.extend(step.events);
        match step.link {
            Some(LinkAction::Open) => self.put(InFlight::Opened(index)),
            Some(LinkAction::Close) => {
                if let Some(connection) = self.clients[index].connection.take() {
                    self.put(InFlight::ClosedByClient(connection));
                }
            }
            None => {}
        }
    }
}

impl ClientSide {
    /// Does it die in this step, and when?
    fn doomed(&mut self, step: &Step) -> Option<Moment> {
        let (commits, _) = self.doom.as_mut().filter(|_| !step.changes.is_empty())?;
        match commits {
            0 => self.doom.take().map(|(_, moment)| moment),
            commits => {
                *commits -= 1;
                None
            }
        }
    }

    /// The code on show.
    pub fn qr(&self) -> Option<String> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Qr { text, .. } => Some(text.0.clone()),
            _ => None,
        })
    }

    /// Logged in now?
    pub fn is_connected(&self) -> bool {
        let last = self.events.iter().rev().find(|event| {
            matches!(event, Event::Connected { .. } | Event::Disconnected { .. } | Event::LoggedOut { .. })
        });
        matches!(last, Some(Event::Connected { .. }))
    }

    /// All stored messages, oldest first.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub fn messages(&self) -> Vec<MessageRecord> {
        let mut all = Vec::new();
        let mut query = MessageQuery { limit: 500, ..MessageQuery::default() };
        loop {
            let page =
                ready(self.store.messages(&self.config.account, &query)).expect("the store is readable");
            all.extend(page.messages);
            match page.next {
                Some(next) => query.before = Some(next),
                None => break,
            }
        }
        all.reverse();
        all
    }
}

fn load(store: &dyn Store, account: &AccountId, query: Query) -> Loaded {
    const READABLE: &str = "the store is readable";
    match query {
        Query::Signal(keys) => {
            let values = ready(store.signal(account, &keys)).expect(READABLE);
            Loaded::Signal(keys.into_iter().zip(values).collect())
        }
        Query::People(addresses) => {
            let records = ready(store.people(account, &addresses)).expect(READABLE);
            Loaded::People(addresses.into_iter().zip(records).collect())
        }
        Query::Message(key) => {
            let message = ready(store.message(account, &key)).expect(READABLE);
            Loaded::Message(key, message.map(|message| message.status))
        }
        Query::Record(key) => {
            let record = ready(store.message(account, &key)).expect(READABLE);
            Loaded::Record(key, record.map(Box::new))
        }
        Query::Outgoing(id) => {
            let outgoing = ready(store.outgoing(account, &id)).expect(READABLE);
            Loaded::Outgoing(id, outgoing)
        }
        Query::Queued(limit) => Loaded::Queued(ready(store.queued(account, limit)).expect(READABLE)),
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store for virtual time must be ready at the first poll"),
    }
}
