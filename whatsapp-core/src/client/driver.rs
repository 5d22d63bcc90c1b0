//! The task that carries out the engine's steps: store, socket, clock.
//!
//! It serves five sources, and none can starve another: [`Driver::wait`] picks at random among those that are
//! ready, and serves each for a bounded batch. Every wait for another party has a limit, and
//! nothing delays the detection of a stop:
//!
//! | what | whose | bound |
//! |---|---|---|
//! | reading, committing | the store's | a minute each |
//! | opening, sending | the server's | 20 seconds, in the background |
//! | closing | the server's | 2 seconds, in the background |
//! | telling events, answers, status | the user's | never waited for: [`super::events`] |
//! | all of them after a stop | | 0.9 seconds together |
use std::{collections::HashMap, sync::Arc};

use rand::{TryRng, rngs::SysRng};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::yield_now,
    time::{Instant, sleep_until},
};
use whatsapp_store::{Changes, Store};

use super::{
    CommitHook, Connector, Status,
    clock::Clock,
    events::{EventSender, Level},
    socket::{Happened, Socket},
    stop::{Abandoned, Stop},
    storage,
};
use crate::{
    config::Config,
    engine::{Command, Engine, LinkAction, Reply, RequestId, Step},
    error::Error,
    event::Event,
};

/// Received messages, or commands, handled before one commit.
const BATCH: usize = 128;

/// A command with where its answer goes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) command: Command,
    pub(super) answer: Answer,
}

pub(super) type Answer = oneshot::Sender<Result<Reply, Error>>;

/// Runs one account: spawn [`Driver::run`].
pub struct Driver {
    store: Arc<dyn Store>,
    config: Config,
    connector: Arc<dyn Connector>,
    hook: Option<Arc<dyn CommitHook>>,
    requests: mpsc::Receiver<Request>,
    answers: HashMap<RequestId, Answer>,
    events: EventSender,
    status: watch::Sender<Status>,
    stop: Stop,
    socket: Socket,
    /// A connection will be opened once fewer events are unread.
    open_due: bool,
}

/// What woke up the driver.
enum Wake {
    Stop,
    Request(Request),
    Socket(Happened),
    Time,
    /// Events were read: more may be done now.
    EventsRead,
}

/// Why the driver ends.
enum End {
    Stopped,
    Failed(Error),
}

