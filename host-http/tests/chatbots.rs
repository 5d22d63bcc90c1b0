//! A bot made by JSON answers a simulated person over the encrypted path: it asks, validates, calls an HTTP endpoint, hands off to a
//! person, and resumes.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    routing::get,
};
use clap::Parser;
use host_http::{app::App, config::Cli, router, time::now_millis};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use whatsapp_bots::runner::schedule_setting;
use whatsapp_store::{Changes, Consent, ContactChange, ContactRecord, SettingChange, WorkspaceId};

const PATIENCE: Duration = Duration::from_secs(60);
const ADA: &str = "4917604069010";

struct TestApp {
    app: App,
    router: Router,
    own: String,
    _data: TempDir,
}

impl TestApp {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let options =
            ["host-http", "--sandbox", "--bots-reach-private", "--data-dir", data.path().to_str().unwrap()];
        let app = App::start(&Cli::parse_from(options).host).await.unwrap();
        let mut test = Self { router: router(app.clone()), app, own: String::new(), _data: data };
        assert_eq!(
            test.call("POST", "/api/sessions", Some(json!({ "id": "me" }))).await.0,
            StatusCode::CREATED
        );
        let (_, session) = test.call("POST", "/api/sessions/me/sandbox-link", None).await;
        test.own = session["jid"].as_str().unwrap().split([':', '@']).next().unwrap().to_owned();
        test
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request =
            Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A call that must succeed.
    async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, value) = self.call(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }

    async fn say(&self, text: &str) {
        self.app.sandbox.as_ref().unwrap().say(ADA, &self.own, text).await.unwrap();
    }

    /// What Ada's phone shows, once it is so much.
    async fn shown(&self, count: usize) -> Vec<String> {
        let mut shown = Vec::new();
        let waiting = async {
            while shown.len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let ledger = self.app.sandbox.as_ref().unwrap().ledger().await.unwrap();
                let hers = ledger.into_iter().filter(|entry| entry.phone == ADA);
                shown = hers.filter_map(|entry| entry.text).collect();
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{shown:?}");
        shown
    }

    /// Ada is in the list of contacts, with a tag; with a consent, or without.
    async fn knows_ada(&self, has_agreed: bool) {
        let consent = Consent { scope: "news".into(), source: "form".into(), at: 1, evidence: None };
        let ada = ContactRecord {
            id: "ada".into(),
            phone: Some(ADA.into()),
            tags: ["vip".to_owned()].into(),
            consent: has_agreed.then_some(consent),
            ..ContactRecord::default()
        };
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(ContactChange::Put(Box::new(ada)));
        self.app.store.commit(changes).await.unwrap();
    }

    /// Makes a bot and publishes it.
    async fn publish(&self, id: &str, definition: Value) {
        self.done("POST", "/api/chatbots", Some(json!({ "id": id, "definition": definition }))).await;
        self.done("POST", &format!("/api/chatbots/{id}/publish"), None).await;
    }

    async fn tell(&self, event: Value) -> (StatusCode, Value) {
        let mut body = json!({ "sessionId": "me", "to": ADA });
        body.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        self.call("POST", "/api/chatbots/events", Some(body)).await
    }

    /// Waits until the session has so many chats.
    async fn chats(&self, count: usize) {
        let waiting = async {
            while self.done("GET", "/api/sessions/me/chats", None).await["chats"].as_array().unwrap().len()
                < count
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok());
    }

    async fn end(self) {
        self.app.shutdown().await;
    }
}

