//! SQLite and PostgreSQL read random changes as memory does.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use postgres_server::Schema;
use proptest::{collection::vec, prelude::*, sample::select};
use whatsapp_store::{
    AccountId, Change, Changes, ChatChange, Content, DesiredState, DeviceRecord, ErrorKind, MediaRef,
    MessageEdit, MessageKey, MessageQuery, MessageRecord, MessageStatus, NoticeChange, NoticeRecord,
    OutgoingMessage, OutgoingState, PersonAddress, PersonRecord, Scope, SessionRecord, SignalKey, SignalKind,
    Source, Store, memory::MemoryStore, postgres::PostgresStore, sqlite::SqliteStore,
};

/// Few names, so that changes meet.
const NAMES: [&str; 5] = ["a", "b", "A", "", "x\0'🦀"];
const KINDS: [SignalKind; 3] = [SignalKind::Session, SignalKind::PreKey, SignalKind::DeviceList];
const LIMITS: [u32; 3] = [1, 3, 500];
/// Words for texts and for searches.
const WORDS: [&str; 7] = ["one", "One's", "ONLY", "größe", "字幕", "it's \"quoted\" & (so)", "12-34"];
const SEARCHES: [&str; 8] = ["on", "one", "gröss one", "GRÖ", "字", "so quoted", "'", "34 12"];

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
    (name(), select(vec!["s", "t", "a", "b"]), name()).prop_map(|(chat, sender, id)| MessageKey {
        chat,
        sender: sender.into(),
        id,
    })
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any::<String>().prop_map(Content::text),
        vec(select(&WORDS[..]), 0..4).prop_map(|words| Content::text(words.join(" "))),
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
    let time = prop_oneof![4 => 0..5_i64, 1 => any::<i64>()];
    let text = any::<Option<String>>;
    let source = select(vec![Source::Live, Source::Offline, Source::History]);
    let rest = (any::<bool>(), time, content(), status(), source, text(), text(), media());
    (message_key(), rest, any::<Option<i64>>()).prop_map(|(key, rest, edited_at)| {
        let (from_me, timestamp, content, status, source, push_name, quoted, media) = rest;
        MessageRecord {
            key,
            from_me,
            timestamp,
            content,
            edited_at,
            status,
            source,
            push_name,
            quoted,
            media,
        }
    })
}

fn edit() -> impl Strategy<Value = MessageEdit> {
    let at = || prop_oneof![4 => 0..5_i64, 1 => any::<i64>()];
    let content = prop_oneof![3 => content(), 1 => at().prop_map(|at| Content::Deleted { at })];
    (message_key(), content, at()).prop_map(|(key, content, at)| MessageEdit { key, content, at })
}

fn media() -> impl Strategy<Value = Option<MediaRef>> {
    let media = (any::<String>(), any::<u64>(), any::<Option<String>>(), any::<String>(), bytes());
    let media =
        media.prop_map(|(mime, size, name, place, secret)| MediaRef { mime, size, name, place, secret });
    prop_oneof![3 => Just(None), 1 => media.prop_map(Some)]
}

fn chat_change() -> impl Strategy<Value = ChatChange> {
    prop_oneof![
        (name(), any::<Option<String>>()).prop_map(|(chat, name)| ChatChange::SetName { chat, name }),
        (name(), any::<bool>(), any::<bool>(), any::<Option<i64>>()).prop_map(
            |(chat, archived, pinned, muted_until)| ChatChange::SetFlags {
                chat,
                archived,
                pinned,
                muted_until
            }
        ),
        (name(), 0..5_i64).prop_map(|(chat, until)| ChatChange::MarkRead { chat, until }),
        name().prop_map(|chat| ChatChange::Delete { chat }),
        (name(), name()).prop_map(|(from, into)| ChatChange::Merge { from, into }),
        (0..5_i64, 0..4_u32).prop_map(|(before, limit)| ChatChange::Expire { before, limit }),
    ]
}

/// A few with neither address, which are refused.
fn person() -> impl Strategy<Value = PersonRecord> {
    let address = || prop_oneof![4 => name().prop_map(Some), 1 => Just(None)];
    (address(), address(), bytes()).prop_map(|(pn, lid, state)| PersonRecord { pn, lid, state })
}

