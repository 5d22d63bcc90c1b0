//! What bots hear and say besides text, over the encrypted path: files, buttons and lists, and every content that can be sent.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use clap::Parser;
use host_http::{app::App, config::Cli, router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use whatsapp_core::{jid::Jid, sim::Shown};
use whatsapp_store::Content;

const PATIENCE: Duration = Duration::from_secs(60);
const ADA: &str = "4917604069010";

struct TestApp {
    app: App,
    router: Router,
    own: String,
    _data: TempDir,
}

impl TestApp {
    /// A host with a bot that follows a definition, and these flags.
    async fn start(definition: Value, flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = ["host-http", "--sandbox", "--data-dir", data.path().to_str().unwrap()];
        let options = options.iter().chain(flags);
        let app = App::start(&Cli::parse_from(options).host).await.unwrap();
        let mut test = Self { router: router(app.clone()), app, own: String::new(), _data: data };
        test.done("POST", "/api/sessions", Some(json!({ "id": "me" }))).await;
        let session = test.done("POST", "/api/sessions/me/sandbox-link", None).await;
        test.own = session["jid"].as_str().unwrap().split([':', '@']).next().unwrap().to_owned();
        test.done("POST", "/api/chatbots", Some(json!({ "id": "bot", "definition": definition }))).await;
        test.done("POST", "/api/chatbots/bot/publish", None).await;
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

    /// Ada sends something from her phone; gives its id.
    async fn says(&self, content: Value) -> String {
        let content: Content = serde_json::from_value(content).unwrap();
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        simulator.send_content_as(ADA, &Jid::pn(&self.own), content).await.unwrap()
    }

    /// Ada taps on a choice of the last message that her phone shows.
    async fn taps(&self, choice: &str) -> String {
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        let menu = self.inbox().await.pop().unwrap();
        simulator.tap(ADA, &menu.id, choice).await.unwrap()
    }

    /// What Ada's phone shows of others.
    async fn inbox(&self) -> Vec<Shown> {
        let inbox = self.app.sandbox.as_ref().unwrap().simulator().inbox(ADA).await.unwrap();
        inbox.messages.into_iter().filter(|message| !message.from_me).collect()
    }

    /// The same as JSON, once it is so much.
    async fn shown(&self, count: usize) -> Vec<Value> {
        let mut shown = Vec::new();
        let waiting = async {
            while shown.len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
                shown = self.inbox().await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{shown:?}");
        shown.iter().map(|message| serde_json::to_value(&message.content).unwrap()).collect()
    }

    async fn end(self) {
        self.app.bots.shutdown();
        self.app.campaigns.shutdown().await;
        self.app.sessions.shutdown().await;
    }
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn image(mime: &str) -> Value {
    json!({ "type": "media", "kind": "image", "mime": mime, "size": 4321, "caption": "my cat" })
}

fn say(id: &str, text: &str) -> Value {
    json!({ "id": id, "kind": "say", "config": { "text": text }, "exits": [{ "id": "next" }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn files_start_flows_and_answer_questions() {
    let test = TestApp::start(
        json!({
            "format": 1, "bot": { "id": "bot", "language": "en" },
            "flows": [
                { "id": "seen", "entry": "a", "nodes": [
                    say("a", "A {{ input.kind }} of {{ input.mime }}, {{ input.size }} bytes: {{ input.text }}") ] },
                { "id": "claim", "entry": "ask", "nodes": [
                    { "id": "ask", "kind": "ask", "config": { "text": "Your bill as a PDF?", "save": "bill",
                        "answer": { "file": { "kinds": ["document"], "mimes": ["application/pdf"], "maxBytes": 10000 } },
                        "retries": { "max": 3, "say": "A PDF, please." } },
                      "exits": [{ "id": "ok", "to": "got" }, { "id": "invalid" }] },
                    say("got", "{{ bill.name }}, {{ bill.size }} bytes, {{ bill.caption }}, {{ bill.reference }}") ] },
                { "id": "spoken", "entry": "a", "nodes": [say("a", "I cannot listen.")] },
                { "id": "word", "entry": "a", "nodes": [say("a", "A word under a picture is one.")] }
            ],
            "triggers": [
                { "id": "claim", "on": { "keyword": { "words": ["claim"] } }, "flow": "claim" },
                { "id": "word", "on": { "keyword": { "words": ["help"] } }, "flow": "word" },
                { "id": "spoken", "on": { "media": ["voice"] }, "flow": "spoken" },
                { "id": "seen", "on": { "media": ["image", "sticker"] }, "flow": "seen" }
            ]
        }),
        &[],
    )
    .await;
    test.says(image("image/jpeg")).await;
    assert_eq!(test.shown(1).await[0], text("A image of image/jpeg, 4321 bytes: my cat"));
    test.says(json!({ "type": "media", "kind": "voice", "mime": "audio/ogg", "size": 9, "seconds": 2 }))
        .await;
    assert_eq!(test.shown(2).await[1], text("I cannot listen."));
    test.says(json!({ "type": "media", "kind": "image", "mime": "image/png", "size": 1, "caption": "Help" }))
        .await;
    assert_eq!(test.shown(3).await[2], text("A word under a picture is one."));

    test.says(text("claim")).await;
    test.shown(4).await;
    for (place, wrong) in [text("here it is"), image("image/jpeg")].into_iter().enumerate() {
        test.says(wrong).await;
        assert_eq!(test.shown(5 + place).await[4 + place], text("A PDF, please."));
    }
    let bill = json!({ "type": "media", "kind": "document", "mime": "application/pdf", "size": 5000,
        "name": "bill.pdf", "caption": "for May" });
    let id = test.says(bill).await;
    assert_eq!(test.shown(7).await[6], text(&format!("bill.pdf, 5000 bytes, for May, {id}")));
    let stored = test.done("GET", "/api/sessions/me/messages?limit=50", None).await;
    let stored = stored["messages"].as_array().unwrap().iter().find(|message| message["id"] == *id).unwrap();
    assert_eq!(
        (&stored["media"]["mime"], &stored["content"]["kind"]),
        (&json!("application/pdf"), &json!("document"))
    );
    assert_eq!(stored["media"]["secret"], Value::Null, "keys stay inside");
    test.end().await;
}

fn sizes(style: &str, options: usize) -> Value {
    let options: Vec<_> =
        (1..=options).map(|n| json!({ "id": format!("s{n}"), "label": format!("Size {n}") })).collect();
    json!({
        "format": 1, "bot": { "id": "bot", "language": "en" },
        "flows": [{ "id": "f", "entry": "ask", "nodes": [
            { "id": "ask", "kind": "choose", "config": { "text": "Which size?", "style": style, "options": options, "save": "size" },
              "exits": [{ "id": "chosen", "to": "got" }, { "id": "invalid" }] },
            say("got", "{{ size }} by {{ input.kind }}: {{ input.text }}") ] }],
        "triggers": [{ "id": "any", "on": "anyMessage", "flow": "f" }]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn where_native_menus_are_asked_for_people_tap() {
    for (style, options, kind, heard) in [("auto", 3, "buttons", "button"), ("auto", 5, "list", "list")] {
        let test = TestApp::start(sizes(style, options), &["--native-menus"]).await;
        test.says(text("hi")).await;
        let menu = test.shown(1).await.remove(0);
        assert_eq!((&menu["type"], &menu["text"]), (&json!(kind), &json!("Which size?")), "{menu}");
        test.taps("s2").await;
        assert_eq!(test.shown(2).await[1], text(&format!("s2 by {heard}: Size 2")));
        // A number is an answer to buttons as well.
        test.says(text("hi")).await;
        test.shown(3).await;
        test.says(text("3")).await;
        assert_eq!(test.shown(4).await[3], text("s3 by text: 3"));
        let network = test.app.sandbox.as_ref().unwrap().simulator().unknown_requests().await.unwrap();
        assert_eq!(network, []);
        test.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_are_not_asked_for_menus_are_text() {
    let test = TestApp::start(sizes("buttons", 2), &[]).await;
    test.says(text("hi")).await;
    assert_eq!(test.shown(1).await[0], text("Which size?\n\n1. Size 1\n2. Size 2"));
    test.says(text("2")).await;
    assert_eq!(test.shown(2).await[1], text("s2 by text: 2"));
    test.end().await;
}

/// One of each content that can be said.
fn contents() -> [Value; 6] {
    [
        text("hello"),
        json!({ "type": "location", "latitude": 1.5, "longitude": -2.25, "name": "Shop" }),
        json!({ "type": "contact", "name": "Ann", "vcard": "BEGIN:VCARD\nFN:Ann\nEND:VCARD" }),
        json!({ "type": "poll", "question": "Tea?", "options": ["yes", "no"], "selectable": 1 }),
        json!({ "type": "buttons", "text": "Sure?", "footer": "small", "buttons": [{ "id": "y", "title": "Yes" }] }),
        json!({ "type": "list", "text": "Which?", "button": "Open",
            "sections": [{ "title": "Shoes", "rows": [{ "id": "r", "title": "Red", "description": "size 40" }] }] }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_content_that_can_be_sent_is_said_and_shown() {
    let nodes = contents().into_iter().enumerate().map(|(place, content)| {
        let next = if place + 1 < contents().len() {
            json!({ "id": "next", "to": format!("n{}", place + 1) })
        } else {
            json!({ "id": "next" })
        };
        json!({ "id": format!("n{place}"), "kind": "say", "config": { "content": content }, "exits": [next] })
    });
    let definition = json!({
        "format": 1, "bot": { "id": "bot", "language": "en" },
        "flows": [{ "id": "f", "entry": "n0", "nodes": nodes.collect::<Vec<_>>() }],
        "triggers": [{ "id": "go", "on": { "keyword": { "words": ["go"] } }, "flow": "f" }]
    });
    for (flags, spelled) in [(&["--native-menus"][..], false), (&[], true)] {
        let test = TestApp::start(definition.clone(), flags).await;
        test.says(text("go")).await;
        let mut expected = contents();
        if spelled {
            expected[4] = text("Sure?\n\n1. Yes\n\nsmall");
            expected[5] = text("Which?\n\n1. Red – size 40");
        }
        assert_eq!(test.shown(6).await, expected);
        test.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_with_what_is_in_the_way() {
    let test = TestApp::start(sizes("numbers", 2), &[]).await;
    let refused = |content: Value| {
        let body = Some(json!({ "to": ADA, "content": content }));
        test.call("POST", "/api/sessions/me/messages", body)
    };
    let (status, error) = refused(json!({ "type": "poll", "question": "?", "options": ["a", "a"] })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(error["message"].as_str().unwrap().contains("`options`"), "{error}");
    let mut definition = sizes("numbers", 2);
    definition["flows"][0]["nodes"][1]["config"] =
        json!({ "content": { "type": "reaction", "emoji": "x", "message_id": "1" } });
    test.done("PUT", "/api/chatbots/bot", Some(json!({ "definition": definition }))).await;
    let (status, error) = test.call("POST", "/api/chatbots/bot/publish", None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("E018") && message.contains("f/got/content"), "{error}");
    test.end().await;
}
