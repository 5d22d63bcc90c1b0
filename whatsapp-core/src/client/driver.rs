//! The task that carries the engine's steps out: store, socket, clock.
use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use rand::{TryRng, rngs::SysRng};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep, sleep_until, timeout},
};
use whatsapp_store::{AccountId, Changes, Store};

use super::{CommitHook, Connector, Link, Status, TransportError, clock::Clock};
use crate::{
    config::Config,
    engine::{Command, Engine, LidMapping, LinkAction, Loaded, Query, Reply, Ticket},
    error::Error,
    event::Event,
};

/// Received messages handled before one commit.
const BATCH: usize = 128;
/// A connection that takes longer to open, or to take a message, is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a busy store is asked again before the driver gives up.
const STORE_ATTEMPTS: u32 = 6;

/// A command with where its answer goes.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: Command,
    pub(super) answer: Option<(Ticket, oneshot::Sender<Reply>)>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Link>, TransportError>> + Send>>;

/// Runs one account: spawn [`Driver::run`].
pub struct Driver {
    store: Arc<dyn Store>,
    config: Config,
    connector: Arc<dyn Connector>,
    orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<Event>,
    status: watch::Sender<Status>,
    answers: HashMap<Ticket, oneshot::Sender<Reply>>,
    socket: Socket,
    hook: Option<Arc<dyn CommitHook>>,
}

/// The connection as the driver sees it.
enum Socket {
    Closed,
    Opening(Opening),
    Open(Box<dyn Link>),
}

/// What woke the driver up.
enum Wake {
    Order(Option<Order>),
    Opened(Result<Box<dyn Link>, TransportError>),
    Received(Option<Result<Bytes, TransportError>>),
    Time,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("account", &self.config.account).finish_non_exhaustive()
    }
}

impl Driver {
    pub(super) fn new(
        store: Arc<dyn Store>,
        config: Config,
        connector: Arc<dyn Connector>,
        orders: mpsc::Receiver<Order>,
        events: mpsc::Sender<Event>,
        status: watch::Sender<Status>,
    ) -> Self {
        let (answers, socket) = (HashMap::new(), Socket::Closed);
        Self { store, config, connector, orders, events, status, answers, socket, hook: None }
    }

    pub(super) fn set_connector(&mut self, connector: Arc<dyn Connector>) {
        self.connector = connector;
    }

    pub(super) fn set_hook(&mut self, hook: Arc<dyn CommitHook>) {
        self.hook = Some(hook);
    }

    /// Runs until [`super::Client::shutdown`], the last client is dropped, or the store fails.
    ///
    /// # Errors
    /// When the store fails, or holds something that is not ours. Nothing that was not stored has been sent then.
    pub async fn run(mut self) -> Result<(), Error> {
        let outcome = self.work().await;
        if let Socket::Open(link) = &mut self.socket {
            // A peer that does not answer the closing must not hold us up.
            let _ = timeout(Duration::from_secs(2), link.close()).await;
        }
        self.status.send_replace(Status::Stopped);
        outcome
    }

    async fn work(&mut self) -> Result<(), Error> {
        let clock = Clock::start();
        let record = self.store.device(&self.config.account).await?;
        let mut engine = Engine::new(self.config.clone(), record.as_ref(), seed(), clock.now())?;
        let mut stopping = false;
        loop {
            self.settle(&mut engine, &clock).await?;
            if stopping {
                return Ok(());
            }
            let wake = self.wait(engine.next_timeout().map(|at| clock.instant(at))).await;
            let now = clock.now();
            match wake {
                Wake::Time => engine.on_timeout(now),
                Wake::Opened(Ok(link)) => {
                    self.socket = Socket::Open(link);
                    engine.on_connected(now);
                }
                Wake::Opened(Err(error)) => {
                    self.socket = Socket::Closed;
                    engine.on_disconnected(now, &error.to_string());
                }
                Wake::Received(received) => self.receive(&mut engine, &clock, received),
                Wake::Order(first) => stopping = self.command(&mut engine, &clock, first),
            }
        }
    }