async fn prices() -> String {
    let router = Router::new().route("/price/{size}", get(|| async { r#"{"data":{"price":"9.90 EUR"}}"# }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn shop(prices: &str) -> Value {
    json!({
        "format": 1, "bot": { "id": "shop", "language": "en" },
        "flows": [{ "id": "order", "entry": "size", "nodes": [
            { "id": "size", "kind": "ask", "config": { "text": "Which size, 36 to 46?",
                "answer": { "number": { "min": 36, "max": 46 } }, "save": "size",
                "retries": { "max": 3, "say": "A number from 36 to 46, please." } },
              "exits": [{ "id": "ok", "to": "price" }, { "id": "invalid", "to": "human" }] },
            { "id": "price", "kind": "http", "config": { "url": format!("{prices}/price/{{{{ size }}}}"),
                "save": [{ "path": "data.price", "to": "price" }] },
              "exits": [{ "id": "ok", "to": "tell" }, { "id": "error", "to": "human" }] },
            { "id": "tell", "kind": "say", "config": { "text": "Size {{ size }} is {{ price }}." }, "exits": [{ "id": "next", "to": "human" }] },
            { "id": "human", "kind": "handoff", "config": { "queue": "sales", "say": "Somebody will be with you." }, "exits": [{ "id": "next", "to": "bye" }] },
            { "id": "bye", "kind": "say", "config": { "text": "Thank you, goodbye." }, "exits": [{ "id": "next" }] }
        ]}],
        "triggers": [{ "id": "order", "on": { "keyword": { "words": ["order"] } }, "flow": "order" }]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_validates_calls_hands_off_and_resumes() {
    let test = TestApp::start().await;
    let definition = shop(&prices().await);
    let made =
        test.done("POST", "/api/chatbots", Some(json!({ "id": "shop", "definition": definition }))).await;
    assert_eq!((&made["published"], &made["enabled"]), (&Value::Null, &json!(false)), "{made}");
    let published = test.done("POST", "/api/chatbots/shop/publish", None).await;
    assert_eq!((&published["published"], &published["enabled"]), (&json!(1), &json!(true)), "{published}");

    test.say("hello").await;
    test.say("order").await;
    assert_eq!(test.shown(1).await, ["Which size, 36 to 46?"]);
    test.say("large").await;
    assert_eq!(test.shown(2).await[1], "A number from 36 to 46, please.");
    test.say("42").await;
    let shown = test.shown(4).await;
    assert_eq!(shown[2..], ["Size 42 is 9.90 EUR.", "Somebody will be with you."]);

    let path = "/api/chatbots/conversations?status=handed_off";
    let waiting = test.done("GET", path, None).await;
    assert_eq!(waiting["conversations"][0]["chatbotId"], "shop", "{waiting}");
    // While a person has the chat, the bot is silent, and the person writes by the API.
    test.say("order").await;
    test.done("POST", "/api/sessions/me/messages", Some(json!({ "to": ADA, "text": "Hi, this is Bob." })))
        .await;
    assert_eq!(test.shown(5).await[4], "Hi, this is Bob.");
    test.done("POST", &format!("/api/sessions/me/conversations/{ADA}/release"), None).await;
    assert_eq!(test.shown(6).await[5], "Thank you, goodbye.");
    let analytics = test.done("GET", "/api/chatbots/shop/analytics", None).await;
    let nodes = analytics["nodes"].as_array().unwrap();
    assert!(
        nodes.iter().any(|node| node["node"].as_str().unwrap().contains("size") && node["left"] == 1),
        "{analytics}"
    );
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_checked_tried_and_kept_from_people() {
    let test = TestApp::start().await;
    let (status, error) =
        test.call("POST", "/api/chatbots", Some(json!({ "id": "x", "definition": { "format": 1 } }))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["message"].as_str().unwrap().starts_with("definition"), "{error}");
    let mut broken = shop("http://127.0.0.1:1");
    broken["flows"][0]["nodes"][2]["exits"][0]["to"] = json!("nowhere");
    let made = test.done("POST", "/api/chatbots", Some(json!({ "id": "shop", "definition": broken }))).await;
    assert!(
        made["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|finding| finding["path"].as_str().unwrap().contains("tell")),
        "{made}"
    );
    let (status, error) = test.call("POST", "/api/chatbots/shop/publish", None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");

    test.done("PUT", "/api/chatbots/shop", Some(json!({ "definition": shop("http://127.0.0.1:1") }))).await;
    let checked = test.done("POST", "/api/chatbots/shop/validate", None).await;
    assert_eq!(checked["publishable"], true, "{checked}");
    let chat = json!({ "lines": [{ "user": "order" }, { "user": "40" }, { "answer": { "status": 200, "body": { "data": { "price": "1 EUR" } } } }] });
    let tried = test.done("POST", "/api/chatbots/shop/test", Some(chat)).await;
    let said: Vec<&Value> =
        tried["turns"].as_array().unwrap().iter().flat_map(|turn| turn["said"].as_array().unwrap()).collect();
    assert_eq!(said[1], "Size 40 is 1 EUR.", "{tried}");
    // It was not published: nobody is answered.
    test.say("order").await;
    let (status, _) =
        test.call("POST", &format!("/api/sessions/me/conversations/{ADA}/takeover"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(test.call("GET", "/api/chatbots/none", None).await.0, StatusCode::NOT_FOUND);
    assert!(test.done("GET", "/api/chatbots/schema", None).await["$schema"].is_string());
    test.done("DELETE", "/api/chatbots/shop", None).await;
    let (status, error) =
        test.call("POST", "/api/chatbots/import?format=typebot&id=x", Some(json!({}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    let flow = json!({ "flows": [{ "uuid": "6f2e1a0a-1b5c-4f0e-9a77-000000000001", "name": "Hi", "spec_version": "13.1.0",
        "language": "eng", "type": "messaging", "nodes": [{ "uuid": "6f2e1a0a-1b5c-4f0e-9a77-000000000002",
            "actions": [{ "uuid": "6f2e1a0a-1b5c-4f0e-9a77-000000000003", "type": "send_msg", "text": "Welcome" }],
            "exits": [{ "uuid": "6f2e1a0a-1b5c-4f0e-9a77-000000000004" }] }] }] });
    let made = test.done("POST", "/api/chatbots/import?format=rapidpro&id=hi", Some(flow)).await;
    assert_eq!(
        (&made["published"], &made["report"]["steps"]),
        (&Value::Null, &json!(2)),
        "a node and its action: {made}"
    );
    test.end().await;
}

/// Orders wait until they are paid; a birthday is an event, and every minute has a greeting.
fn club() -> Value {
    let say = |id: &str, text: &str| json!({ "id": id, "kind": "say", "config": { "text": text }, "exits": [{ "id": "next" }] });
    json!({
        "format": 1, "bot": { "id": "club", "language": "en" },
        "flows": [
            { "id": "order", "entry": "ask", "nodes": [
                { "id": "ask", "kind": "say", "config": { "text": "Please pay." }, "exits": [{ "id": "next", "to": "wait" }] },
                { "id": "wait", "kind": "wait", "config": { "event": "paid", "save": "payment" }, "exits": [{ "id": "event", "to": "thanks" }] },
                { "id": "thanks", "kind": "say", "config": { "text": "Thank you, payment {{ payment.number }} has come." }, "exits": [{ "id": "next", "to": "end" }] },
                { "id": "end", "kind": "end", "config": { "outcome": "sold" } } ] },
            { "id": "birthday", "entry": "s", "params": ["age"], "nodes": [say("s", "Happy birthday, {{ age }}!")] },
            { "id": "greeting", "entry": "s", "nodes": [say("s", "Hello again.")] },
        ],
        "triggers": [
            { "id": "order", "on": { "keyword": { "words": ["order"] } }, "flow": "order" },
            { "id": "birthday", "on": { "event": "birthday" }, "flow": "birthday" },
            { "id": "minute", "on": { "schedule": { "cron": "* * * * *", "tags": ["vip"] } }, "flow": "greeting" },
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_outside_start_flows_and_end_waits_once() {
    let test = TestApp::start().await;
    let mut definition = club();
    definition["triggers"].as_array_mut().unwrap().pop();
    test.publish("club", definition).await;
    let birthday = json!({ "name": "birthday", "data": { "age": 30 }, "id": "b1" });
    // She did not agree; and to have ordered is no more than to wait for the payment.
    let (status, error) = test.tell(birthday.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    assert!(error["message"].as_str().unwrap().contains("record a consent"), "{error}");
    test.say("order").await;
    test.shown(1).await;
    assert_eq!(test.tell(birthday.clone()).await.0, StatusCode::CONFLICT);
    let paid = json!({ "name": "paid", "data": { "number": 7 }, "id": "p1" });
    let (status, told) = test.tell(paid.clone()).await;
    assert_eq!((status, &told["outcome"]), (StatusCode::OK, &json!("answered")), "{told}");
    assert_eq!(told["conversation"]["chatbotId"], "club", "{told}");
    assert_eq!(test.shown(2).await, ["Please pay.", "Thank you, payment 7 has come."]);
    assert_eq!(test.tell(paid).await.1["outcome"], "again");

    test.knows_ada(true).await;
    assert_eq!(test.tell(birthday.clone()).await.1["outcome"], "answered");
    assert_eq!(test.tell(birthday).await.1["outcome"], "again");
    assert_eq!(test.shown(3).await[2], "Happy birthday, 30!");
    assert_eq!(test.tell(json!({ "name": "nothing" })).await.1["outcome"], "nobody");
    for (event, expected) in [
        (json!({ "name": "birthday", "sessionId": "nobody" }), StatusCode::NOT_FOUND),
        (json!({ "name": "birthday", "sessionId": "a b" }), StatusCode::BAD_REQUEST),
        (json!({ "name": "birthday", "to": "12036304@g.us" }), StatusCode::BAD_REQUEST),
        (json!({ "name": "" }), StatusCode::BAD_REQUEST),
        (json!({ "name": "birthday", "id": "" }), StatusCode::BAD_REQUEST),
    ] {
        let (status, error) = test.tell(event).await;
        assert_eq!(status, expected, "{error}");
    }
    let analytics = test.done("GET", "/api/chatbots/club/analytics", None).await;
    let triggered = json!({ "total": 2, "byTrigger": { "order": 1, "birthday": 1 }, "otherwise": 0 });
    assert_eq!(analytics["triggered"], triggered, "{analytics}");
    let ended = json!({ "total": 2, "byOutcome": { "sold": 1, "completed": 1 } });
    assert_eq!(analytics["ended"], ended, "{analytics}");
    let nodes = analytics["nodes"].as_array().unwrap();
    let wait = nodes.iter().find(|node| node["node"] == "order/wait").unwrap();
    assert_eq!((&wait["entered"], &wait["left"], &wait["dropped"]), (&json!(1), &json!(1), &json!(0)));
    assert!(wait["millis"].as_u64().unwrap() > 0, "{wait}");
    test.say("order").await;
    test.shown(4).await;
    test.done("POST", &format!("/api/sessions/me/conversations/{ADA}/takeover"), None).await;
    assert_eq!(test.tell(json!({ "name": "paid" })).await.0, StatusCode::CONFLICT, "a person has the chat");
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_writes_to_those_who_agreed_and_a_stop_ends_it_all() {
    let test = TestApp::start().await;
    let mut definition = club();
    let schedule = definition["triggers"][2]["on"]["schedule"].take();
    definition["triggers"][2]["on"]["schedule"] = json!({ "cron": "* * * * *" });
    let made =
        test.done("POST", "/api/chatbots", Some(json!({ "id": "nobody", "definition": definition }))).await;
    let findings = made["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "E019"), "{made}");
    definition["triggers"][2]["on"]["schedule"] = schedule;

    test.knows_ada(true).await;
    test.say("hello").await;
    test.chats(1).await;
    // As if it had last looked two minutes ago: times are due, and the last of them is for her.
    let progress = json!({ "minute": { "times": "* * * * * UTC", "last": now_millis() - 120_000 } });
    let mut changes = Changes::new(WorkspaceId::default());
    let value = progress.to_string().into_bytes().into();
    changes.push(SettingChange::Put { name: schedule_setting("club"), value });
    test.app.store.commit(changes).await.unwrap();
    test.publish("club", definition).await;
    assert_eq!(test.shown(1).await[0], "Hello again.");
    let analytics = test.done("GET", "/api/chatbots/club/analytics", None).await;
    assert!(analytics["triggered"]["byTrigger"]["minute"].as_u64().unwrap() >= 1, "{analytics}");
    test.app.shutdown().await;

    let (workspace, now) = (WorkspaceId::default(), now_millis());
    for lease in ["ears/bots", "bots/schedules"] {
        let taken = test.app.store.acquire_lease(&workspace, lease, "another", now, now + 1).await.unwrap();
        assert!(taken.is_some(), "{lease} was given back");
    }
}
