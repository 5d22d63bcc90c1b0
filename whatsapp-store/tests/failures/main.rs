//! Every failure tells the caller its kind and the remedy. A caller never takes "could not be read" for "is not
//! there".
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod disk;
mod file;
#[path = "../postgres_server/mod.rs"]
mod postgres_server;
mod proxy;
mod rows;
mod schema;
mod server;
mod upgrade;

use std::sync::Arc;

use bytes::Bytes;
use whatsapp_store::{
    AccountId, Change, Changes, Content, DesiredState, DeviceRecord, Error, ErrorKind, MediaRef, MessageKey,
    MessageRecord, MessageStatus, ObservedState, OutgoingMessage, OutgoingState, SessionObservation,
    SessionRecord, SignalKey, SignalKind, Source, Store,
};

/// What the text of a failure has to name: the remedy.
fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Busy => "try again",
        ErrorKind::Full => "make room or allow writing",
        ErrorKind::Corrupt => "restore a backup",
        ErrorKind::NewerSchema => "update this program",
        ErrorKind::Unreachable => "check its path or address, and the permissions",
        ErrorKind::WrongKey => "give the key that it was written with",
        other => panic!("no failure of the outside world is {other:?}"),
    }
}

/// The error has that kind, and its text names the remedy and the cause.
#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, why: &str) {
    let said = error.to_string();
    assert_eq!(error.kind(), kind, "{said}");
    assert!(said.contains(remedy(kind)), "{said:?} names no remedy");
    assert!(said.contains(why), "{said:?} does not say {why:?}");
    assert_eq!(error.is_retryable(), kind == ErrorKind::Busy);
}

fn account() -> AccountId {
    "shop/a".parse().unwrap()
}

fn key(id: &str) -> SignalKey {
    SignalKey::new(SignalKind::Session, id)
}

fn put(id: &str, size: usize) -> Changes {
    let mut changes = Changes::new(account());
    changes.push(Change::PutSignal(key(id), vec![7; size].into()));
    changes
}

fn message() -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: "c".into(), sender: "s".into(), id: "m".into() },
        from_me: false,
        timestamp: 1,
        content: Content::text("hello"),
        edited_at: None,
        status: MessageStatus::Delivered,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: Some(MediaRef { secret: Bytes::from("secret"), ..MediaRef::default() }),
    }
}

/// One record of each kind that is read by itself.
fn records() -> Changes {
    let session = SessionRecord {
        id: account(),
        name: "n".into(),
        desired: DesiredState::Running,
        created_at: 1,
        updated_at: 1,
        observed: None,
    };
    let outgoing = OutgoingMessage {
        id: "o".into(),
        chat: "c".into(),
        payload: Bytes::from("p"),
        state: OutgoingState::Queued,
        created_at: 1,
    };
    let mut changes = put("k", 10);
    changes
        .push(Change::PutSignal(key("other"), Bytes::from("other")))
        .push(Change::PutDevice(DeviceRecord { jid: None, lid: None, state: vec![1; 10].into() }))
        .push(Change::PutMessage(message()))
        .push(Change::PutSession(session))
        .push(Change::SetObserved(SessionObservation {
            state: ObservedState::Connected,
            at: 1,
            reason: None,
        }))
        .push(Change::PutOutgoing(outgoing));
    changes
}

/// How each read of [`records`] ends: `true` for one that is there.
async fn read(store: &Arc<dyn Store>) -> Vec<(&'static str, Result<bool, Error>)> {
    let a = &account();
    vec![
        ("device", store.device(a).await.map(|device| device.is_some())),
        ("signal", store.signal(a, &[key("k")]).await.map(|values| values[0].is_some())),
        ("outgoing", store.outgoing(a, "o").await.map(|message| message.is_some())),
        ("message", store.message(a, &message().key).await.map(|message| message.is_some())),
        ("messages", store.messages(a, &Default::default()).await.map(|page| !page.messages.is_empty())),
        ("chat", store.chat(a, "c").await.map(|chat| chat.is_some())),
        ("chats", store.chats(a, None, 10).await.map(|page| !page.chats.is_empty())),
        ("session", store.session(a).await.map(|session| session.is_some())),
        ("sessions", store.sessions(a.workspace()).await.map(|sessions| !sessions.is_empty())),
        ("all_sessions", store.all_sessions().await.map(|sessions| !sessions.is_empty())),
    ]
}

/// None of them can be read, and none seems absent.
async fn assert_unreadable(store: &Arc<dyn Store>, kind: ErrorKind) {
    for (what, result) in read(store).await {
        let error = result.expect_err(what);
        assert_says(&error, kind, "reading");
    }
}

/// All of them are there.
async fn assert_readable(store: &Arc<dyn Store>) {
    for (what, result) in read(store).await {
        assert!(result.unwrap(), "{what}");
    }
}
