//! The program as it is started: flags, signals, restarts.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host-http"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn fails(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = program(arguments).output().unwrap();
    assert!(!status.success(), "{arguments:?}");
    String::from_utf8(stderr).unwrap()
}

/// A running program and the line of JSON that it printed.
fn start(arguments: &[&str]) -> (Child, Value) {
    start_command(program(arguments))
}

fn start_command(mut command: Command) -> (Child, Value) {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

fn terminate(mut child: Child) {
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success(), "SIGTERM ends it with 0");
}

#[test]
fn wrong_flags_say_what_is_wrong() {
    assert!(fails(&["--sandbx"]).contains("--sandbox"), "a near miss is named");
    assert!(fails(&["--listen", "nowhere"]).contains("--listen"));
    assert!(fails(&["--trust-root", "12"]).contains("64 hexadecimal digits"));
    for wrong in
        ["", "http://x", "https://web.whatsapp.com", "web.whatsapp.com", "ws://", "wss:///x", "ws:/x"]
    {
        assert!(fails(&["--server-url", wrong]).contains("wss://"), "{wrong}");
    }
    // Zero would delete everything at once.
    assert!(fails(&["--keep-messages-days", "0"]).contains("--keep-messages-days"));
    assert!(fails(&["--keep-events-days", "0"]).contains("--keep-events-days"));
    let data = tempfile::tempdir().unwrap();
    let directory = data.path().to_str().unwrap();
    let free = ["--listen", "127.0.0.1:0", "--data-dir", directory];
    assert!(fails(&[&free[..], &["--database-url", "mysql://x"]].concat()).contains("memory:"));
    assert!(fails(&[&free[..], &["--tls-ca", "/nonexistent.pem"]].concat()).contains("/nonexistent.pem"));
    let text = data.path().join("text.db");
    std::fs::write(&text, "this is no database, but it is long enough to be looked at as one").unwrap();
    let url = format!("sqlite://{}", text.display());
    let error = fails(&[&free[..], &["--database-url", &url]].concat());
    assert!(error.contains("cannot open the database") && error.contains("cannot be understood"), "{error}");
    assert!(error.starts_with("error: ") && error.lines().count() == 1, "{error}");
    let error = fails(&[&free[..], &["--storage-key-file", "/nonexistent.key"]].concat());
    assert!(error.contains("/nonexistent.key") && error.contains("storage keys"), "{error}");
    let nowhere = ["--database-url", "postgres://nobody@127.0.0.1:1/none"];
    let error = fails(&[&free[..], &nowhere].concat());
    assert!(
        error.contains("cannot open the database") && error.contains("check its path or address"),
        "{error}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(fails(&["--listen", &address, "--data-dir", directory]).contains("is it in use?"));
}

#[test]
fn a_sealed_database_asks_for_its_key() {
    let data = tempfile::tempdir().unwrap();
    let path = |name: &str| data.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("right"), "5a".repeat(32)).unwrap();
    std::fs::write(path("wrong"), "a5".repeat(32)).unwrap();
    let directory = path("data");
    // Nothing that it could connect to: the database is what matters.
    let plain = ["--listen", "127.0.0.1:0", "--data-dir", &directory, "--server-url", "ws://127.0.0.1:1/"];
    let with = |name: &str| [&plain[..], &["--storage-key-file", &path(name)]].concat().join("\n");
    for _ in 0..2 {
        terminate(start(&with("right").split('\n').collect::<Vec<_>>()).0);
    }
    for wrong in [with("wrong"), plain.join("\n")] {
        let error = fails(&wrong.split('\n').collect::<Vec<_>>());
        assert!(error.contains("give the key that it was written with"), "{error}");
        assert!(!error.contains("5a5a"), "{error}");
    }
}

#[test]
fn sandbox_starts_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--sandbox", "--listen", "127.0.0.1:0", "--data-dir", data.path().to_str().unwrap()];
    for _ in 0..2 {
        let (child, line) = start(&arguments);
        assert!(line["listening"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        terminate(child);
        assert!(Path::new(&data.path().join("sandbox.db")).exists());
    }
}

/// It would log real accounts in at the simulated network, which does not know them.
#[test]
fn the_sandbox_takes_no_other_database() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", data.path().join("real.db").display());
    let sandbox = ["--sandbox", "--listen", "127.0.0.1:0", "--data-dir", data.path().to_str().unwrap()];
    let error = fails(&[&sandbox[..], &["--database-url", &url]].concat());
    assert!(error.contains("DATABASE_URL"), "{error}");
    let Output { status, .. } = program(&sandbox).env("DATABASE_URL", &url).output().unwrap();
    assert!(!status.success());
    assert!(!data.path().join("real.db").exists());
}

#[test]
fn two_hosts_do_not_share_a_data_folder() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = ["--sandbox", "--listen", "localhost:0", "--data-dir", data.path().to_str().unwrap()];
    let (child, line) = start(&sandbox);
    assert!(line["listening"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
    for other in [
        &sandbox[..],
        &["--listen", "localhost:0", "--data-dir", sandbox[4], "--server-url", "ws://127.0.0.1:1/"],
    ] {
        let error = fails(other);
        assert!(error.contains(&child.id().to_string()) && error.contains("--data-dir"), "{error}");
    }
    assert!(data.path().join("sandbox.db").exists(), "the running one's database stays");
    terminate(child);
    terminate(start(&sandbox).0);
}

#[test]
fn the_simulator_says_where_it_is() {
    let (child, line) = start(&["simulator", "--seed", "1"]);
    assert!(line["url"].as_str().unwrap().starts_with("ws://127.0.0.1:"));
    assert_eq!(line["trustRoot"].as_str().unwrap().len(), 64);
    terminate(child);
    let (child, line) = start(&["simulator", "--tls"]);
    assert!(line["url"].as_str().unwrap().starts_with("wss://127.0.0.1:"));
    assert!(line["certificate"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    terminate(child);
}

#[test]
fn every_flag_is_an_environment_variable() {
    let data = tempfile::tempdir().unwrap();
    for yes in ["1", "true"] {
        let mut command = program(&[]);
        command.env("SANDBOX", yes).env("LISTEN", "127.0.0.1:0").env("DATA_DIR", data.path());
        let (child, line) = start_command(command);
        assert!(line["listening"].is_string());
        terminate(child);
        assert!(data.path().join("sandbox.db").exists());
    }
    for (name, wrong, told) in [
        ("SANDBOX", "perhaps", "--sandbox"),
        ("LISTEN", "x", "--listen"),
        ("DATABASE_URL", "mysql://x", "memory:"),
        ("TRUST_ROOT", "12", "64 hexadecimal digits"),
        ("TLS_CA", "/nonexistent.pem", "/nonexistent.pem"),
    ] {
        let mut command = program(&[]);
        command.env("LISTEN", "127.0.0.1:0").env("DATA_DIR", data.path()).env(name, wrong);
        let Output { status, stderr, .. } = command.output().unwrap();
        assert!(!status.success() && String::from_utf8_lossy(&stderr).contains(told), "{name}");
    }
}
