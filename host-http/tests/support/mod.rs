//! A host with the simulated network, in process, for the tests of its API.
#![allow(dead_code, reason = "each test program uses a part")]
use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use clap::Parser;
use host_http::{app::App, config::Cli, router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) data: TempDir,
}

impl TestApp {
    /// A sandbox with these flags.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let options = ["host-http", "--sandbox", "--data-dir", data.path().to_str().unwrap()];
        let options = options.iter().chain(flags);
        let app = App::start(&Cli::parse_from(options).host).await.unwrap();
        Self { router: router(app.clone()), app, data }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn text(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: String,
    ) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
        let response = self.send(request.body(Body::from(body)).unwrap()).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let (status, text) = self.text(method, path, "application/json", body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A call that must succeed.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, value) = self.call(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.done("GET", path, None).await
    }

    /// Makes a session and links it. Returns its number.
    pub(crate) async fn linked(&self, id: &str) -> String {
        self.done("POST", "/api/sessions", Some(json!({ "id": id }))).await;
        let session = self.done("POST", &format!("/api/sessions/{id}/sandbox-link"), None).await;
        session["jid"].as_str().unwrap().split([':', '@']).next().unwrap().to_owned()
    }

    /// Asks again and again until the answer is as it should be; the deadline is far away.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let polled = async {
            loop {
                last = self.get(path).await;
                if holds(&last) {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, polled).await.is_ok();
        assert!(in_time, "it never came about: {last}");
        last
    }

    /// What a person's phone shows of others, once it is so much.
    pub(crate) async fn shown(&self, phone: &str, count: usize) -> Vec<String> {
        let mut shown = Vec::new();
        let waiting = async {
            while shown.len() < count {
                tokio::time::sleep(PAUSE).await;
                let ledger = self.app.sandbox.as_ref().unwrap().ledger().await.unwrap();
                let theirs = ledger.into_iter().filter(|entry| entry.phone == phone);
                shown = theirs.filter_map(|entry| entry.text).collect();
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{shown:?}");
        shown
    }

    pub(crate) async fn end(self) {
        self.app.shutdown().await;
    }
}