fn notice() -> impl Strategy<Value = NoticeRecord> {
    (name(), name(), 0..4_i64, bytes()).prop_map(|(kind, id, received_at, payload)| NoticeRecord {
        kind,
        id,
        received_at,
        payload,
    })
}

fn address() -> impl Strategy<Value = PersonAddress> {
    prop_oneof![name().prop_map(PersonAddress::Pn), name().prop_map(PersonAddress::Lid)]
}

fn outgoing() -> impl Strategy<Value = OutgoingMessage> {
    (name(), name(), bytes(), state(), 0..4_i64).prop_map(|(id, chat, payload, state, created_at)| {
        OutgoingMessage { id, chat, payload, state, created_at }
    })
}

fn session(id: AccountId, (name, running, created_at, updated_at): (String, bool, i64, i64)) -> Change {
    let desired = if running { DesiredState::Running } else { DesiredState::Stopped };
    Change::PutSession(SessionRecord { id, name, desired, created_at, updated_at, observed: None })
}

/// A change, as a function of the account: a session names its own account.
fn change(account: AccountId) -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (any::<Option<String>>(), any::<Option<String>>(), bytes())
            .prop_map(|(jid, lid, state)| Change::PutDevice(DeviceRecord { jid, lid, state })),
        1 => Just(Change::DeleteDevice),
        4 => (signal_key(), bytes()).prop_map(|(key, value)| Change::PutSignal(key, value)),
        2 => signal_key().prop_map(Change::DeleteSignal),
        5 => person().prop_map(Change::PutPerson),
        2 => address().prop_map(Change::DeletePerson),
        3 => notice().prop_map(|notice| NoticeChange::Put(notice).into()),
        1 => (name(), name()).prop_map(|(kind, id)| NoticeChange::Delete { kind, id }.into()),
        4 => outgoing().prop_map(Change::PutOutgoing),
        2 => (name(), state()).prop_map(|(id, state)| Change::SetOutgoingState(id, state)),
        1 => (0..5_i64).prop_map(Change::ExpireOutgoing),
        6 => message().prop_map(Change::PutMessage),
        4 => (message_key(), status()).prop_map(|(key, status)| Change::RaiseStatus(key, status)),
        4 => edit().prop_map(Change::EditMessage),
        2 => (any::<String>(), any::<bool>(), any::<i64>(), any::<i64>())
            .prop_map(move |fields| session(account.clone(), fields)),
        5 => chat_change().prop_map(Change::Chat),
        1 => Just(Change::DeleteSession),
        1 => Just(session("nobody".parse().unwrap(), (String::new(), true, 0, 0))),
    ]
}

/// Commits, each to one of two accounts.
fn commits(accounts: [AccountId; 2]) -> impl Strategy<Value = Vec<Changes>> {
    let commit = select(accounts.to_vec()).prop_flat_map(|account| {
        vec(change(account.clone()), 0..8)
            .prop_map(move |list| Changes { list, ..Changes::new(account.clone()) })
    });
    vec(commit, 1..12)
}

/// All that can be read of an account.
async fn read(store: &dyn Store, account: &AccountId) -> Vec<String> {
    let mut all = Vec::new();
    // `Debug` of records hides what matters here, so this spells out the fields.
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
        for after in [None, Some("a")] {
            let notices = store.notices(account, name, after, 3).await.unwrap();
            all.extend(notices.into_iter().map(|one| format!("{one:?} {:?} {:?}", one.id, one.payload)));
        }
        let people = [PersonAddress::Pn(name.into()), PersonAddress::Lid(name.into())];
        for person in store.people(account, &people).await.unwrap() {
            all.push(format!("{:?}", person.map(|person| (person.pn, person.lid, person.state))));
        }
        all.push(format!("{:?}", store.outgoing(account, name).await.unwrap().map(spell)));
    }
    for limit in LIMITS {
        let queued = store.queued(account, limit).await.unwrap();
        all.push(format!("{:?}", queued.into_iter().map(spell).collect::<Vec<_>>()));
        for chat in [None].into_iter().chain(NAMES.map(Some)) {
            all.push(pages(store, account, chat, None, limit).await);
        }
        all.push(chats(store, account, limit).await);
    }
    for words in SEARCHES {
        for chat in [None, Some("a")] {
            all.push(format!("{words}: {}", pages(store, account, chat, Some(words), 2).await));
        }
    }
    all.push(format!("{:?}", store.oldest_message(account).await.unwrap()));
    let session = store.session(account).await.unwrap();
    let spell =
        |session: SessionRecord| (session.name, session.desired, session.created_at, session.updated_at);
    all.push(format!("{:?}", session.map(spell)));
    all
}