    async fn wait(&mut self, deadline: Option<tokio::time::Instant>) -> Wake {
        let socket = &mut self.socket;
        let network = async {
            match socket {
                Socket::Closed => std::future::pending().await,
                Socket::Opening(opening) => Wake::Opened(opening.await),
                Socket::Open(link) => Wake::Received(link.receive().await),
            }
        };
        let time = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            wake = network => wake,
            order = self.orders.recv() => Wake::Order(order),
            () = time => Wake::Time,
        }
    }

    /// Hands received messages to the engine, as many as are there, so that they share one commit.
    fn receive(
        &mut self,
        engine: &mut Engine,
        clock: &Clock,
        mut received: Option<Result<Bytes, TransportError>>,
    ) {
        for room in (0..BATCH).rev() {
            let reason = match received {
                Some(Ok(bytes)) => {
                    engine.on_bytes(clock.now(), bytes);
                    let Socket::Open(link) = &mut self.socket else { return };
                    let next = if room > 0 { link.receive().now_or_never() } else { None };
                    let Some(next) = next else { return };
                    received = next;
                    continue;
                }
                Some(Err(error)) => error.to_string(),
                None => "the service closed the connection".to_owned(),
            };
            self.socket = Socket::Closed;
            engine.on_disconnected(clock.now(), &reason);
            return;
        }
    }

    /// Hands commands to the engine, as many as are there, so that they share one commit.
    /// `true` when it is time to stop.
    fn command(&mut self, engine: &mut Engine, clock: &Clock, first: Option<Order>) -> bool {
        // No order means that the last client is gone.
        let first = first.unwrap_or(Order { command: Command::Stop, answer: None });
        let more = std::iter::from_fn(|| self.orders.try_recv().ok()).take(BATCH);
        for order in std::iter::once(first).chain(more) {
            let stop = matches!(order.command, Command::Stop);
            self.answers.extend(order.answer);
            engine.command(clock.now(), order.command);
            if stop {
                return true;
            }
        }
        false
    }

    /// Carries out what the engine wants, until it wants nothing more now.
    async fn settle(&mut self, engine: &mut Engine, clock: &Clock) -> Result<(), Error> {
        loop {
            while let Some(query) = engine.query() {
                let loaded = load(&*self.store, &self.config.account, query).await?;
                engine.provide(clock.now(), loaded)?;
            }
            let mut step = engine.take_step();
            if step.is_empty() {
                return Ok(());
            }
            if let Some(hook) = &self.hook {
                hook.prepare(&step.events, &mut step.changes);
            }
            commit(&*self.store, step.changes).await?;
            for message in step.transmit {
                self.transmit(engine, clock, message).await;
            }
            match step.link {
                Some(LinkAction::Open) => self.open(),
                Some(LinkAction::Close) => self.close().await,
                None => {}
            }
            for (ticket, reply) in step.replies {
                if let Some(answer) = self.answers.remove(&ticket) {
                    // Nobody waits any more: the caller gave up.
                    let _ = answer.send(reply);
                }
            }
            for event in step.events {
                self.tell(event).await;
            }
        }
    }

    async fn transmit(&mut self, engine: &mut Engine, clock: &Clock, message: Bytes) {
        let Socket::Open(link) = &mut self.socket else { return };
        let reason = match timeout(PATIENCE, link.send(message)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the connection takes no more data".to_owned(),
        };
        self.socket = Socket::Closed;
        engine.on_disconnected(clock.now(), &reason);
    }

    fn open(&mut self) {
        let (connector, url) = (self.connector.clone(), self.config.server_url.clone());
        self.status.send_replace(Status::Connecting);
        self.socket = Socket::Opening(Box::pin(async move {
            let opened = timeout(PATIENCE, connector.connect(&url)).await;
            opened.unwrap_or_else(|_| Err(TransportError::new("opening the connection", "it took too long")))
        }));
    }

    async fn close(&mut self) {
        if let Socket::Open(link) = &mut self.socket {
            let _ = timeout(Duration::from_secs(2), link.close()).await;
        }
        self.socket = Socket::Closed;
    }

    async fn tell(&mut self, event: Event) {
        match &event {
            Event::Qr { .. } => {
                self.status.send_replace(Status::AwaitingPairing);
            }
            Event::Connected { jid, lid } => {
                self.status.send_replace(Status::Connected { jid: jid.clone(), lid: lid.clone() });
            }
            Event::Disconnected { reason, retry_at } => {
                self.status.send_replace(Status::Waiting { until: *retry_at, reason: reason.clone() });
            }
            Event::LoggedOut { reason } => {
                self.status.send_replace(Status::LoggedOut { reason: reason.clone() });
            }
            _ => {}
        }
        // Nobody reads events: they are stored all the same.
        let _ = self.events.send(event).await;
    }
}

async fn commit(store: &dyn Store, changes: Changes) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut pause = Duration::from_millis(20);
    for _ in 1..STORE_ATTEMPTS {
        match store.commit(changes.clone()).await {
            Err(error) if error.is_retryable() => sleep(pause).await,
            outcome => return Ok(outcome?),
        }
        pause *= 3;
    }
    Ok(store.commit(changes).await?)
}

async fn load(store: &dyn Store, account: &AccountId, query: Query) -> Result<Loaded, Error> {
    Ok(match query {
        Query::Signal(keys) => {
            let values = store.signal(account, &keys).await?;
            Loaded::Signal(keys.into_iter().zip(values).collect())
        }
        Query::Lid(person) => {
            let mut found = store.people(account, &[person.address()]).await?;
            Loaded::Lid(person, found.pop().flatten().and_then(LidMapping::of))
        }
        Query::Message(key) => {
            let status = store.message(account, &key).await?.map(|message| message.status);
            Loaded::Message(key, status)
        }
        Query::Record(key) => {
            let record = store.message(account, &key).await?.map(Box::new);
            Loaded::Record(key, record)
        }
        Query::Outgoing(id) => {
            let outgoing = store.outgoing(account, &id).await?;
            Loaded::Outgoing(id, outgoing)
        }
        Query::Queued(limit) => Loaded::Queued(store.queued(account, limit).await?),
    })
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).expect("the operating system has randomness");
    seed
}
