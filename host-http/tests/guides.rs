//! The commands of the README and of the quickstart do what they say, in the order in which a reader pastes them.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use clap::Parser;
use host_http::{app::App, config::Cli, router};
use tower::ServiceExt;

/// How long the answer of a simulated person may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One `curl` of a guide.
#[derive(Debug, Default)]
struct Curl {
    method: Option<String>,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
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

async fn follow(guide: &str, at_least: usize) {
    let data = tempfile::tempdir().unwrap();
    let cli = Cli::parse_from(["host-http", "--sandbox", "--data-dir", data.path().to_str().unwrap()]);
    let app = App::start(&cli.host).await.unwrap();
    let router = router(app.clone());
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

#[tokio::test(flavor = "multi_thread")]
async fn readme() {
    follow(include_str!("../../README.md"), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quickstart() {
    follow(include_str!("../../docs/guides/quickstart.md"), 14).await;
}
