//! Whatever is written, SQLite reads as memory does.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use whatsapp_store::{
    AccountId, Change, Changes, Content, DeviceRecord, ErrorKind, LidMapping, MessageKey, MessageQuery,
    MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, SessionRecord, SignalKey, SignalKind,
    Source, Store, WantedState, memory::MemoryStore, sqlite::SqliteStore,
};

/// Few names, so that changes meet.
const NAMES: [&str; 5] = ["a", "b", "A", "", "x\0'🦀"];
const KINDS: [SignalKind; 3] = [SignalKind::Session, SignalKind::PreKey, SignalKind::DeviceList];
const LIMITS: [u32; 3] = [1, 3, 500];

fn name() -> impl Strategy<Value = String> {
    select(&NAMES[..]).prop_map(String::from)
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn signal_key() -> impl Strategy<Value = SignalKey> {
    (select(&KINDS[..]), name()).prop_map(|(kind, id)| SignalKey { kind, id })
}

fn state() -> impl Strategy<Value = OutgoingState> {
    select(vec![OutgoingState::Queued, OutgoingState::Sent])
}

fn status() -> impl Strategy<Value = MessageStatus> {
    use MessageStatus::{Delivered, Failed, Queued, Read, Sent};
    select(vec![Queued, Sent, Delivered, Read, Failed])
}

fn message_key() -> impl Strategy<Value = MessageKey> {
    (name(), select(vec!["s", "t"]), name()).prop_map(|(chat, sender, id)| MessageKey {
        chat,
        sender: sender.into(),
        id,
    })
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any::<String>().prop_map(Content::text),
        (any::<i16>(), any::<String>(), any::<Option<String>>()).prop_map(|(degrees, name, address)| {
            // Few enough digits to be exact in JSON, which may cost longer ones their last bit.
            let degrees = f64::from(degrees) / 64.0;
            Content::Location { latitude: degrees, longitude: -degrees, name: Some(name), address }
        }),
        (any::<String>(), vec(any::<String>(), 0..3), any::<u32>())
            .prop_map(|(question, options, selectable)| Content::Poll { question, options, selectable }),
        (any::<String>(), name()).prop_map(|(emoji, message_id)| Content::Reaction { emoji, message_id }),
    ]
}

fn message() -> impl Strategy<Value = MessageRecord> {
    let rest = (any::<bool>(), any::<i64>(), content(), status(), any::<bool>(), any::<Option<String>>());
    (message_key(), rest).prop_map(|(key, (from_me, timestamp, content, status, live, push_name))| {
        let source = if live { Source::Live } else { Source::Offline };
        MessageRecord { key, from_me, timestamp, content, status, source, push_name }
    })
}

fn outgoing() -> impl Strategy<Value = OutgoingMessage> {
    (name(), name(), bytes(), state(), 0..4_i64).prop_map(|(id, chat, payload, state, created_at)| {
        OutgoingMessage { id, chat, payload, state, created_at }
    })
}

fn session(id: AccountId, (name, running, created_at): (String, bool, i64)) -> Change {
    let wanted = if running { WantedState::Running } else { WantedState::Stopped };
    Change::PutSession(SessionRecord { id, name, wanted, created_at })
}

/// A change, as a function of the account because a session names its own.
fn change(account: AccountId) -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (any::<Option<String>>(), any::<Option<String>>(), bytes())
            .prop_map(|(jid, lid, state)| Change::PutDevice(DeviceRecord { jid, lid, state })),
        1 => Just(Change::DeleteDevice),
        4 => (signal_key(), bytes()).prop_map(|(key, value)| Change::PutSignal(key, value)),
        2 => signal_key().prop_map(Change::DeleteSignal),
        4 => (name(), name()).prop_map(|(lid, pn)| Change::PutLid(LidMapping { lid, pn })),
        4 => outgoing().prop_map(Change::PutOutgoing),
        2 => (name(), state()).prop_map(|(id, state)| Change::SetOutgoingState(id, state)),
        1 => (0..5_i64).prop_map(Change::ExpireOutgoing),
        6 => message().prop_map(Change::PutMessage),
        4 => (message_key(), status()).prop_map(|(key, status)| Change::RaiseStatus(key, status)),
        2 => (any::<String>(), any::<bool>(), any::<i64>())
            .prop_map(move |fields| session(account.clone(), fields)),
        1 => Just(Change::DeleteSession),
        1 => Just(session("nobody".parse().unwrap(), (String::new(), true, 0))),
    ]
}

