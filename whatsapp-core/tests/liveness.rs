//! Nothing blocks the driver. Whatever the reader of events, the server and the store do, commands are answered, pings go
//! out, and a stop ends the driver within a second. All tests run in virtual time.
#![cfg(all(feature = "sim", feature = "client"))]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
mod fake_server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use fake_server::{FakeServer, Says};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use whatsapp_core::{
    Config, Error,
    client::{Client, Connector, Events, Status},
    engine::CommandError,
    event::Event,
    jid::Jid,
    sim::{Behaviour, runtime::Simulator},
};
use whatsapp_store::{Changes, Content, Store, delegate_store, memory::MemoryStore};

const ANN: &str = "15550000001";
const BEN: &str = "15550000002";
const SECOND: Duration = Duration::from_secs(1);
/// Virtual: a test that stands still ends.
const PATIENCE: Duration = Duration::from_secs(3600);

type Running = JoinHandle<Result<(), Error>>;

fn start(
    store: Arc<dyn Store>,
    connector: Arc<dyn Connector>,
    config: Config,
    capacity: usize,
) -> (Client, Events, Running) {
    let parts = Client::new(store, config).with_connector(connector).with_event_capacity(capacity);
    let (client, events, driver) = parts.into_parts();
    (client, events, tokio::spawn(driver.run()))
}

fn against(server: &FakeServer, capacity: usize) -> (Client, Events, Running) {
    start(Arc::new(MemoryStore::new()), Arc::new(server.clone()), server.config(), capacity)
}

/// A client of Ann's that is linked and logged in.
async fn linked(simulator: &Simulator, capacity: usize) -> (Client, Events, Running) {
    simulator.add_person(ANN, "Ann", Behaviour::Receive).await.unwrap();
    simulator.add_person(BEN, "Ben", Behaviour::Receive).await.unwrap();
    let mut config = Config::default();
    config.trust_root = simulator.trust_root();
    let store = Arc::new(MemoryStore::new());
    let (client, mut events, running) = start(store, Arc::new(simulator.clone()), config, capacity);
    loop {
        match events.next().await.unwrap() {
            Event::Qr { text, .. } => drop(simulator.scan_qr(&text.0, Some(ANN)).await.unwrap()),
            Event::Connected { .. } => return (client, events, running),
            _ => {}
        }
    }
}

/// Stops a client, and proves that it ends within a second.
async fn stops(client: &Client, running: Running) {
    let start = Instant::now();
    client.shutdown().await;
    let outcome = timeout(PATIENCE, running).await.expect("the driver ends");
    outcome.unwrap().unwrap();
    assert!(start.elapsed() <= SECOND, "{:?}", start.elapsed());
    assert_eq!(client.status(), Status::Stopped);
}

async fn refused_for_want_of_a_link(client: &Client) {
    let answer = timeout(SECOND, client.send(&Jid::pn(BEN), Content::text("x"))).await.expect("an answer");
    assert!(matches!(answer, Err(Error::Command(CommandError::NotLinked))), "{answer:?}");
}