impl From<Abandoned> for End {
    fn from(_: Abandoned) -> Self {
        Self::Stopped
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<whatsapp_store::Error> for End {
    fn from(error: whatsapp_store::Error) -> Self {
        Self::Failed(error.into())
    }
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
        requests: mpsc::Receiver<Request>,
        (events, status, stop): (EventSender, watch::Sender<Status>, Stop),
    ) -> Self {
        let (answers, socket, hook, open_due) = (HashMap::new(), Socket::new(), None, false);
        Self { store, config, connector, hook, requests, answers, events, status, stop, socket, open_due }
    }

    pub(super) fn set_connector(&mut self, connector: Arc<dyn Connector>) {
        self.connector = connector;
    }

    pub(super) fn set_hook(&mut self, hook: Arc<dyn CommitHook>) {
        self.hook = Some(hook);
    }

    pub(super) fn set_event_capacity(&mut self, capacity: usize) {
        self.events.set_capacity(capacity);
    }

    /// Runs until [`super::Client::shutdown`], the last client is dropped, or the store fails. After the first two it ends
    /// within a second, whatever the server, the store and the reader of events do. Work that takes longer is abandoned, as in a
    /// crash.
    ///
    /// # Errors
    /// When the store fails, takes longer than a minute for one answer, or holds foreign data. Nothing that was not
    /// stored has been sent then.
    pub async fn run(mut self) -> Result<(), Error> {
        let end = self.work().await;
        self.socket.close();
        // A connection that does not close in time is dropped.
        let _ = self.stop.unless_asked(self.socket.closed()).await;
        self.status.send_replace(Status::Stopped);
        match end {
            Err(End::Failed(error)) => Err(error),
            Err(End::Stopped) | Ok(()) => Ok(()),
        }
    }

    async fn work(&mut self) -> Result<(), End> {
        let clock = Clock::start();
        let stored = storage::device(&*self.store, &self.config.account);
        let record = self.stop.unless_asked(stored).await??;
        let mut engine = Engine::new(self.config.clone(), record.as_ref(), seed(), clock.now())?;
        let (mut was_paused, mut many) = (false, false);
        loop {
            self.settle(&mut engine, &clock).await?;
            self.open_if_due();
            if many {
                // A source that is always ready must not keep the thread from other tasks.
                yield_now().await;
            }
            let paused = self.is_reading_paused();
            if paused || was_paused {
                engine.on_reading_paused(clock.now());
            }
            was_paused = paused;
            let deadline = engine.next_timeout().map(|at| clock.instant(at));
            many = match self.wait(deadline, !paused && engine.has_room()).await {
                Wake::Stop => {
                    engine.command(clock.now(), Command::Stop);
                    return self.settle(&mut engine, &clock).await;
                }
                Wake::Time => {
                    if paused {
                        engine.on_reading_paused(clock.now());
                    }
                    engine.on_timeout(clock.now());
                    // Frames that were left for lack of room are due at once, again and again.
                    !engine.has_room()
                }
                Wake::Socket(happened) => self.receive(&mut engine, &clock, happened),
                Wake::Request(first) => self.command(&mut engine, &clock, first),
                Wake::EventsRead => false,
            };
        }
    }

    /// Waits for the first source that is ready. Without `biased`, ready sources are picked at random, so that none can
    /// starve another.
    async fn wait(&mut self, deadline: Option<Instant>, reading: bool) -> Wake {
        let time = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let level = self.events.level();
        // Each command may want to send something.
        let commanded = !self.socket.is_congested();
        tokio::select! {
            _ = self.stop.asked() => Wake::Stop,
            // No request means that the last client was dropped.
            request = self.requests.recv(), if commanded => request.map_or(Wake::Stop, Wake::Request),
            happened = self.socket.next(reading) => Wake::Socket(happened),
            () = time => Wake::Time,
            () = self.events.below(level), if level != Level::Room => Wake::EventsRead,
        }
    }

    /// Is there too much unread, or unsent, to read on?
    fn is_reading_paused(&self) -> bool {
        let unread = match self.events.level() {
            Level::Room => false,
            // A login takes a few stanzas, and makes a few events. A reader that waits for the answer of a command reads no events
            // before it has it.
            Level::Full => self.is_online() && self.answers.values().all(oneshot::Sender::is_closed),
            Level::Overfull => true,
        };
        unread || self.socket.is_congested()
    }

    fn is_online(&self) -> bool {
        matches!(&*self.status.borrow(), Status::Connected { .. })
    }

    /// Hands socket events to the engine. Hands over all available messages, up to a limit, so that they share one
    /// commit. Returns `true` when there may be more.
    fn receive(&mut self, engine: &mut Engine, clock: &Clock, first: Happened) -> bool {
        let mut happened = first;
        for room in (0..BATCH).rev() {
            match happened {
                Happened::Received(bytes) => engine.on_bytes(clock.now(), bytes),
                Happened::Opened => {
                    engine.on_connected(clock.now());
                    return false;
                }
                Happened::Lost(reason) => {
                    engine.on_disconnected(clock.now(), reason);
                    return false;
                }
            }
            if room == 0 || !engine.has_room() {
                return true;
            }
            let Some(next) = self.socket.received() else { return false };
            happened = next;
        }
        true
    }

    /// Hands all available commands to the engine, up to a limit, so that they share one commit. `true` when there may be more.
    fn command(&mut self, engine: &mut Engine, clock: &Clock, first: Request) -> bool {
        let mut count = 0;
        let more = std::iter::from_fn(|| self.requests.try_recv().ok()).take(BATCH - 1);
        let refused = self.events.level() == Level::Overfull;
        for Request { id, command, answer } in std::iter::once(first).chain(more) {
            count += 1;
            if refused {
                // Each command may make an event. The caller may be the reader: it must not wait until it has read.
                let _ = answer.send(Err(Error::EventsUnread));
            } else {
                self.answers.insert(id, answer);
                engine.command(clock.now(), command);
            }
        }
        count == BATCH
    }

    /// Carries out the engine's steps until it has none for now.
    async fn settle(&mut self, engine: &mut Engine, clock: &Clock) -> Result<(), End> {
        loop {
            while let Some(query) = engine.query() {
                let loading = storage::load(&*self.store, &self.config.account, query);
                let loaded = self.stop.unless_asked(loading).await??;
                engine.provide(clock.now(), loaded)?;
            }
            let mut step = engine.take_step();
            if step.is_empty() {
                return Ok(());
            }
            if let Some(hook) = &self.hook {
                hook.prepare(&step.events, &mut step.changes);
            }
            let changes = std::mem::replace(&mut step.changes, Changes::new(self.config.account.clone()));
            self.stop.unless_asked(storage::commit(&*self.store, changes)).await??;
            self.release(step);
        }
    }

    /// Carries out the rest of a step whose changes are durable.
    fn release(&mut self, step: Step) {
        step.transmit.into_iter().for_each(|message| self.socket.send(message));
        match step.link {
            Some(LinkAction::Open) => {
                self.status.send_replace(Status::Connecting);
                self.open_due = true;
            }
            Some(LinkAction::Close) => {
                self.open_due = false;
                self.socket.close();
            }
            None => {}
        }
        for (id, reply) in step.replies {
            if let Some(answer) = self.answers.remove(&id) {
                // An error means that the caller gave up.
                let _ = answer.send(Ok(reply));
            }
        }
        for event in step.events {
            if let Some(status) = Status::after(&event) {
                self.status.send_replace(status);
            }
            self.events.push(event);
        }
    }

    /// Connections make events: none is opened while far too many are unread.
    fn open_if_due(&mut self) {
        if self.open_due && self.events.level() != Level::Overfull {
            self.open_due = false;
            self.socket.open(self.connector.clone(), self.config.server_url.clone());
        }
    }
}

impl Status {
    /// The new status of the account that an event reports, if any.
    fn after(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Qr { .. } => Self::AwaitingPairing,
            Event::Connected { jid, lid } => Self::Connected { jid: jid.clone(), lid: lid.clone() },
            Event::Disconnected { reason, retry_at } => {
                Self::Waiting { until: *retry_at, reason: reason.to_string() }
            }
            Event::LoggedOut { reason } => Self::LoggedOut { reason: reason.clone() },
            _ => return None,
        })
    }
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed).expect("the operating system has randomness");
    seed
}