/// Commits, each to one of two accounts.
fn commits(accounts: [AccountId; 2]) -> impl Strategy<Value = Vec<Changes>> {
    let commit = select(accounts.to_vec()).prop_flat_map(|account| {
        vec(change(account.clone()), 0..8).prop_map(move |list| Changes { account: account.clone(), list })
    });
    vec(commit, 1..12)
}

/// All that can be read of an account.
async fn read(store: &dyn Store, account: &AccountId) -> Vec<String> {
    let mut all = Vec::new();
    // `Debug` of records hides what matters here, so that each is spelled out.
    let device = store.device(account).await.unwrap();
    all.push(format!("{:?}", device.map(|device| (device.jid, device.lid, device.state))));
    let keys: Vec<_> =
        KINDS.iter().flat_map(|kind| NAMES.iter().map(|id| SignalKey::new(*kind, *id))).collect();
    all.push(format!("{:?}", store.signal(account, &keys).await.unwrap()));
    for kind in KINDS {
        all.push(format!("{:?}", store.signal_ids(account, kind).await.unwrap()));
    }
    let spell = |message: OutgoingMessage| {
        (message.id, message.chat, message.payload, message.state, message.created_at)
    };
    for name in NAMES {
        let (by_lid, by_pn) = (store.by_lid(account, name).await, store.by_pn(account, name).await);
        all.push(format!("{:?} {:?}", by_lid.unwrap(), by_pn.unwrap()));
        all.push(format!("{:?}", store.outgoing(account, name).await.unwrap().map(spell)));
    }
    for limit in LIMITS {
        let queued = store.queued(account, limit).await.unwrap();
        all.push(format!("{:?}", queued.into_iter().map(spell).collect::<Vec<_>>()));
        for chat in [None].into_iter().chain(NAMES.map(Some)) {
            all.push(pages(store, account, chat, limit).await);
        }
    }
    let session = store.session(account).await.unwrap();
    all.push(format!("{:?}", session.map(|session| (session.name, session.wanted, session.created_at))));
    all
}

async fn pages(store: &dyn Store, account: &AccountId, chat: Option<&str>, limit: u32) -> String {
    let mut query = MessageQuery { chat: chat.map(Into::into), before: None, limit };
    let mut all = String::new();
    loop {
        let page = store.messages(account, &query).await.unwrap();
        for message in &page.messages {
            let found = store.message(account, &message.key).await.unwrap();
            assert_eq!(found.as_ref(), Some(message), "alone and in a list");
            all += &serde_json::to_string(message).unwrap();
        }
        all += "|";
        assert!(all.len() < 1_000_000, "the pages never end");
        match page.next {
            Some(next) => query.before = Some(next),
            None => return all,
        }
    }
}

#[test]
fn sqlite_reads_as_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // One file for all cases, each with accounts of its own.
    let sqlite = runtime.block_on(SqliteStore::open(folder.path().join("bot.db"))).unwrap();
    static CASE: AtomicU32 = AtomicU32::new(0);
    let placeholder: [AccountId; 2] = ["one".parse().unwrap(), "two".parse().unwrap()];
    proptest!(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() }, |(commits in commits(placeholder))| {
        let case = CASE.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(same(&sqlite, case, commits))?;
    });
}

async fn same(sqlite: &SqliteStore, case: u32, commits: Vec<Changes>) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    let renamed = |account: &AccountId| -> AccountId { format!("{account}-{case}").parse().unwrap() };
    for mut changes in commits {
        changes.account = renamed(&changes.account);
        for change in &mut changes.list {
            if let Change::PutSession(session) = change
                && session.id.as_str() != "nobody"
            {
                session.id = changes.account.clone();
            }
        }
        let account = changes.account.clone();
        let invalid = changes
            .list
            .iter()
            .any(|change| matches!(change, Change::PutSession(session) if session.id != account));
        let (a, b) = (memory.commit(changes.clone()).await, sqlite.commit(changes).await);
        let kinds = (a.map_err(|error| error.kind()), b.map_err(|error| error.kind()));
        let expected = if invalid { Err(ErrorKind::Invalid) } else { Ok(()) };
        prop_assert_eq!(kinds, (expected, expected));
        for account in ["one", "two"].map(|name| renamed(&name.parse().unwrap())) {
            prop_assert_eq!(read(&memory, &account).await, read(sqlite, &account).await);
        }
    }
    Ok(())
}
