//! What runs in a process: a client on the simulated network, bots, what brings messages to them, and a person at a desk.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use whatsapp_bots::{
    Input, Message, Outcome,
    runner::{Bots, Call, Clock, NotSent, Outlet},
};
use whatsapp_core::{
    Config,
    client::{Client, CommitHook, Connector, Link, TransportError},
    event::Event,
    jid::Jid,
    sim::runtime::{SimConnection, Simulator},
};
use whatsapp_store::{
    AccountId, Changes, Content, ConversationStatus, Error, EventChange, MessageRecord, NewEvent, Store,
    WorkspaceId, memory::MemoryStore,
};

use crate::life::{Frail, Life};

pub(crate) const SHOP: &str = "15550001000";
pub(crate) const ADA: &str = "15550000042";
pub(crate) const ADA_CHAT: &str = "15550000042@s.whatsapp.net";

pub(crate) fn account() -> AccountId {
    "shop".parse().unwrap()
}

/// What outlives every process.
pub(crate) struct Outside {
    pub(crate) simulator: Simulator,
    pub(crate) store: Arc<MemoryStore>,
    /// How often the server was asked, by key.
    pub(crate) keys: Mutex<BTreeMap<String, u32>>,
    /// The client was connected once: people may write.
    pub(crate) open: tokio::sync::watch::Sender<bool>,
    pub(crate) clock: Time,
}

/// The virtual time, as the time of day.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) wall: i64,
    pub(crate) start: Instant,
}

impl Clock for Time {
    fn now(&self) -> i64 {
        self.wall + i64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
}

#[derive(Debug)]
struct Wire {
    simulator: Simulator,
    life: Arc<Life>,
}

#[async_trait]
impl Connector for Wire {
    async fn connect(&self, _: &str) -> Result<Box<dyn Link>, TransportError> {
        self.life.alive().await;
        let connection = self.simulator.connect().await;
        let connection = connection.map_err(|ended| TransportError::new("connecting", ended))?;
        Ok(Box::new(Line { connection: Some(connection), life: self.life.clone() }))
    }
}

struct Line {
    connection: Option<SimConnection>,
    life: Arc<Life>,
}

#[async_trait]
impl Link for Line {
    async fn send(&mut self, message: Bytes) -> Result<(), TransportError> {
        self.life.alive().await;
        let gone = || TransportError::new("sending", "the connection is gone");
        self.connection.as_ref().ok_or_else(gone)?.send(message).await.map_err(|_| gone())
    }

    async fn receive(&mut self) -> Option<Result<Bytes, TransportError>> {
        Some(Ok(self.connection.as_mut()?.receive().await?))
    }

    async fn close(&mut self) {
        self.connection = None;
    }
}

/// What the host adds to a client's commits, as far as bots need it.
struct Told;

impl CommitHook for Told {
    fn prepare(&self, events: &[Event], changes: &mut Changes) {
        for event in events {
            if let Event::Message(message) = event {
                let data = serde_json::to_string(message).unwrap();
                changes.push(EventChange::Put(NewEvent { key: "message.received".into(), data, at: 1 }));
            }
        }
    }
}

struct Session {
    client: Client,
    outside: Arc<Outside>,
    life: Arc<Life>,
}

#[async_trait]
impl Outlet for Session {
    async fn send(&self, _: &AccountId, chat: &str, id: &str, content: Content) -> Result<(), NotSent> {
        self.life.alive().await;
        let to: Jid = chat.parse().unwrap();
        match self.client.send_as(id, &to, content).await {
            Ok(_) => Ok(()),
            Err(whatsapp_core::Error::Command(error)) => Err(NotSent::Never(error.to_string())),
            Err(_) => Err(NotSent::Later),
        }
    }

