//! The guides are true: the commands of the README and of the quickstart do what they say, in the order in which a reader
//! pastes them, and the examples of the API are understood.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use clap::Parser;
use host_http::{app::App, config::Cli, router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use whatsapp_core::sim::runtime::Simulator;

/// How long the answer of a simulated person may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One `curl` of a guide.
#[derive(Debug, Default)]
struct Curl {
    method: Option<String>,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// Where the answer goes.
    file: Option<String>,
    /// What is sent.
    upload: Option<String>,
    endless: bool,
}

/// The `curl` commands of the shell blocks before the part that needs a real phone.
fn commands(guide: &str) -> Vec<Curl> {
    let (sandbox, _) = guide.split_once("## With your own phone").expect("the guide has that part");
    let blocks = sandbox.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let script: String = blocks.collect::<String>().replace("\\\n", " ");
    script.lines().filter(|line| line.starts_with("curl ")).map(curl).collect()
}

fn curl(line: &str) -> Curl {
    let mut words = words(line).into_iter().skip(1);
    let mut curl = Curl::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => curl.method = words.next(),
            "-d" => curl.body = words.next(),
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                curl.headers.push((name.to_owned(), value.to_owned()));
            }
            "-N" => curl.endless = true,
            "-o" => curl.file = words.next(),
            "--data-binary" => {
                curl.method = Some("POST".to_owned());
                curl.upload = words.next().and_then(|file| file.strip_prefix('@').map(str::to_owned));
            }
            url => curl.path = url.strip_prefix("localhost:8000").expect(line).to_owned(),
        }
    }
    curl
}

/// Words of a command line with single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

