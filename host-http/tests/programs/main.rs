//! The host and the simulated network as two programs, over TCP and over TLS: linking, both directions, restarts.
#![allow(clippy::unwrap_used, reason = "tests")]
mod bot_kills;
mod kills;
mod program;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use self::program::{Program, fresh_database, text_of};

/// A simulator with Ann in it, and a host with the linked session `me`.
async fn linked(arguments: &[&str]) -> (Program, Program, TempDir) {
    let simulator = Program::simulator(arguments);
    let data = tempfile::tempdir().unwrap();
    let host = Program::host(&simulator, data.path());
    link(&simulator, &host).await;
    (simulator, host, data)
}

async fn link(simulator: &Program, host: &Program) {
    let ann = json!({ "phone": "15550000042", "name": "Ann", "behaviour": { "kind": "receive" } });
    simulator.json("POST", "/admin/people", &ann.to_string()).await;
    host.json("POST", "/api/sessions", r#"{"id":"me"}"#).await;
    let code = host.get("/api/sessions/me/qr?wait=30").await;
    simulator.json("POST", "/admin/mock-phone/scan-qr", code["qr"].as_str().unwrap()).await;
    host.connected().await;
}

/// Two nodes on one database: one runs the session, the other takes it over when that one ends, with all that was stored
/// and every event.
#[tokio::test]
async fn a_session_runs_on_one_node_and_moves_to_another() {
    let simulator = Program::simulator(&[]);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = fresh_database("host_test");
    let first = Program::node(&simulator, one.path(), Some(&database));
    link(&simulator, &first).await;
    let second = Program::node(&simulator, other.path(), Some(&database));
    let seen = second.get("/api/sessions/me").await;
    assert_eq!(
        (&seen["status"], &seen["observed"]["state"]),
        (&json!("waiting"), &json!("connected")),
        "{seen}"
    );
    let send = r#"{"to":"+1 555 000 0042","text":"one"}"#;
    let (status, refused) = second.call("POST", "/api/sessions/me/messages", send).await;
    assert_eq!(status, 409, "{refused}");
    first.json("POST", "/api/sessions/me/messages", send).await;
    first.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    // What one node does is told by the other.
    let told = second.told("/api/sessions/me/events", "message.delivered").await;
    assert!(told.contains("event: session.qr.generated") && told.contains("event: message.sent"), "{told}");

    // What one node is told, the other does within its next look.
    second.json("POST", "/api/sessions/me/stop", "").await;
    first.until("/api/sessions/me", |session| session["status"] == "stopped").await;
    first.json("POST", "/api/sessions/me/start", "").await;
    first.connected().await;

    first.terminate();
    second.connected().await;
    second.json("POST", "/api/sessions/me/messages", &send.replace("one", "two")).await;
    second.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    assert_eq!(simulator.received_by_ann().await, ["one", "two"]);
    let chats = second.get("/api/sessions/me/chats").await;
    assert_eq!((&chats["chats"][0]["unread"], chats["chats"].as_array().unwrap().len()), (&json!(0), 1));
    assert_eq!(text_of(&chats["chats"][0]["last"]), "two");
    let found = second.get("/api/sessions/me/messages?words=ON").await;
    assert_eq!(found["messages"].as_array().unwrap().iter().map(text_of).collect::<Vec<_>>(), ["one"]);
    let third = Program::node(&simulator, one.path(), Some(&database));
    third.json("DELETE", "/api/sessions/me", "").await;
    assert_eq!(second.call("GET", "/api/sessions/me", "").await.0, 404);
    third.terminate();
    second.terminate();
}

fn number(session: &Value) -> &str {
    session["jid"].as_str().unwrap().split([':', '@']).next().unwrap()
}

#[tokio::test]
async fn what_comes_while_the_host_is_down_is_there_after_it() {
    let (simulator, host, data) = linked(&["--tls"]).await;
    let me = number(&host.connected().await).to_owned();
    host.json("POST", "/api/sessions/me/messages", r#"{"to":"+1 555 000 0042","text":"one"}"#).await;
    host.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    host.terminate();
    for text in ["two", "three"] {
        let say = json!({ "to": me, "text": text }).to_string();
        simulator.json("POST", "/admin/people/15550000042/send", &say).await;
    }

    let host = Program::host(&simulator, data.path());
    let list =
        host.until("/api/sessions/me/messages", |list| list["messages"].as_array().unwrap().len() == 3).await;
    let texts: Vec<&str> = list["messages"].as_array().unwrap().iter().map(text_of).collect();
    assert_eq!(texts, ["three", "two", "one"], "newest first");
    assert_eq!(list["messages"][0]["source"], "offline");
    assert_eq!(list["messages"][2]["status"], "delivered");

    host.json("POST", "/api/sessions/me/messages", r#"{"to":"15550000042","text":"four"}"#).await;
    host.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    assert_eq!(simulator.received_by_ann().await, ["one", "four"]);
    assert_eq!(simulator.get("/admin/unknown").await["unknown"], json!([]));
    simulator.until("/admin/unanswered", |answer| answer["unanswered"] == json!([])).await;
    host.terminate();
    simulator.terminate();
}

#[tokio::test]
async fn what_is_accepted_offline_is_sent_later() {
    let (simulator, host, _data) = linked(&[]).await;
    let device = host.connected().await["jid"].as_str().unwrap().to_owned();
    // It comes back at once, but not before the message is accepted or while the login is refused.
    for reason in [503, 500] {
        let refuse = json!({ "kind": "fail_next_login", "reason": reason }).to_string();
        simulator.json("POST", "/admin/faults", &refuse).await;
        let cut = json!({ "kind": "cut", "device": device }).to_string();
        simulator.json("POST", "/admin/faults", &cut).await;
        host.until("/api/sessions/me", |session| session["status"] != "connected").await;
        let said = json!({ "to": "15550000042", "text": reason.to_string() }).to_string();
        assert_eq!(host.json("POST", "/api/sessions/me/messages", &said).await["status"], "queued");
        host.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    }
    assert_eq!(simulator.received_by_ann().await, ["503", "500"], "each of them once");
    host.terminate();
    simulator.terminate();
}

#[tokio::test]
async fn unlinked_by_the_phone_and_linked_again_by_pair_code() {
    let (simulator, host, _data) = linked(&[]).await;
    let session = host.connected().await;
    let device = session["jid"].as_str().unwrap();
    simulator.json("POST", &format!("/admin/devices/{device}/unlink"), "").await;
    let session = host.until("/api/sessions/me", |session| session["status"] == "logged_out").await;
    assert!(!session["reason"].as_str().unwrap().is_empty());
    let (status, _) =
        host.call("POST", "/api/sessions/me/messages", r#"{"to":"15550000042","text":"x"}"#).await;
    assert_eq!(status, 409);

    host.json("POST", "/api/sessions/me/restart", "").await;
    host.get("/api/sessions/me/qr?wait=30").await;
    let code = host.json("POST", "/api/sessions/me/pair-code", r#"{"phone":"+1 555 000 0042"}"#).await;
    let typed = json!({ "phone": "15550000042", "code": code["code"] }).to_string();
    simulator.json("POST", "/admin/mock-phone/enter-code", &typed).await;
    assert_eq!(number(&host.connected().await), "15550000042");
    host.terminate();
    simulator.terminate();
}

#[tokio::test]
async fn a_service_that_cannot_prove_itself_is_not_talked_to() {
    let simulator = Program::simulator(&["--tls"]);
    let other = Program::simulator(&[]);
    let certificate = &simulator.line["certificate"];
    for (line, certificate, expected) in [
        // The certificate of the TLS connection, and then the chain within.
        (
            json!({ "url": simulator.line["url"], "trustRoot": simulator.line["trustRoot"] }),
            &Value::Null,
            "certificate",
        ),
        (
            json!({ "url": simulator.line["url"], "trustRoot": other.line["trustRoot"] }),
            certificate,
            "certificate",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut pretender = json!({ "certificate": certificate });
        pretender.as_object_mut().unwrap().extend(line.as_object().unwrap().clone());
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-http"));
        command.arg("--data-dir").arg(data.path()).args(["--listen", "127.0.0.1:0"]);
        command.args(["--server-url", pretender["url"].as_str().unwrap()]);
        command.args(["--trust-root", pretender["trustRoot"].as_str().unwrap()]);
        if let Some(pem) = pretender["certificate"].as_str() {
            std::fs::write(data.path().join("ca.pem"), pem).unwrap();
            command.arg("--tls-ca").arg(data.path().join("ca.pem"));
        }
        let host = Program::start(&mut command);
        host.json("POST", "/api/sessions", r#"{"id":"me"}"#).await;
        let session = host.until("/api/sessions/me", |session| session["status"] == "waiting").await;
        assert!(session["reason"].as_str().unwrap().contains(expected), "{session}");
        let (status, _) = host.call("GET", "/api/sessions/me/qr", "").await;
        assert_eq!(status, 409);
        host.terminate();
    }
    simulator.terminate();
    other.terminate();
}

#[tokio::test]
async fn changes_of_a_session_take_turns() {
    let (simulator, host, _data) = linked(&[]).await;
    let created = join_all((0..4).map(|_| host.call("POST", "/api/sessions", r#"{"id":"other"}"#))).await;
    assert_eq!(created.iter().filter(|(status, _)| *status == 201).count(), 1, "{created:?}");
    let words = ["restart", "stop", "start", "restart", "start", "restart", "stop", "restart"];
    let paths = words.map(|word| format!("/api/sessions/me/{word}"));
    join_all(paths.iter().map(|path| host.json("POST", path, ""))).await;
    host.json("POST", "/api/sessions/me/start", "").await;
    host.connected().await;
    host.json("POST", "/api/sessions/me/messages", r#"{"to":"15550000042","text":"still there"}"#).await;
    host.until("/api/sessions/me/messages", |list| list["messages"][0]["status"] == "delivered").await;
    assert_eq!(simulator.received_by_ann().await, ["still there"]);
    let events = host.told("/api/events", "message.delivered").await;
    assert!(!events.contains("replaced") && !events.contains("conflict"), "{events}");
    host.terminate();
    simulator.terminate();
}

#[tokio::test]
async fn nobody_keeps_it_from_ending() {
    let simulator = Program::simulator(&[]);
    let data = tempfile::tempdir().unwrap();
    let host = Program::host(&simulator, data.path());
    host.json("POST", "/api/sessions", r#"{"id":"me"}"#).await;
    host.get("/api/sessions/me/qr?wait=30").await;
    let mut open = Vec::new();
    for sent in ["", "GET /api/ev", "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let mut watching = TcpStream::connect(simulator.address).await.unwrap();
    watching.write_all(b"GET /admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // Both streams have begun.
    for stream in [&mut open[2], &mut watching] {
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    }
    let started = Instant::now();
    host.terminate();
    simulator.terminate();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
