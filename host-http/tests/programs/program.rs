//! Started programs, over HTTP.
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore, pki_types::pem::PemObject};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long anything may take; every wait ends with its condition, long before.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A started program, its first line of output, and where its HTTP is.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) line: Value,
    pub(crate) address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let place = line["listening"].as_str().or(line["admin"].as_str()).unwrap();
        let address = place.split('/').nth(2).unwrap().parse().unwrap();
        let tls = line["certificate"].as_str().map(trusting);
        Self { child, line, address, tls }
    }

    pub(crate) fn simulator(arguments: &[&str]) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_host-http")).arg("simulator").args(arguments))
    }

    /// A host for a simulator, told by environment variables as a container would be.
    pub(crate) fn host(simulator: &Self, data: &Path) -> Self {
        Self::node(simulator, data, None)
    }

    /// As [`Program::host`], on a database that others may use too.
    pub(crate) fn node(simulator: &Self, data: &Path, database_url: Option<&str>) -> Self {
        Self::node_with(simulator, data, database_url, &[])
    }

    /// With more options.
    pub(crate) fn node_with(
        simulator: &Self,
        data: &Path,
        database_url: Option<&str>,
        options: &[&str],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-http"));
        command.args(options);
        command.env("LISTEN", "127.0.0.1:0").env("DATA_DIR", data);
        command.env("SERVER_URL", simulator.line["url"].as_str().unwrap());
        command.env("TRUST_ROOT", simulator.line["trustRoot"].as_str().unwrap());
        if let Some(certificate) = simulator.line["certificate"].as_str() {
            let file = data.join("ca.pem");
            std::fs::write(&file, certificate).unwrap();
            command.env("TLS_CA", file);
        }
        if let Some(url) = database_url {
            command.env("DATABASE_URL", url);
        }
        Self::start(&mut command)
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            Some(tls) => {
                exchange(tls.connect("localhost".try_into().unwrap(), stream).await.unwrap(), &request).await
            }
            None => exchange(stream, &request).await,
        }
    }

    /// A call that must succeed.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, text) = self.call(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.json("GET", path, "").await
    }

    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let polled = async {
            loop {
                last = self.get(path).await;
                if holds(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = timeout(PATIENCE, polled).await.is_ok();
        assert!(in_time, "{path} stayed at {last}");
        last
    }

    pub(crate) async fn connected(&self) -> Value {
        self.until("/api/sessions/me", |session| session["status"] == "connected").await
    }

    /// The event stream from its start, until it holds `word`.
    pub(crate) async fn told(&self, path: &str, word: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        let read = async {
            while !String::from_utf8_lossy(&text).contains(word) {
                assert!(stream.read_buf(&mut text).await.unwrap() > 0);
            }
        };
        timeout(PATIENCE, read).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    /// What the others wrote to Ann; nothing came twice or undecipherable.
    pub(crate) async fn received_by_ann(&self) -> Vec<String> {
        let inbox = self.get("/admin/people/15550000042/inbox").await;
        assert_eq!((&inbox["duplicates"], &inbox["failures"]), (&json!(0), &json!(0)), "{inbox}");
        let messages = inbox["messages"].as_array().unwrap().iter();
        messages
            .filter(|message| message["fromMe"] == false)
            .map(|message| text_of(message).to_owned())
            .collect()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "SIGTERM ends it with 0");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
    }
}

fn trusting(pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes TLS without saying so is no matter here: the body has its length.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A schema of its own on the tests' PostgreSQL server, which goes away with the server.
pub(crate) fn fresh_database(name: &str) -> String {
    let url = std::env::var("TEST_POSTGRES_URL").expect(
        "TEST_POSTGRES_URL names a PostgreSQL server that tests may make schemas on; `.ci/run` starts one",
    );
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}schema={name}_{}", std::process::id())
}

pub(crate) fn text_of(message: &Value) -> &str {
    message["content"]["text"].as_str().unwrap()
}
