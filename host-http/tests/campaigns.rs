//! A campaign in the sandbox, over the encrypted path: 200 people, read receipts, replies, one STOP.
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
use whatsapp_core::sim::Behaviour;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(90);
const CONSENT: &str = "consentScope=marketing&consentSource=form:spring&consentAt=1780000000000&consentEvidence=https://example.org/form";

struct TestApp {
    app: App,
    router: Router,
    _data: TempDir,
}

impl TestApp {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let cli = Cli::parse_from(["host-http", "--sandbox", "--data-dir", data.path().to_str().unwrap()]);
        let app = App::start(&cli.host).await.unwrap();
        let test = Self { router: router(app.clone()), app, _data: data };
        assert_eq!(test.post("/api/sessions", Some(json!({ "id": "me" }))).await.0, StatusCode::CREATED);
        assert_eq!(test.post("/api/sessions/me/sandbox-link", None).await.0, StatusCode::OK);
        test
    }

    async fn text(&self, method: &str, path: &str, kind: &str, body: String) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let (status, text) = self.text(method, path, "application/json", body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.call("POST", path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call("GET", path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    /// Polls until the condition holds; the deadline is far away.
    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let polled = async {
            loop {
                last = self.get(path).await;
                if holds(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, polled).await;
        assert!(outcome.is_ok(), "it never came about: {last}");
        last
    }

    async fn end(self) {
        self.app.campaigns.shutdown().await;
        self.app.sessions.shutdown().await;
    }
}

fn spring() -> Value {
    json!({ "id": "spring", "name": "Spring", "settings": {
        "senders": ["me"],
        "content": {
            "category": "marketing",
            "variables": { "name": { "type": "text", "missing": { "policy": "skip" } } },
            "variants": [{ "name": "a", "content": { "type": "text",
                "text": "Hello {{ name }}, spring is here. Reply STOP to unsubscribe." } }]
        },
        "timing": { "schedule": { "type": "once", "at": 1_780_000_000_000_i64 }, "quietHours": null },
        "newConversations": true
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_read_it_two_answer_and_one_wants_no_more() {
    let test = TestApp::start().await;
    let (status, made) = test.post("/api/campaigns", Some(spring())).await;
    assert_eq!(
        (status, &made["state"], &made["key"]),
        (StatusCode::CREATED, &json!("draft"), &Value::Null),
        "{made}"
    );
    let (_, file) = test.text("GET", "/api/sandbox/recipients.csv", "", String::new()).await;
    let (status, frozen) = test
        .text(
            "POST",
            &format!("/api/campaigns/spring/recipients?{CONSENT}"),
            "text/csv",
            file + "12,Nobody\n",
        )
        .await;
    let frozen: Value = serde_json::from_str(&frozen).unwrap();
    assert_eq!(
        (status, &frozen["recipients"], &frozen["rows"]),
        (StatusCode::OK, &json!(200), &json!(201)),
        "{frozen}"
    );
    let (_, rejects) = test.text("GET", "/api/campaigns/spring/rejects", "", String::new()).await;
    assert!(rejects.contains("202,12,"), "{rejects}");
    let preview = test.get("/api/campaigns/spring/preview?count=3").await;
    assert!(preview[2]["contents"][0]["text"].as_str().unwrap().starts_with("Hello Customer "));

    let (status, refused) = test.post("/api/campaigns/spring/start", None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(refused["message"].as_str().unwrap().contains("dry run"), "{refused}");
    let (status, plan) = test.post("/api/campaigns/spring/dry-run", None).await;
    assert_eq!((status, &plan["counts"]["rows"]), (StatusCode::OK, &json!(200)), "{plan}");
    assert_eq!(plan["excluded"], json!({ "invalid_number.too_short": 1 }));
    assert_eq!(test.post("/api/campaigns/spring/start", None).await.0, StatusCode::OK);

    let done = test
        .until("/api/campaigns/spring/progress", |progress| {
            progress["state"] == "finished"
                && progress["counts"]["read"] == 200
                && progress["flags"]["replied"] == 2
                && progress["flags"]["opted_out"] == 1
        })
        .await;
    assert_eq!((&done["state"], &done["left"]), (&json!("finished"), &json!(0)), "{done}");
    let (_, csv) = test.text("GET", "/api/campaigns/spring/export", "", String::new()).await;
    assert_eq!((csv.lines().count(), csv.matches(",read,").count()), (201, 200));
    // One message each, and nobody two of them.
    let ledger = test.app.sandbox.as_ref().unwrap().ledger().await.unwrap();
    let theirs: Vec<_> = ledger.iter().filter(|entry| csv.contains(&entry.id)).collect();
    assert!(theirs.len() == 200 && theirs.iter().all(|entry| entry.shown == 1), "{}", theirs.len());

    // Whoever said STOP is told once that it was heard, and is in no other campaign.
    let stopped = "4917604069002";
    test.until(&format!("/api/sessions/me/messages?chat={stopped}"), |list| {
        list["messages"].as_array().unwrap().iter().any(|message| {
            message["content"]["text"] == "You will get no more messages from us."
                && message["fromMe"] == true
        })
    })
    .await;
    let mut again = spring();
    again["id"] = json!("again");
    test.post("/api/campaigns", Some(again)).await;
    let (_, file) = test.text("GET", "/api/sandbox/recipients.csv", "", String::new()).await;
    let (_, frozen) =
        test.text("POST", &format!("/api/campaigns/again/recipients?{CONSENT}"), "text/csv", file).await;
    let frozen: Value = serde_json::from_str(&frozen).unwrap();
    assert_eq!(
        (&frozen["recipients"], &frozen["refused"]["suppressed"]),
        (&json!(199), &json!(1)),
        "{frozen}"
    );
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said() {
    let test = TestApp::start().await;
    let mut wrong = spring();
    wrong["settings"]["spintax"] = json!(1);
    let (status, error) = test.post("/api/campaigns", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["message"].as_str().unwrap().contains("spintax"), "{error}");
    let mut wrong = spring();
    wrong["settings"]["senders"] = json!(["nobody"]);
    let (status, error) = test.post("/api/campaigns", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["message"].as_str().unwrap().contains("no session nobody"), "{error}");
    let mut wrong = spring();
    wrong["settings"]["content"]["variants"][0]["content"]["text"] = json!("Buy now");
    let (status, error) = test.post("/api/campaigns", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "marketing says how to stop it: {error}");
    test.post("/api/campaigns", Some(spring())).await;
    let (status, error) =
        test.text("POST", "/api/campaigns/spring/recipients", "text/csv", "phone\n1\n".into()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error.contains("consentScope"), "no file without a consent: {error}");
    for (path, expected) in [
        ("/api/campaigns/none/progress", StatusCode::NOT_FOUND),
        ("/api/campaigns/none/export", StatusCode::NOT_FOUND),
        ("/api/campaigns/spring/preview", StatusCode::CONFLICT),
    ] {
        assert_eq!(test.call("GET", path, None).await.0, expected, "{path}");
    }
    for step in ["pause", "resume"] {
        assert_eq!(test.post(&format!("/api/campaigns/spring/{step}"), None).await.0, StatusCode::CONFLICT);
    }
    let sender = test.get("/api/sessions/me/campaign-sender").await;
    assert_eq!((&sender["perMinute"], &sender["stopped"]), (&json!(1200), &Value::Null));
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_says_what_it_is_and_leaves_the_earlier_recipients() {
    let test = TestApp::start().await;
    test.post("/api/campaigns", Some(spring())).await;
    let path = format!("/api/campaigns/spring/recipients?{CONSENT}");
    let file = "phone;name\n+4917604069010;Ada\n".to_owned();
    let (status, taken) = test.text("POST", &path, "text/csv", file.clone()).await;
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert_eq!(
        (status, &taken["encoding"], &taken["sample"][1][1]),
        (StatusCode::OK, &json!("UTF-8"), &json!("Ada"))
    );
    let shown = test.get("/api/campaigns/spring").await;
    assert!(!shown.to_string().contains("Ada"), "rows of people are not part of a campaign: {shown}");

    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nphone\r\n--x--\r\n";
    for (kind, body, expected) in [
        ("multipart/form-data; boundary=x", form, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/octet-stream", form, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", "[]", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "[{\"phone\":\"+4917604069010\"}]", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "<!doctype html><html></html>", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "%PDF-1.7", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "\u{89}PNG\r\n\0\0", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "PK\u{3}\u{4}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("text/csv", "", StatusCode::BAD_REQUEST),
        ("text/csv", "telephone\n+4917604069010\n", StatusCode::BAD_REQUEST),
        ("text/csv", "phone\n12\n", StatusCode::BAD_REQUEST),
    ] {
        let (status, said) = test.text("POST", &path, kind, body.to_owned()).await;
        assert_eq!(status, expected, "{kind} {body}: {said}");
        assert_eq!(test.get("/api/campaigns/spring/progress").await["recipients"], 1, "{kind} {body}");
    }
    let (status, said) = test.text("POST", &format!("{path}&exclude=nobody"), "text/csv", file.clone()).await;
    assert!(status == StatusCode::BAD_REQUEST && said.contains("`nobody`"), "{said}");
    let (status, said) =
        test.text("POST", &format!("{path}&encoding=klingon"), "text/csv", file.clone()).await;
    assert!(status == StatusCode::BAD_REQUEST && said.contains("encoding"), "{said}");
    let early = path.replace("consentAt=1780000000000", "consentAt=1780000000");
    let (status, said) = test.text("POST", &early, "text/csv", file.clone()).await;
    assert!(status == StatusCode::BAD_REQUEST && said.contains("milliseconds"), "{said}");
    let request = Request::builder()
        .method("POST")
        .uri(&path)
        .header(header::CONTENT_TYPE, "text/csv")
        .header(header::CONTENT_LENGTH, (2_u64 << 30).to_string());
    let response =
        test.router.clone().oneshot(request.body(Body::from(file.clone())).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let broken =
        futures_util::stream::iter([Ok("phone\n+4917604069011\n"), Err(std::io::Error::other("gone"))]);
    let request = Request::builder().method("POST").uri(&path).header(header::CONTENT_TYPE, "text/csv");
    let response =
        test.router.clone().oneshot(request.body(Body::from_stream(broken)).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(test.get("/api/campaigns/spring/progress").await["recipients"], 1);

    let left_out = format!("{path}&exclude=%2B4917604069010");
    let two = "phone,name\n4917604069010,Ada\n+4917604069011,Bob\n".to_owned();
    let (_, taken) = test.text("POST", &left_out, "text/csv", two).await;
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert_eq!((&taken["recipients"], &taken["refused"]["excluded"]), (&json!(1), &json!(1)), "{taken}");
    test.end().await;
}

/// The number of today is written in the file; the accounts were made before the plan moved on.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_a_former_number_get_the_campaign_and_their_reply_counts() {
    let test = TestApp::start().await;
    let simulator = test.app.sandbox.as_ref().unwrap().simulator();
    for (account, says) in [("553187654321", "Great!"), ("5215512345678", "STOP")] {
        let behaviour = Behaviour::Reply { texts: vec![says.to_owned()] };
        simulator.add_person(account, "Bia", behaviour).await.unwrap();
    }
    test.post("/api/campaigns", Some(spring())).await;
    let file = "phone;name\n+55 31 98765-4321;Bia\n+52 55 1234 5678;Lupe\n".to_owned();
    let (status, taken) = test
        .text("POST", &format!("/api/campaigns/spring/recipients?{CONSENT}"), "text/csv", file.clone())
        .await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    assert_eq!(test.post("/api/campaigns/spring/dry-run", None).await.0, StatusCode::OK);
    assert_eq!(test.post("/api/campaigns/spring/start", None).await.0, StatusCode::OK);
    test.until("/api/campaigns/spring/progress", |progress| {
        progress["counts"]["read"] == 2
            && progress["flags"]["replied"] == 1
            && progress["flags"]["opted_out"] == 1
    })
    .await;
    let mut again = spring();
    again["id"] = json!("again");
    test.post("/api/campaigns", Some(again)).await;
    let (_, taken) =
        test.text("POST", &format!("/api/campaigns/again/recipients?{CONSENT}"), "text/csv", file).await;
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert_eq!((&taken["recipients"], &taken["refused"]["suppressed"]), (&json!(1), &json!(1)), "{taken}");
    test.end().await;
}
