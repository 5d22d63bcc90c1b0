//! The admin API of the simulated network, as a test with thousands of people uses it.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;
use whatsapp_core::{
    Config,
    client::{Client, Events},
    event::Event,
    jid::Jid,
    sim::runtime::Simulator,
};
use whatsapp_store::{Content, MessageStatus, memory::MemoryStore};

const PATIENCE: Duration = Duration::from_secs(60);

async fn call(router: &Router, method: &str, path: &str, body: &Value) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let response = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ledger(router: &Router) -> Vec<Value> {
    let (status, lines) = call(router, "GET", "/admin/ledger", &Value::Null).await;
    assert_eq!(status, 200, "{lines}");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn until<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(events.next().await.unwrap()) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it happens in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_in_a_row_and_what_they_were_shown() {
    let simulator = Simulator::start(1);
    let router = host_http::simulator::router(simulator.clone());
    let row = json!({ "from": "15551000000", "count": 20_000, "behaviour": { "kind": "read" } });
    let (status, answer) = call(&router, "POST", "/admin/people", &row).await;
    assert_eq!((status, answer.as_str()), (201, r#"{"count":20000,"from":"15551000000"}"#));
    let silent = json!({ "from": "15551000001", "count": 1, "behaviour": { "kind": "silent" } });
    assert_eq!(call(&router, "POST", "/admin/people/behaviour", &silent).await.0, 204);
    assert_eq!(ledger(&router).await, [Value::Null; 0]);

    let ann = json!({ "phone": "15550000042", "name": "Ann" });
    assert_eq!(call(&router, "POST", "/admin/people", &ann).await.0, 201);
    let mut config = Config::default();
    config.trust_root = simulator.trust_root();
    let parts = Client::new(Arc::new(MemoryStore::new()), config).with_connector(Arc::new(simulator.clone()));
    let (client, mut events, driver) = parts.into_parts();
    let driver = tokio::spawn(driver.run());
    let code = until(&mut events, |event| match event {
        Event::Qr { text, .. } => Some(text.0),
        _ => None,
    });
    simulator.scan_qr(&code.await, Some("15550000042")).await.unwrap();
    until(&mut events, |event| matches!(event, Event::Connected { .. }).then_some(())).await;

    let id = |n: u32| format!("3EB0{n:018X}");
    for n in [0, 1, 2, 0] {
        let to = Jid::pn(format!("1555100000{n}"));
        client.send_as(&id(n), &to, Content::text(format!("for {n}"))).await.unwrap();
    }
    for _ in [0, 2] {
        until(&mut events, |event| {
            matches!(event, Event::Status { status: MessageStatus::Read, .. }).then_some(())
        })
        .await;
    }
    let entry = |n: u32| {
        json!({
            "phone": format!("1555100000{n}"), "from": "15550000042", "id": id(n), "text": format!("for {n}"),
            "shown": 1, "delivered": 1,
        })
    };
    assert_eq!(ledger(&router).await, [entry(0), entry(1), entry(2)]);
    let again = client.send_as(&id(1), &Jid::pn("15551000001"), Content::text("for 1")).await.unwrap();
    assert_eq!(again.status, MessageStatus::Sent, "who is silent confirms nothing");
    client.shutdown().await;
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn people_who_cannot_be_are_refused() {
    let router = host_http::simulator::router(Simulator::start(1));
    for (body, reason) in [
        (json!({ "from": "15551000000" }), "from and count"),
        (json!({ "phone": "15551000000", "from": "15551000000", "count": 1 }), "either"),
        (json!({ "phone": "15551000000" }), "name"),
        (json!({ "from": "999999999999999", "count": 2 }), "phone number"),
        (json!({ "from": "15551000000", "count": 1_000_001 }), "a million"),
        (json!({ "from": "15551000000", "count": -1 }), "count"),
        (json!({ "from": "15551000000", "cuont": 1 }), "cuont"),
    ] {
        let (status, answer) = call(&router, "POST", "/admin/people", &body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains(reason), "{body}: {answer}");
    }
    let row = json!({ "from": "15551000000", "count": 2, "behaviour": { "kind": "read" } });
    let (status, answer) = call(&router, "POST", "/admin/people/behaviour", &row).await;
    assert_eq!(status, 404, "{answer}");
    assert!(answer.contains("15551000000"), "{answer}");
}