/// Every field of every chat. Also checks that the summaries match the messages.
async fn chats(store: &dyn Store, account: &AccountId, limit: u32) -> String {
    let (mut all, mut before) = (String::new(), None);
    loop {
        let page = store.chats(account, before.as_deref(), limit).await.unwrap();
        for chat in page.chats {
            assert_eq!(store.chat(account, &chat.chat).await.unwrap().as_ref(), Some(&chat));
            let query = MessageQuery { chat: Some(chat.chat.clone()), limit: 500, ..Default::default() };
            let messages = store.messages(account, &query).await.unwrap().messages;
            let unread = messages.iter().filter(|m| !m.from_me && m.status < MessageStatus::Read).count();
            assert_eq!(chat.unread, unread as u64, "unread");
            if let Some(last) = &chat.last {
                assert_eq!(
                    (Some(last), chat.last_at),
                    (messages.first(), last.timestamp),
                    "the last message"
                );
            }
            let last = chat.last.map(|last| last.key);
            let flags = (chat.unread, chat.archived, chat.pinned, chat.muted_until, chat.last_at);
            all += &format!("{:?} {:?} {flags:?} {last:?}", chat.chat, chat.name);
        }
        all += "|";
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}

async fn pages(
    store: &dyn Store,
    account: &AccountId,
    chat: Option<&str>,
    words: Option<&str>,
    limit: u32,
) -> String {
    let mut query =
        MessageQuery { chat: chat.map(Into::into), words: words.map(Into::into), before: None, limit };
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
fn databases_read_as_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (folder, schema) = (tempfile::tempdir().unwrap(), Schema::new());
    // All cases share one file and one schema; each case has its own accounts.
    let stores: [Arc<dyn Store>; 2] = runtime.block_on(async {
        let sqlite = SqliteStore::open(folder.path().join("bot.db")).await.unwrap();
        let postgres = PostgresStore::open(&schema.url()).await.unwrap();
        [Arc::new(sqlite) as Arc<dyn Store>, Arc::new(postgres)]
    });
    static CASE: AtomicU32 = AtomicU32::new(0);
    let placeholder: [AccountId; 2] = ["one".parse().unwrap(), "w/one".parse().unwrap()];
    proptest!(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() }, |(commits in commits(placeholder))| {
        let case = CASE.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(same(&stores, case, commits))?;
    });
    runtime.block_on(async {
        for store in stores {
            store.close().await;
        }
    });
}

async fn same(stores: &[Arc<dyn Store>], case: u32, commits: Vec<Changes>) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    let renamed = |account: &AccountId| -> AccountId { format!("{account}-{case}").parse().unwrap() };
    for mut changes in commits {
        let account = renamed(changes.scope.account().unwrap());
        changes.scope = Scope::Account(account.clone());
        for change in &mut changes.list {
            if let Change::PutSession(session) = change
                && session.id.name() != "nobody"
            {
                session.id = account.clone();
            }
        }
        let invalid = changes.list.iter().any(|change| match change {
            Change::PutSession(session) => session.id != account,
            Change::PutPerson(person) => person.addresses().next().is_none(),
            _ => false,
        });
        let expected = if invalid { Err(ErrorKind::Invalid) } else { Ok(()) };
        let kind = |result: whatsapp_store::Result<()>| result.map_err(|error| error.kind());
        prop_assert_eq!(kind(memory.commit(changes.clone()).await), expected);
        for store in stores {
            prop_assert_eq!(kind(store.commit(changes.clone()).await), expected);
            for account in ["one", "w/one"].map(|name| renamed(&name.parse().unwrap())) {
                prop_assert_eq!(read(&memory, &account).await, read(&**store, &account).await);
            }
        }
    }
    Ok(())
}
