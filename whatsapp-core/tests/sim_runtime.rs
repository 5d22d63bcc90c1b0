//! Our client against the simulated network in real time: over a WebSocket, and in the same process.
#![cfg(all(feature = "sim", feature = "client"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use whatsapp_core::{
    Config,
    client::{Client, Connector, Events, WebSocket},
    event::Event,
    jid::Jid,
    sim::{Behaviour, SimEvent, listen::Listener, runtime::Simulator},
};
use whatsapp_store::{Content, memory::MemoryStore};

const ANN: &str = "15550000001";
const BEN: &str = "15550000002";
/// Longer than anything takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until<T>(events: &mut Events, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.next().await.expect("the client runs");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it happens in time")
}

async fn link_and_talk(simulator: Simulator, connector: Arc<dyn Connector>, url: String) {
    simulator.add_person(ANN, "Ann", Behaviour::Receive).await.unwrap();
    simulator.add_person(BEN, "Ben", Behaviour::Echo).await.unwrap();
    let mut watched = simulator.events();
    let mut config = Config::default();
    (config.server_url, config.trust_root) = (url, simulator.trust_root());
    let parts = Client::new(Arc::new(MemoryStore::new()), config).with_connector(connector);
    let (client, mut events, driver) = parts.into_parts();
    let driver = tokio::spawn(driver.run());
    let code = until(&mut events, |event| match event {
        Event::Qr { text, .. } => Some(text.0.clone()),
        _ => None,
    })
    .await;
    simulator.scan_qr(&code, Some(ANN)).await.unwrap();
    until(&mut events, |event| matches!(event, Event::Connected { .. }).then_some(())).await;
    client.send(&Jid::pn(BEN), Content::text("hello")).await.unwrap();
    let answer = until(&mut events, |event| match event {
        Event::Message(message) if !message.from_me => message.content.as_text().map(str::to_owned),
        _ => None,
    })
    .await;
    assert_eq!(answer, "echo: hello");
    let inbox = simulator.inbox(BEN).await.unwrap();
    assert_eq!((inbox.messages.len(), inbox.duplicates, inbox.failures), (2, 0, 0));
    assert_eq!(simulator.unknown_requests().await.unwrap(), []);
    let mut told = Vec::new();
    while let Ok(event) = watched.try_recv() {
        told.push(event);
    }
    let jid = format!("{ANN}:1@s.whatsapp.net");
    assert!(told.contains(&SimEvent::Online { jid }), "{told:?}");
    driver.abort();
}

#[tokio::test]
async fn over_a_websocket() {
    let simulator = Simulator::start(1);
    let listener = Listener::bind("127.0.0.1:0", simulator.clone()).await.unwrap();
    let url = listener.url().unwrap();
    let listening = tokio::spawn(listener.run());
    link_and_talk(simulator, Arc::new(WebSocket::new().unwrap()), url).await;
    listening.abort();
}

#[tokio::test]
async fn in_the_same_process() {
    let simulator = Simulator::start(2);
    link_and_talk(simulator.clone(), Arc::new(simulator), "sim://".to_owned()).await;
}

#[tokio::test]
async fn another_path_is_refused() {
    let listener = Listener::bind("127.0.0.1:0", Simulator::start(3)).await.unwrap();
    let url = listener.url().unwrap().replace("/ws/chat", "/elsewhere");
    let listening = tokio::spawn(listener.run());
    let mut link = WebSocket::new().unwrap().connect(&url).await.unwrap();
    let end = timeout(PATIENCE, link.receive()).await.expect("it is closed in time");
    assert!(!matches!(end, Some(Ok(_))));
    listening.abort();
}