    async fn request(&self, call: Call) -> Outcome {
        self.life.alive().await;
        *self.outside.keys.lock().unwrap().entry(call.key).or_default() += 1;
        sleep(Duration::from_millis(200)).await;
        Outcome::Answered { status: 200, body: json!({ "price": "9.90" }).to_string() }
    }
}

/// All that a process is: dropped, nothing of it goes on.
pub(crate) struct Process {
    _client: Client,
    bots: Bots,
    _tasks: JoinSet<()>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.bots.shutdown();
    }
}

impl Process {
    pub(crate) fn start(outside: &Arc<Outside>, life: &Arc<Life>) -> Self {
        let late = outside.clock.now() - outside.clock.wall;
        let frail = Frail { inner: outside.store.clone(), life: life.clone(), late };
        let store: Arc<dyn Store> = Arc::new(frail);
        let mut config = Config::new(account());
        config.trust_root = outside.simulator.trust_root();
        config.push_name = Some("Shop".to_owned());
        let wire = Wire { simulator: outside.simulator.clone(), life: life.clone() };
        let parts = Client::new(store.clone(), config)
            .with_connector(Arc::new(wire))
            .with_commit_hook(Arc::new(Told));
        let (client, events, driver) = parts.into_parts();
        let session = Session { client: client.clone(), outside: outside.clone(), life: life.clone() };
        let bots = Bots::with_clock(store.clone(), Arc::new(session), Arc::new(outside.clock));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(driver.run().await) });
        tasks.spawn(phone(outside.clone(), life.clone(), events));
        let running = bots.clone();
        tasks.spawn(async move { running.run().await });
        tasks.spawn(ear(store.clone(), bots.clone()));
        tasks.spawn(desk(store, bots.clone()));
        Self { _client: client, bots, _tasks: tasks }
    }
}

/// The shop's phone scans the code. A client that died before it could tell the service that it has its keys is refused by it: then
/// somebody starts it again, to scan another code.
async fn phone(outside: Arc<Outside>, life: Arc<Life>, mut events: whatsapp_core::client::Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::Qr { text, .. } => drop(outside.simulator.scan_qr(&text.0, Some(SHOP)).await),
            Event::Connected { .. } => drop(outside.open.send_replace(true)),
            Event::LoggedOut { .. } if !*outside.open.borrow() => life.end(),
            _ => {}
        }
    }
}

/// Brings messages to the bots, as the host's consumer does: what it had not noted as passed comes again.
async fn ear(store: Arc<dyn Store>, bots: Bots) {
    loop {
        if listen(&store, &bots).await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn listen(store: &Arc<dyn Store>, bots: &Bots) -> Result<(), Error> {
    let mut after = store.passed("bots").await?;
    loop {
        let events = store.all_events(after.as_deref(), 500).await?;
        let Some(position) = events.last().map(|event| event.position.clone()) else {
            sleep(Duration::from_millis(250)).await;
            continue;
        };
        for event in events.into_iter().filter(|event| event.key == "message.received") {
            let record: MessageRecord = serde_json::from_str(&event.data).unwrap();
            let text = record.content.as_text().unwrap_or_default();
            let (id, at) = (record.key.id.clone(), Some(record.timestamp));
            let input = Input::Message(Message { id: id.clone(), at, ..Message::text(text) });
            let heard = bots.hear(&event.account.unwrap(), &record.key.chat, &id, &input, "").await;
            heard.map_err(|error| Error::new(whatsapp_store::ErrorKind::Busy, "hearing").because(error))?;
        }
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(EventChange::Passed { consumer: "bots".to_owned(), position: position.clone() });
        store.commit(changes).await?;
        after = Some(position);
    }
}

/// The person who takes over gives back after a while.
async fn desk(store: Arc<dyn Store>, bots: Bots) {
    loop {
        sleep(Duration::from_millis(500)).await;
        let stored = store.conversation(&account(), ADA_CHAT).await.unwrap();
        if stored.is_some_and(|stored| stored.status == ConversationStatus::HandedOff) {
            sleep(Duration::from_secs(3)).await;
            let _ = bots.hear(&account(), ADA_CHAT, "release/1", &Input::HumanReleased, "").await;
        }
    }
}