async fn answers_in_the_loop(capacity: usize, each: usize) {
    let simulator = Simulator::start(1);
    let (client, mut events, running) = linked(&simulator, capacity).await;
    for number in 0..10 {
        simulator.send_as(BEN, &Jid::pn(ANN), &format!("question {number}")).await.unwrap();
    }
    let talk = async {
        let (mut questions, mut answered) = (Vec::new(), 0);
        while answered < 10 * each {
            let Some(Event::Message(message)) = events.next().await else { continue };
            for number in 0..each {
                client.reply(&message, format!("answer {number}")).await.unwrap();
                answered += 1;
            }
            questions.push(message.content.as_text().unwrap().to_owned());
        }
        questions
    };
    let questions =
        timeout(PATIENCE, talk).await.expect("the reader and the driver do not wait for each other");
    assert_eq!(questions, (0..10).map(|number| format!("question {number}")).collect::<Vec<_>>());
    // Reading continues where it stopped: all of them get through.
    let received = async {
        loop {
            while timeout(Duration::from_millis(10), events.next()).await.is_ok() {}
            if simulator.inbox(BEN).await.unwrap().messages.len() == 10 * (each + 1) {
                return;
            }
        }
    };
    timeout(PATIENCE, received).await.expect("every answer arrives");
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_await_commands_in_its_loop() {
    answers_in_the_loop(1024, 200).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_await_commands_with_a_tiny_event_queue() {
    answers_in_the_loop(2, 1000).await;
}

/// The answer of such a command comes from the server, which is not read from while events wait.
#[tokio::test(start_paused = true)]
async fn a_reader_may_await_commands_that_the_server_answers() {
    let simulator = Simulator::start(2);
    let (client, mut events, running) = linked(&simulator, 1).await;
    for number in 0..20 {
        simulator.send_as(BEN, &Jid::pn(ANN), &number.to_string()).await.unwrap();
    }
    while !matches!(events.next().await.unwrap(), Event::Message(_)) {}
    tokio::time::sleep(SECOND).await;
    timeout(PATIENCE, client.log_out()).await.expect("an answer").unwrap();
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_events_does_not_stop_the_client() {
    let simulator = Simulator::start(3);
    let (client, events, running) = linked(&simulator, 4).await;
    drop(events);
    for number in 0..100 {
        simulator.send_as(BEN, &Jid::pn(ANN), &number.to_string()).await.unwrap();
        client.send(&Jid::pn(BEN), Content::text("still here")).await.unwrap();
    }
    let arrived = async {
        while simulator.inbox(BEN).await.unwrap().messages.len() < 200 {
            tokio::time::sleep(SECOND).await;
        }
    };
    timeout(PATIENCE, arrived).await.expect("all messages arrive");
    stops(&client, running).await;
}

/// Unread acknowledgements are not missing: nothing goes out twice, and nothing is given up.
#[tokio::test(start_paused = true)]
async fn a_long_pause_of_the_reader_costs_neither_messages_nor_the_connection() {
    let simulator = Simulator::start(4);
    let (client, mut events, running) = linked(&simulator, 1).await;
    for number in 0..20 {
        client.send(&Jid::pn(BEN), Content::text(number.to_string())).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert!(matches!(client.status(), Status::Connected { .. }), "{:?}", client.status());
    let mut told = Vec::new();
    while let Ok(event) = timeout(Duration::from_secs(60), events.next()).await {
        told.push(event.unwrap());
    }
    let inbox = simulator.inbox(BEN).await.unwrap();
    assert_eq!((inbox.messages.len(), inbox.duplicates), (20, 0));
    assert!(
        !told.iter().any(|event| matches!(event, Event::Disconnected { .. } | Event::Refused { .. })),
        "{told:?}"
    );
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_starves_neither_commands_nor_a_stop() {
    let server = FakeServer::new(Says::Pings);
    let (client, _events, running) = against(&server, 16);
    server.until_given(1000).await;
    for _ in 0..10 {
        let before = server.given();
        let many = (0..100).map(|_| refused_for_want_of_a_link(&client));
        futures_util::future::join_all(many).await;
        server.until_given(before + 1).await;
    }
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_stops_only_the_socket() {
    let server = FakeServer::new(Says::Codes);
    let (client, mut events, running) = against(&server, 4);
    server.until_given(1000).await;
    tokio::time::sleep(SECOND).await;
    let given = server.given();
    assert!(given < 1500, "the socket is no longer read from, but was for {given} messages");
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(server.given(), given);
    assert!(server.pings() >= 3, "{} pings", server.pings());
    let answer = timeout(SECOND, client.send(&Jid::pn(BEN), Content::text("x"))).await.expect("an answer");
    assert!(matches!(answer, Err(Error::EventsUnread)), "{answer:?}");
    // Reading continues, in order.
    let mut last = (0, 0);
    while server.given() < 3 * given {
        let event = timeout(PATIENCE, events.next()).await.expect("an event");
        let Some(Event::Qr { text, .. }) = event else { panic!("{event:?}") };
        // The reference stands behind the part that is the same in all codes.
        let (_, reference) = text.0.split(',').next().unwrap().rsplit_once('#').unwrap();
        let (number, code) = reference.split_once('/').unwrap();
        let this = (number.parse().unwrap(), code.parse().unwrap());
        assert!(this > last || this == (0, 0), "{this:?} after {last:?}");
        last = this;
    }
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn the_status_does_not_wait_for_the_reader() {
    let server = FakeServer::new(Says::Codes);
    let (client, _events, running) = against(&server, 1);
    let shown = client.watch().wait_for(|status| *status == Status::AwaitingPairing).await.is_ok();
    assert!(shown);
    server.hang_up();
    let mut watch = client.watch();
    let lost = watch.wait_for(|status| matches!(status, Status::Waiting { .. }));
    timeout(PATIENCE, lost).await.expect("a status").unwrap();
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_server_blocks_neither_commands_nor_a_stop() {
    let server = FakeServer::new(Says::Nothing);
    server.take_no_data();
    let (client, _events, running) = against(&server, 16);
    server.until_opened(1).await;
    for _ in 0..100 {
        refused_for_want_of_a_link(&client).await;
    }
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_does_not_block_a_stop() {
    let server = FakeServer::new(Says::Nothing);
    server.do_not_close();
    let (client, _events, running) = against(&server, 16);
    server.until_opened(1).await;
    stops(&client, running).await;
    let server = FakeServer::new(Says::Nothing);
    server.do_not_open();
    let (client, _events, running) = against(&server, 16);
    refused_for_want_of_a_link(&client).await;
    stops(&client, running).await;
}

/// A store that a test can stop from answering.
struct Stuck {
    inner: Arc<MemoryStore>,
    stuck: AtomicBool,
}

delegate_store!(Stuck => inner);

impl std::fmt::Debug for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stuck")
    }
}

#[async_trait::async_trait]
impl Store for Stuck {
    async fn commit(&self, changes: Changes) -> whatsapp_store::Result<()> {
        if self.stuck.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        self.inner.commit(changes).await
    }
}

fn stuck() -> Arc<Stuck> {
    Arc::new(Stuck { inner: Arc::new(MemoryStore::new()), stuck: AtomicBool::new(true) })
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_does_not_block_a_stop() {
    let server = FakeServer::new(Says::Nothing);
    let (client, _events, running) = start(stuck(), Arc::new(server.clone()), server.config(), 16);
    tokio::time::sleep(SECOND).await;
    stops(&client, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_ends_the_driver() {
    let server = FakeServer::new(Says::Nothing);
    let (_client, _events, running) = start(stuck(), Arc::new(server.clone()), server.config(), 16);
    let outcome = timeout(PATIENCE, running).await.expect("the driver ends").unwrap();
    assert!(matches!(outcome, Err(Error::Store(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_client_stops_the_driver() {
    let server = FakeServer::new(Says::Pings);
    let (client, _events, running) = against(&server, 16);
    server.until_given(1000).await;
    let start = Instant::now();
    drop(client);
    timeout(PATIENCE, running).await.expect("the driver ends").unwrap().unwrap();
    assert!(start.elapsed() <= SECOND);
}