async fn run(router: &Router, curl: Curl) -> String {
    let method =
        curl.method.clone().unwrap_or_else(|| if curl.body.is_some() { "POST" } else { "GET" }.to_owned());
    let mut request = Request::builder().method(method.as_str()).uri(&curl.path);
    for (name, value) in &curl.headers {
        request = request.header(name, value);
    }
    let request = request.body(curl.body.clone().map_or_else(Body::empty, Body::from)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    if curl.endless {
        assert!(status.is_success(), "{curl:?}: {status}");
        return String::new();
    }
    let answer = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    assert!(status.is_success(), "{curl:?}: {status} {answer}");
    answer
}

async fn sandbox() -> (App, Router, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let cli = Cli::parse_from(["host-http", "--sandbox", "--data-dir", data.path().to_str().unwrap()]);
    let app = App::start(&cli.host).await.unwrap();
    (app.clone(), router(app), data)
}

async fn follow(guide: &str, at_least: usize) {
    let (app, router, _data) = sandbox().await;
    let commands = commands(guide);
    assert!(commands.len() >= at_least, "{commands:?}");
    for command in commands {
        run(&router, command).await;
    }
    let answered = async {
        loop {
            let list = run(&router, curl("curl localhost:8000/api/sessions/me/messages")).await;
            if list.contains("echo: hello") && list.contains(r#""status":"read""#) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("the answer never came");
    app.sessions.shutdown().await;
}

/// The examples of the block of JSON that follows a phrase of the API's guide, one a line.
fn examples(phrase: &str) -> Vec<Value> {
    let guide = include_str!("../../docs/guides/http-api.md");
    let (_, rest) = guide.split_once(phrase).expect("the guide has the phrase");
    let block = rest.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn post(path: &str, body: &Value) -> Curl {
    Curl {
        method: Some("POST".to_owned()),
        path: path.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some(body.to_string()),
        ..Curl::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_content_can_be_sent() {
    let (app, router, _data) = sandbox().await;
    run(&router, post("/api/sessions", &json!({ "id": "me" }))).await;
    run(&router, post("/api/sessions/me/sandbox-link", &Value::Null)).await;
    let contents = examples("`content` has a `type`");
    assert_eq!(contents.len(), 6);
    for content in contents {
        let accepted = run(
            &router,
            post("/api/sessions/me/messages", &json!({ "to": "15550000003", "content": content })),
        )
        .await;
        let id = serde_json::from_str::<Value>(&accepted).unwrap()["id"].clone();
        // It arrived, and is in the list as it was given.
        let read = async {
            loop {
                let list: Value = serde_json::from_str(
                    &run(&router, curl("curl localhost:8000/api/sessions/me/messages")).await,
                )
                .unwrap();
                let messages = list["messages"].as_array().unwrap();
                let message = messages.iter().find(|message| message["id"] == id).unwrap();
                assert_eq!(message["content"], content);
                if message["status"] == "read" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("it was never read");
    }
    app.sessions.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_understood() {
    let simulator = Simulator::start(1);
    let router = host_http::simulator::router(simulator.clone());
    let faults = examples("Faults, with devices");
    assert_eq!(faults.len(), 14);
    for fault in faults {
        let request = Request::post("/admin/faults").header("content-type", "application/json");
        let response =
            router.clone().oneshot(request.body(Body::from(fault.to_string())).unwrap()).await.unwrap();
        let status = response.status();
        let answer =
            String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        // There is nobody: a fault of a device or a person is understood and has no effect.
        let nobody = ["there is no device", "no simulated person"].iter().any(|text| answer.contains(text));
        assert!(status.is_success() || nobody, "{fault}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readme() {
    follow(include_str!("../../README.md"), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quickstart() {
    follow(include_str!("../../docs/guides/quickstart.md"), 14).await;
}

/// The commands of the campaigns' guide, with its files in memory; then everybody has read it.
#[tokio::test(flavor = "multi_thread")]
async fn campaigns() {
    let (app, router, _data) = sandbox().await;
    let guide = include_str!("../../docs/guides/campaigns.md")
        .replace("## What there is to decide", "## With your own phone");
    let mut files = std::collections::HashMap::new();
    let mut count = 0;
    for mut command in commands(&guide) {
        count += 1;
        let file = command.file.take();
        if let Some(name) = command.upload.take() {
            command.body = files.get(&name).cloned();
        }
        let answer = run(&router, command).await;
        files.extend(file.map(|name| (name, answer)));
    }
    assert!(count >= 10, "{count}");
    let done = async {
        loop {
            let progress = run(&router, curl("curl localhost:8000/api/campaigns/spring/progress")).await;
            let progress: Value = serde_json::from_str(&progress).unwrap();
            if progress["counts"]["read"] == 200
                && progress["flags"] == json!({ "replied": 2, "opted_out": 1 })
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, done).await.expect("not everybody has read it");
    app.campaigns.shutdown().await;
    app.sessions.shutdown().await;
}

/// The commands of the chatbots' guide; each sentence to the bot waits for the answer to the one before, as a reader would.
#[tokio::test(flavor = "multi_thread")]
async fn chatbots() {
    let (app, router, _data) = sandbox().await;
    let guide = include_str!("../../docs/guides/chatbots.md")
        .replace("## What there is to build with", "## With your own phone");
    let phone = "curl localhost:8000/api/sandbox/people/4917604069010/messages";
    let (mut count, mut said) = (0, 0);
    for command in commands(&guide) {
        count += 1;
        let answers = match (&*command.path, &command.body) {
            (path, Some(body)) if path.ends_with("/messages") => 1 + usize::from(body.contains("ana@")),
            (path, _) if path.ends_with("/release") => 1,
            _ => 0,
        };
        let is_chat = command.path.ends_with("/test");
        let answer = run(&router, command).await;
        if is_chat {
            let report: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(report["differences"], json!([]), "{report}");
        }
        said += answers;
        let answered = async {
            loop {
                let shown: Value = serde_json::from_str(&run(&router, curl(phone)).await).unwrap();
                if shown["messages"].as_array().unwrap().len() >= said {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("the bot never answered");
    }
    assert!(count >= 12, "{count}");
    let whole = [
        "Which size?\n\n1. Small\n2. Large",
        "Your e-mail?",
        "Customer 11, size l goes to ana@example.org.",
        "Somebody will be with you.",
        "Hello, this is Bob.",
        "Thank you, goodbye.",
    ];
    let shown = async {
        loop {
            let shown: Value = serde_json::from_str(&run(&router, curl(phone)).await).unwrap();
            let texts: Vec<_> =
                shown["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
            if texts.len() >= whole.len() {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, shown).await.expect("not all was said"), whole);
    app.bots.shutdown();
    app.sessions.shutdown().await;
}

/// Nothing that a bot may have is left out of the guide.
#[test]
fn the_guide_to_chatbots_has_all_kinds_and_codes() {
    let guide = include_str!("../../docs/guides/chatbots.md");
    for kind in whatsapp_bots::nodes::Kind::NAMES {
        assert!(
            guide.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{kind}`"))),
            "{kind}"
        );
    }
    for code in whatsapp_bots::Code::ALL {
        assert!(guide.contains(&format!("| {code} | ")), "{code}");
    }
}
