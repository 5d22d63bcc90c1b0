//! The API in process, over a real simulated network on loopback.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use clap::Parser;
use futures_util::StreamExt;
use host_http::{app::App, config::Cli, router, session::Service};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use whatsapp_core::{
    client::{Connector, Link, TransportError, WebSocket},
    jid::Jid,
};
use whatsapp_store::{Content, memory::MemoryStore};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct TestApp {
    app: App,
    router: Router,
    _data: TempDir,
}

impl TestApp {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let directory = data.path().to_str().unwrap();
        let cli = Cli::parse_from(["host-http", "--sandbox", "--data-dir", directory]);
        let app = App::start(&cli.host).await.unwrap();
        Self { router: router(app.clone()), app, _data: data }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.send(request.body(body).unwrap()).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, None).await
    }

    async fn linked(&self, id: &str) {
        assert_eq!(
            self.call("POST", "/api/sessions", Some(json!({ "id": id }))).await.0,
            StatusCode::CREATED
        );
        let (status, session) = self.call("POST", &format!("/api/sessions/{id}/sandbox-link"), None).await;
        assert_eq!((status, &session["status"]), (StatusCode::OK, &json!("connected")), "{session}");
    }

    /// Polls until the condition holds; the deadline is far away.
    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let polled = async {
            loop {
                let (_, value) = self.get(path).await;
                if holds(&value) {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, polled).await.expect("it never came about")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_send_and_see_the_answer() {
    let test = TestApp::start().await;
    test.linked("me").await;
    let message = json!({ "to": "\u{202a}+1\u{a0}(555) 000-0001\u{202c}", "text": "hello" });
    let (status, accepted) = test.call("POST", "/api/sessions/me/messages", Some(message)).await;
    assert_eq!((status, &accepted["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    let list = test
        .until("/api/sessions/me/messages", |list| {
            let messages = list["messages"].as_array().unwrap();
            messages.len() == 2 && messages[1]["status"] == "read"
        })
        .await;
    assert_eq!(list["messages"][0]["content"], json!({ "type": "text", "text": "echo: hello" }));
    assert_eq!(list["messages"][1]["id"], accepted["id"]);
    let received = json!({ "messages": [{
        "chat": "+1 555 000-0001", "sender": list["messages"][0]["sender"], "id": list["messages"][0]["id"],
    }]});
    let read = test.call("POST", "/api/sessions/me/messages/read", Some(received)).await.0;
    assert_eq!(read, StatusCode::NO_CONTENT);
    let (_, list) = test.get("/api/sessions/me/messages?chat=15550000001&limit=1").await;
    assert_eq!(list["messages"][0]["status"], "read");
    let next = list["next"].as_str().unwrap();
    let (_, rest) = test.get(&format!("/api/sessions/me/messages?before={next}")).await;
    assert_eq!(rest["messages"].as_array().unwrap().len(), 1);
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_and_deletions_show_and_are_told() {
    const BOB: &str = "15550000001";
    let test = TestApp::start().await;
    test.linked("me").await;
    let (_, session) = test.get("/api/sessions/me").await;
    let own = Jid::pn(session["jid"].as_str().unwrap().split([':', '@']).next().unwrap());
    let simulator = test.app.sandbox.as_ref().unwrap().simulator();
    let id = simulator.send_as(BOB, &own, "old words").await.unwrap();
    let messages = "/api/sessions/me/messages";
    test.until(messages, |list| list["messages"][0]["id"] == id.as_str()).await;
    simulator.edit_as(BOB, &own, &id, Content::text("new words")).await.unwrap();
    let list = test.until(messages, |list| list["messages"][0]["editedAt"].is_i64()).await;
    let edited = &list["messages"][0];
    assert_eq!(edited["content"], json!({ "type": "text", "text": "new words" }));
    let (_, chats) = test.get("/api/sessions/me/chats").await;
    assert_eq!((&chats["chats"][0]["last"], &chats["chats"][0]["unread"]), (edited, &json!(1)));
    for (words, count) in [("old", 0), ("new", 1)] {
        let (_, found) = test.get(&format!("{messages}?words={words}")).await;
        assert_eq!(found["messages"].as_array().unwrap().len(), count, "{words}");
    }
    simulator.delete_as(BOB, &own, &id).await.unwrap();
    let list = test.until(messages, |list| list["messages"][0]["content"]["type"] == "deleted").await;
    assert!(!list.to_string().contains("words"), "{list}");
    let chats = test.get("/api/sessions/me/chats").await.1;
    assert_eq!(chats["chats"][0]["unread"], 0);
    let events = test.app.store.all_events(None, 500).await.unwrap();
    let told = |key: &str| -> Vec<Value> {
        let found = events.iter().filter(|event| event.key == key);
        found.map(|event| serde_json::from_str(&event.data).unwrap()).collect()
    };
    let (edits, deletions) = (told("message.edited"), told("message.deleted"));
    assert_eq!((edits.len(), deletions.len()), (1, 1));
    assert_eq!((&edits[0]["content"], &edits[0]["message"]["id"]), (&edited["content"], &json!(id)));
    assert_eq!((&edits[0]["editedAt"], &edits[0]["fromMe"]), (&edited["editedAt"], &json!(false)));
    assert_eq!(deletions[0]["message"], edits[0]["message"]);
    assert_eq!(deletions[0]["deletedAt"], list["messages"][0]["content"]["at"]);
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_with_its_key_is_one_message() {
    let test = TestApp::start().await;
    test.linked("me").await;
    let send = async |key: &str, to: &str| {
        let request = Request::post("/api/sessions/me/messages")
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(json!({ "to": to, "text": "once" }).to_string()))
            .unwrap();
        let response = test.send(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap()["id"].clone())
    };
    let first = send("order-7", "15550000002").await;
    assert_eq!(first.0, StatusCode::ACCEPTED);
    assert_eq!(send("order-7", "15550000002").await, first);
    assert_ne!(send("order-8", "15550000002").await.1, first.1);
    assert_eq!(
        send("order-7", "15550000003").await.0,
        StatusCode::CONFLICT,
        "another message under a used key"
    );
    let (_, list) = test.get("/api/sessions/me/messages?words=once").await;
    assert_eq!(list["messages"].as_array().unwrap().len(), 2);
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_in_every_format() {
    let test = TestApp::start().await;
    test.call("POST", "/api/sessions", Some(json!({ "id": "me", "name": "My shop" }))).await;
    let (status, code) = test.get("/api/sessions/me/qr?wait=20").await;
    assert_eq!(status, StatusCode::OK);
    assert!(code["qr"].as_str().unwrap().starts_with("https://wa.me/settings/linked_devices#"));
    let request = |format: &str| {
        let uri = format!("/api/sessions/me/qr?wait=20&format={format}");
        Request::get(uri).body(Body::empty()).unwrap()
    };
    let png = test.send(request("png")).await;
    assert_eq!(png.headers()[header::CONTENT_TYPE], "image/png");
    assert!(to_bytes(png.into_body(), 1 << 20).await.unwrap().starts_with(b"\x89PNG"));
    let terminal = to_bytes(test.send(request("terminal")).await.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8(terminal.to_vec()).unwrap().lines().count() > 20);
    assert_eq!(test.send(request("svg")).await.status(), StatusCode::BAD_REQUEST);
    let phone = json!({ "phone": "+1 555 000 0002" });
    let (status, code) = test.call("POST", "/api/sessions/me/pair-code", Some(phone)).await;
    assert_eq!(status, StatusCode::OK, "{code}");
    assert_eq!(code["code"].as_str().unwrap().len(), 9);
    let refused = test.call("POST", "/api/sessions/me/pair-code", Some(json!({ "phone": "12" }))).await;
    assert_eq!(refused.0, StatusCode::BAD_REQUEST);
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_with_resumption() {
    let test = TestApp::start().await;
    test.linked("me").await;
    test.linked("other").await;
    let events = async |last: &str, path: &str| {
        let request = Request::get(path).header("last-event-id", last).body(Body::empty()).unwrap();
        test.send(request).await.into_body().into_data_stream()
    };
    let mut stream = events("0", "/api/sessions/me/events").await;
    let mut text = String::new();
    while !text.contains("session.connected") {
        let chunk = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(text.contains("event: session.qr.generated") && text.contains("event: session.paired"), "{text}");
    assert!(!text.contains(r#""sessionId":"other""#));
    let seen = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let mut resumed = events(seen, "/api/events").await;
    let chunk = tokio::time::timeout(PATIENCE, resumed.next()).await.unwrap().unwrap().unwrap();
    let first =
        std::str::from_utf8(&chunk).unwrap().lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let all = test.app.store.all_events(None, 100).await.unwrap();
    let place = all.iter().position(|event| event.position == seen).unwrap();
    assert_eq!(first, all[place + 1].position);
    // The end of the host is the end of its streams.
    test.app.stop();
    let ended = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_come_and_go() {
    let test = TestApp::start().await;
    test.linked("me").await;
    let (status, error) = test.call("POST", "/api/sessions", Some(json!({ "id": "me" }))).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    let (status, again) = test.call("POST", "/api/sessions/me/sandbox-link", None).await;
    assert_eq!((status, &again["status"]), (StatusCode::OK, &json!("connected")), "linked already");
    let (_, stopped) = test.call("POST", "/api/sessions/me/stop", None).await;
    assert_eq!((&stopped["desired"], &stopped["status"]), (&json!("stopped"), &json!("stopped")));
    let message = json!({ "to": "15550000001", "text": "x" });
    assert_eq!(test.call("POST", "/api/sessions/me/messages", Some(message)).await.0, StatusCode::CONFLICT);
    test.call("POST", "/api/sessions/me/start", None).await;
    test.until("/api/sessions/me", |session| session["status"] == "connected").await;
    test.call("POST", "/api/sessions/me/restart", None).await;
    test.until("/api/sessions/me", |session| session["status"] == "connected").await;
    assert_eq!(test.call("DELETE", "/api/sessions/me", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(test.get("/api/sessions/me").await.0, StatusCode::NOT_FOUND);
    assert_eq!(test.get("/api/sessions").await.1, json!({ "sessions": [], "next": null }));
    // Made again, it starts as new.
    test.linked("me").await;
    assert_eq!(test.get("/api/sessions/me/messages").await.1["messages"], json!([]));
    test.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_told() {
    let test = TestApp::start().await;
    test.linked("me").await;
    let messages = "/api/sessions/me/messages";
    for (path, body) in [
        ("/api/sessions", json!({ "id": "not valid!" })),
        ("/api/sessions", json!({ "nme": "typo" })),
        ("/api/sessions", json!({ "name": "" })),
        (messages, json!({ "to": "15550000001" })),
        (messages, json!({ "to": "15550000001", "text": "" })),
        (messages, json!({ "to": "15550000001", "text": "x", "content": { "type": "text", "text": "y" } })),
        (messages, json!({ "to": "nobody", "text": "x" })),
        (messages, json!({ "to": "123", "text": "x" })),
        (messages, json!({ "to": "0176 04069010", "text": "x" })),
        (messages, json!({ "to": "00000000", "text": "x" })),
        (messages, json!({ "to": "+4917604069010@s.whatsapp.net", "text": "x" })),
        (messages, json!({ "to": "abc@s.whatsapp.net", "text": "x" })),
        (messages, json!({ "to": "1234@example.org", "text": "x" })),
        (messages, json!({ "to": "123-456@g.us", "text": "x" })),
        (
            messages,
            json!({ "to": "15550000001", "content": { "type": "reaction", "emoji": "x", "message_id": "1" } }),
        ),
        (messages, json!({ "to": "15550000001", "content": { "type": "nonsense" } })),
    ] {
        let (status, error) = test.call("POST", path, Some(body.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body} {error}");
        assert!(error["error"] == "Bad Request" && !error["message"].as_str().unwrap().is_empty(), "{error}");
    }
    for (method, path, body, status, named) in [
        ("POST", messages, json!(["15550000001", "hi", null]), StatusCode::BAD_REQUEST, "object"),
        (
            "POST",
            messages,
            json!({ "to": "15550000001", "content": ["text", "hi"] }),
            StatusCode::BAD_REQUEST,
            "content",
        ),
        (
            "POST",
            messages,
            json!({ "to": "15550000001", "content": { "type": "text", "text": "hi", "preview": true } }),
            StatusCode::BAD_REQUEST,
            "content.preview",
        ),
        ("POST", "/api/sessions", json!({ "id": "a/b" }), StatusCode::BAD_REQUEST, "id"),
        ("POST", "/api/sessions", json!({ "id": "ü" }), StatusCode::BAD_REQUEST, "id"),
        (
            "POST",
            messages,
            json!({ "to": "15550000001", "text": "x".repeat(3 << 20) }),
            StatusCode::PAYLOAD_TOO_LARGE,
            "large",
        ),
        ("GET", "/api/sessions/me/messages?before=nonsense", Value::Null, StatusCode::BAD_REQUEST, "before"),
        ("GET", "/api/sessions/me/messages?words=%ff", Value::Null, StatusCode::BAD_REQUEST, "words"),
        ("GET", "/api/sessions/me/messages?limit=-1", Value::Null, StatusCode::BAD_REQUEST, "limit"),
        ("GET", "/api/sessions/me/chats?before=1", Value::Null, StatusCode::BAD_REQUEST, "before"),
        ("GET", "/api/sessions?after=x", Value::Null, StatusCode::BAD_REQUEST, "after"),
        ("GET", "/api/sessions?offset=1", Value::Null, StatusCode::BAD_REQUEST, "offset"),
        ("GET", "/api/campaigns?before=x", Value::Null, StatusCode::BAD_REQUEST, "before"),
        ("GET", "/api/chatbots?after=x", Value::Null, StatusCode::BAD_REQUEST, "after"),
        ("GET", "/api/chatbots/%ff", Value::Null, StatusCode::BAD_REQUEST, ""),
        ("GET", "/api/campaigns/%ff", Value::Null, StatusCode::BAD_REQUEST, ""),
        ("POST", "/api/sessions/me/conversations/%ff/takeover", Value::Null, StatusCode::BAD_REQUEST, ""),
        (
            "POST",
            "/api/sessions/me/conversations/1/nonsense",
            Value::Null,
            StatusCode::BAD_REQUEST,
            "nonsense",
        ),
        ("POST", "/api/sessions/me/restore", Value::Null, StatusCode::CONFLICT, "no keys are kept"),
    ] {
        let (got, error) = test.call(method, path, Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(got, status, "{path} {error}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty() && message.contains(named), "{path}: {error}");
    }
    let no_type = Request::post("/api/sessions").body(Body::from("{}")).unwrap();
    assert_eq!(test.send(no_type).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(test.get("/api/sessions/me/messages?limit=x").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(test.get("/api/sessions/nobody").await.0, StatusCode::NOT_FOUND);
    let (status, nothing) = test.get("/api/nothing").await;
    assert_eq!(
        (status, &nothing["error"], &nothing["path"]),
        (StatusCode::NOT_FOUND, &json!("Not Found"), &json!("/api/nothing"))
    );
    let (status, wrong) = test.call("PUT", "/api/sessions", None).await;
    assert_eq!((status, &wrong["error"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("Method Not Allowed")));
    let (status, error) = test.get("/api/sessions/%ff").await;
    assert_eq!((status, &error["error"]), (StatusCode::BAD_REQUEST, &json!("Bad Request")));
    // After a backup was restored, say.
    let ahead = Request::get("/api/events").header("last-event-id", "0-ffff").body(Body::empty()).unwrap();
    let mut stream = test.send(ahead).await.into_body().into_data_stream();
    let chunk = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
    assert!(std::str::from_utf8(&chunk).unwrap().contains("event: events.reset"));
    let last = Request::get("/api/events").header("last-event-id", "x").body(Body::empty()).unwrap();
    assert_eq!(test.send(last).await.status(), StatusCode::BAD_REQUEST);
    test.app.sessions.shutdown().await;
}

/// A way to connect that fails by a mistake of ours, a few times.
#[derive(Debug)]
struct Mistaken {
    times: AtomicU32,
    then: WebSocket,
}

#[async_trait]
impl Connector for Mistaken {
    async fn connect(&self, url: &str) -> Result<Box<dyn Link>, TransportError> {
        let left = self.times.fetch_update(Relaxed, Relaxed, |times| times.checked_sub(1));
        assert!(left.is_err(), "this failure belongs to the test");
        self.then.connect(url).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_fails_starts_again_and_the_others_do_not_notice() {
    let sandbox = TestApp::start().await;
    let network = sandbox.app.sandbox.clone().unwrap();
    let connector = Arc::new(Mistaken { times: AtomicU32::new(0), then: WebSocket::new().unwrap() });
    let service = Service { connector: connector.clone(), ..network.service().unwrap() };
    let app = App::new(Arc::new(MemoryStore::new()), service, "test", Some(network));
    let test = TestApp { router: router(app.clone()), app, _data: tempfile::tempdir().unwrap() };
    test.linked("steady").await;
    let (_, before) = test.get("/api/sessions/steady").await;

    connector.times.store(1, Relaxed);
    test.call("POST", "/api/sessions", Some(json!({ "id": "frail" }))).await;
    test.until("/api/sessions/frail", |session| session["status"] == "waiting").await;
    test.until("/api/sessions/frail", |session| session["status"] == "awaiting_pairing").await;
    let told = test.app.store.all_events(None, 100).await.unwrap();
    let of_frail = |event: &&whatsapp_store::EventRecord| event.account == Some("frail".parse().unwrap());
    let lost = told.iter().filter(|event| event.key == "session.disconnected").filter(of_frail);
    let reasons: Vec<Value> = lost.map(|event| serde_json::from_str(&event.data).unwrap()).collect();
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0]["reason"], "an internal error");
    assert_eq!(test.get("/api/sessions/steady").await.1, before);

    // Stopped while it waits to start again, it stays so.
    connector.times.store(1, Relaxed);
    test.call("POST", "/api/sessions/frail/restart", None).await;
    test.until("/api/sessions/frail", |session| session["status"] == "waiting").await;
    let (_, stopped) = test.call("POST", "/api/sessions/frail/stop", None).await;
    assert_eq!(stopped["status"], "stopped");
    test.app.sessions.shutdown().await;
    sandbox.app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_of_strangers_are_refused() {
    let test = TestApp::start().await;
    let status = async |app: &App, host: &str, origin: Option<&str>| {
        let mut request = Request::post("/api/sessions/me/stop").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        router(app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let there_is_none = StatusCode::NOT_FOUND;
    assert_eq!(status(&test.app, "localhost:8000", None).await, there_is_none);
    assert_eq!(status(&test.app, "127.0.0.1:8000", Some("http://127.0.0.1:8000")).await, there_is_none);
    for origin in ["http://evil.example", "http://localhost:3000", "null", ""] {
        assert_eq!(
            status(&test.app, "localhost:8000", Some(origin)).await,
            StatusCode::FORBIDDEN,
            "{origin}"
        );
    }
    // A name that points here, and a page under that name.
    assert_eq!(status(&test.app, "evil.example:8000", None).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&test.app, "evil.example", Some("http://evil.example")).await, StatusCode::FORBIDDEN);
    // Who listens for others has names of their own.
    let mut open = test.app.clone();
    open.local = false;
    assert_eq!(status(&open, "host.example", Some("https://host.example")).await, there_is_none);
    assert_eq!(status(&open, "host.example", Some("https://evil.example")).await, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_correlation() {
    let test = TestApp::start().await;
    let (status, health) = test.get("/health").await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("healthy")));
    let request = Request::get("/health").header("x-correlation-id", "mine").body(Body::empty()).unwrap();
    assert_eq!(test.send(request).await.headers()["x-correlation-id"], "mine");
    let request = Request::get("/nothing").body(Body::empty()).unwrap();
    assert_eq!(test.send(request).await.headers()["x-correlation-id"].len(), 16);
}
