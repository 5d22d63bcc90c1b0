//! SQLite and PostgreSQL answer random changes of flows, teams, settings and contacted people as memory does.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use postgres_server::Schema;
use proptest::{collection::vec, option, prelude::*, sample::select};
use whatsapp_store::{
    AccountId, ApiKeyRecord, Change, Changes, ChatChange, Consent, ContactChange, ContactQuery,
    ContactRecord, ContactedChange, ConversationRecord, ConversationStatus, ErrorKind, FlowChange,
    FlowRecord, FlowVersion, NodeCount, ResetToken, Role, SecretHash, SettingChange, Store, Suppression,
    TagCount, TeamChange, UserRecord, WorkspaceId, WorkspaceRecord, memory::MemoryStore,
    postgres::PostgresStore, sqlite::SqliteStore,
};

/// Few names, so that changes meet.
const NAMES: [&str; 4] = ["a", "A", "", "x\0'🦀"];
const PEOPLE: [u64; 4] = [0, 7, 1 << 63, u64::MAX];
const EMAILS: [&str; 4] = ["a@x", "A@X", "b@x", "ß@x"];

fn name() -> impl Strategy<Value = String> {
    select(&NAMES[..]).prop_map(String::from)
}

fn time() -> impl Strategy<Value = i64> {
    0..6_i64
}

/// One of two workspaces of a case.
fn workspace(case: u32, second: bool) -> WorkspaceId {
    format!("w{case}-{}", u8::from(second)).parse().unwrap()
}

fn account(case: u32, second: bool, name: &str) -> AccountId {
    AccountId::new(workspace(case, second), name).unwrap()
}

fn hash(case: u32, byte: u8) -> SecretHash {
    let mut hash = [byte; 32];
    hash[..4].copy_from_slice(&case.to_be_bytes());
    hash
}

/// What happens, without the names of the workspaces, which each case chooses.
#[derive(Clone, Debug)]
enum Step {
    Commit { second: bool, account: bool, list: Vec<Write> },
    Claim { second: bool, now: i64, until: i64 },
    Take { byte: u8, now: i64 },
}

#[derive(Clone, Debug)]
enum Write {
    Flow(FlowWrite),
    Conversation {
        chat: String,
        flow: String,
        status: u8,
        wake_at: Option<i64>,
        expected: Option<i64>,
        at: i64,
    },
    End(String, i64),
    Forget(String),
    Seen(String, String, i64),
    Old(bool, i64, u32),
    User {
        id: String,
        email: &'static str,
        role: u8,
        at: i64,
    },
    Key {
        id: String,
        byte: u8,
        used: Option<i64>,
        revoked: Option<i64>,
        at: i64,
    },
    Token {
        user: String,
        byte: u8,
        at: i64,
    },
    DeleteUser(String),
    Revoke(String, i64),
    Touch(String, i64),
    PutWorkspace(String, i64),
    Setting(SettingChange),
    Contacted(ContactedChange),
    DeleteWorkspace,
    DeleteSession,
    Merge(String, String),
    Contact(ContactChange),
}

#[derive(Clone, Debug)]
enum FlowWrite {
    Draft(String, Option<String>, i64),
    Publish(String, String, i64),
    Enable(String, bool, i64),
    Delete(String, i64),
    Count(String, i64, u64),
}

fn flow_write() -> impl Strategy<Value = Write> {
    let write = prop_oneof![
        4 => (name(), any::<Option<String>>(), time()).prop_map(|(id, draft, at)| FlowWrite::Draft(id, draft, at)),
        3 => (name(), any::<String>(), time()).prop_map(|(id, text, at)| FlowWrite::Publish(id, text, at)),
        2 => (name(), any::<bool>(), time()).prop_map(|(id, on, at)| FlowWrite::Enable(id, on, at)),
        1 => (name(), time()).prop_map(|(id, at)| FlowWrite::Delete(id, at)),
        2 => (name(), 1..3_i64, 0..9_u64).prop_map(|(id, version, count)| FlowWrite::Count(id, version, count)),
    ];
    write.prop_map(Write::Flow)
}

fn conversation_write() -> impl Strategy<Value = Write> {
    let put = (name(), name(), 1..=4_u8, any::<bool>(), 0..3_i64, time());
    prop_oneof![
        6 => put.prop_map(|(chat, flow, status, wakes, expected, at)| Write::Conversation {
            chat,
            flow,
            status,
            wake_at: wakes.then_some(at),
            expected: Some(expected).filter(|expected| *expected > 0),
            at,
        }),
        1 => (name(), time()).prop_map(|(chat, at)| Write::End(chat, at)),
        1 => name().prop_map(Write::Forget),
        3 => (name(), name(), time()).prop_map(|(chat, id, at)| Write::Seen(chat, id, at)),
        1 => (any::<bool>(), time(), 0..3_u32).prop_map(|(inputs, before, limit)| Write::Old(inputs, before, limit)),
    ]
}

fn team_write() -> impl Strategy<Value = Write> {
    let some = || prop_oneof![Just(None), time().prop_map(Some)];
    prop_oneof![
        4 => (name(), select(&EMAILS[..]), 1..=4_u8, time())
            .prop_map(|(id, email, role, at)| Write::User { id, email, role, at }),
        3 => (name(), 0..3_u8, some(), some(), time())
            .prop_map(|(id, byte, used, revoked, at)| Write::Key { id, byte, used, revoked, at }),
        2 => (name(), 0..3_u8, time()).prop_map(|(user, byte, at)| Write::Token { user, byte, at }),
        1 => name().prop_map(Write::DeleteUser),
        1 => (name(), time()).prop_map(|(id, at)| Write::Revoke(id, at)),
        1 => (name(), time()).prop_map(|(id, at)| Write::Touch(id, at)),
        1 => (name(), time()).prop_map(|(name, at)| Write::PutWorkspace(name, at)),
    ]
}

fn setting_write() -> impl Strategy<Value = Write> {
    let value = || vec(any::<u8>(), 0..4).prop_map(Into::into);
    let change = prop_oneof![
        2 => (name(), value()).prop_map(|(name, value)| SettingChange::Put { name, value }),
        2 => (name(), value()).prop_map(|(name, value)| SettingChange::Seed { name, value }),
        1 => name().prop_map(|name| SettingChange::Delete { name }),
    ];
    change.prop_map(Write::Setting)
}

fn contacted_write() -> impl Strategy<Value = Write> {
    let people = vec((select(&PEOPLE[..]), time()), 0..6);
    let change = prop_oneof![
        4 => (name(), people).prop_map(|(sender, people)| ContactedChange::Note { sender, people }),
        1 => (time(), 0..4_u32).prop_map(|(before, limit)| ContactedChange::Trim { before, limit }),
    ];
    change.prop_map(Write::Contacted)
}

/// Chats of bots, and people with contacts.
fn merge_write() -> impl Strategy<Value = Write> {
    let lid = || select(vec!["1@lid", "2@lid"]).prop_map(String::from);
    let phone = || select(vec!["1", "2"]).prop_map(String::from);
    let some = || prop_oneof![Just(None), time().prop_map(Some)];
    let contact = (name(), option::of(phone()), option::of(lid()), some(), some(), time());
    let consent = |at| Consent { scope: String::new(), source: String::new(), at, evidence: None };
    prop_oneof![
        3 => (name(), name()).prop_map(|(from, into)| Write::Merge(from, into)),
        4 => (lid(), phone()).prop_map(|(lid, phone)| Write::Merge(lid, format!("{phone}@s.whatsapp.net"))),
        4 => contact.prop_map(move |(id, phone, lid, agreed, opted_out_at, at)| {
            Write::Contact(ContactChange::Put(Box::new(ContactRecord {
                tags: [id.clone()].into(),
                fields: [(id.clone(), at.to_string())].into(),
                id,
                phone,
                lid,
                consent: agreed.map(consent),
                opted_out_at,
                created_at: at,
                updated_at: at,
                ..ContactRecord::default()
            })))
        }),
        1 => (prop_oneof![lid(), phone()], time()).prop_map(|(address, at)| {
            let reason = at.to_string();
            Write::Contact(ContactChange::Suppress(Suppression { address, reason, at }))
        }),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        12 => flow_write(),
        14 => conversation_write(),
        12 => team_write(),
        4 => setting_write(),
        6 => contacted_write(),
        1 => Just(Write::DeleteWorkspace),
        1 => Just(Write::DeleteSession),
        8 => merge_write(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<bool>(), any::<bool>(), vec(write(), 1..5))
            .prop_map(|(second, account, list)| Step::Commit { second, account, list }),
        2 => (any::<bool>(), time(), time()).prop_map(|(second, now, until)| Step::Claim { second, now, until }),
        1 => (0..3_u8, time()).prop_map(|(byte, now)| Step::Take { byte, now }),
    ]
}

/// Records to begin with, so that later steps find something.
fn beginning(second: bool) -> Step {
    let draft = |name: &str| Write::Flow(FlowWrite::Draft(name.into(), None, 1));
    let waiting = |chat: &str| Write::Conversation {
        chat: chat.into(),
        flow: "a".into(),
        status: 2,
        wake_at: Some(2),
        expected: None,
        at: 1,
    };
    let token = Write::Token { user: "a".into(), byte: u8::from(second), at: 3 };
    let list = NAMES.map(draft).into_iter().chain(NAMES.map(waiting)).chain([token]).collect();
    Step::Commit { second, account: false, list }
}

fn flow_change(write: FlowWrite) -> FlowChange {
    match write {
        FlowWrite::Draft(flow, draft, at) => FlowChange::PutDraft { name: flow.clone(), flow, draft, at },
        FlowWrite::Publish(flow, definition, at) => {
            FlowChange::Publish { by: flow.clone(), flow, definition, at }
        }
        FlowWrite::Enable(flow, enabled, at) => FlowChange::SetEnabled { flow, enabled, at },
        FlowWrite::Delete(flow, at) => FlowChange::Delete { flow, at },
        FlowWrite::Count(node, version, count) => {
            let count = NodeCount { node, entered: count, left: 1, dropped: count / 2, millis: count * 1000 };
            FlowChange::CountNode { flow: "a".into(), version, count }
        }
    }
}

fn change(case: u32, second: bool, write: Write) -> Change {
    let (workspace, account) = (workspace(case, second), account(case, second, "a"));
    let password_hash = String::new();
    match write {
        Write::Flow(write) => Change::Flow(flow_change(write)),
        Write::Conversation { chat, flow, status, wake_at, expected, at } => {
            let record = ConversationRecord {
                account,
                chat,
                flow,
                version: at,
                state: vec![status; 3].into(),
                status: ConversationStatus::from_code(status).unwrap(),
                wake_at,
                revision: expected.unwrap_or(0) + 1,
                updated_at: at,
            };
            Change::Flow(FlowChange::PutConversation { record, expected })
        }
        Write::End(chat, at) => Change::Flow(FlowChange::EndConversation { account, chat, at }),
        Write::Forget(chat) => Change::Flow(FlowChange::ForgetConversation { account, chat }),
        Write::Seen(chat, message_id, at) => {
            Change::Flow(FlowChange::SeenInput { account, chat, message_id, at })
        }
        Write::Old(true, before, limit) => Change::Flow(FlowChange::ForgetInputs { before, limit }),
        Write::Old(false, before, limit) => Change::Flow(FlowChange::ForgetEnded { before, limit }),
        Write::User { id, email, role, at } => Change::Team(TeamChange::PutUser(UserRecord {
            name: id.clone(),
            id,
            workspace,
            email: format!("{case}{email}"),
            password_hash,
            role: Role::from_code(role).unwrap(),
            tier: String::new(),
            created_at: at,
            disabled_at: Some(at).filter(|at| at % 2 == 0),
            password_changed_at: -at,
            updated_at: at,
        })),
        Write::Key { id, byte, used, revoked, at } => Change::Team(TeamChange::PutApiKey(ApiKeyRecord {
            name: id.clone(),
            scopes: vec![id.clone(); usize::from(byte)],
            id,
            workspace,
            hash: hash(case, byte),
            created_at: at,
            last_used_at: used,
            expires_at: Some(at).filter(|at| at % 2 == 0),
            revoked_at: revoked,
            updated_at: at,
        })),
        Write::Token { user, byte, at } => {
            let token = ResetToken { hash: hash(case, byte), workspace, user, expires_at: at };
            Change::Team(TeamChange::PutResetToken(token))
        }
        Write::DeleteUser(id) => Change::Team(TeamChange::DeleteUser(id)),
        Write::Revoke(key, at) => Change::Team(TeamChange::RevokeApiKey { key, at }),
        Write::Touch(key, at) => Change::Team(TeamChange::TouchApiKey { key, at }),
        Write::PutWorkspace(name, created_at) => Change::Team(TeamChange::PutWorkspace(WorkspaceRecord {
            id: workspace,
            tier: name.clone(),
            name,
            created_at,
            updated_at: created_at,
        })),
        Write::Setting(change) => Change::Setting(change),
        Write::Contacted(change) => Change::Contacted(change),
        Write::DeleteWorkspace => Change::Team(TeamChange::DeleteWorkspace),
        Write::DeleteSession => Change::DeleteSession,
        Write::Merge(from, into) => Change::Chat(ChatChange::Merge { from, into }),
        Write::Contact(change) => Change::Contact(change),
    }
}

/// What a step answers.
#[derive(Debug, PartialEq)]
enum Answer {
    Commit(Result<(), ErrorKind>),
    Claim(Vec<ConversationRecord>),
    Take(Option<ResetToken>),
}

async fn take(store: &dyn Store, case: u32, step: Step) -> Answer {
    match step {
        Step::Commit { second, account: of_account, list } => {
            let list: Vec<_> = list.into_iter().map(|write| change(case, second, write)).collect();
            let changes = match of_account {
                true => Changes::new(account(case, second, "a")),
                false => Changes::new(workspace(case, second)),
            };
            let result = store.commit(Changes { list, ..changes }).await;
            Answer::Commit(result.map_err(|error| error.kind()))
        }
        Step::Claim { second, now, until } => {
            let claimed = store.claim_due_conversations(&workspace(case, second), now, until, 500).await;
            Answer::Claim(claimed.unwrap())
        }
        Step::Take { byte, now } => {
            Answer::Take(store.take_reset_token(&hash(case, byte), now).await.unwrap())
        }
    }
}

/// All that can be read of a workspace.
#[derive(Debug, Default, PartialEq)]
struct Contents {
    workspace: Option<WorkspaceRecord>,
    flows: Vec<FlowRecord>,
    versions: Vec<FlowVersion>,
    counts: Vec<NodeCount>,
    conversations: Vec<ConversationRecord>,
    seen: Vec<bool>,
    oldest_input: Option<i64>,
    oldest_ended: Option<i64>,
    users: Vec<UserRecord>,
    keys: Vec<ApiKeyRecord>,
    settings: Vec<Option<Bytes>>,
    reached: Vec<Vec<(u64, i64)>>,
    outdated: bool,
    contacts: Vec<ContactRecord>,
    tags: Vec<TagCount>,
    suppressions: Vec<Suppression>,
}

async fn read(store: &dyn Store, case: u32, second: bool, limit: u32) -> Contents {
    let (id, account) = (workspace(case, second), account(case, second, "a"));
    let mut all = Contents {
        workspace: store.workspace(&id).await.unwrap(),
        oldest_input: store.oldest_input(&id).await.unwrap(),
        oldest_ended: store.oldest_ended(&id).await.unwrap(),
        ..Contents::default()
    };
    all.contacts =
        store.contacts(&id, &ContactQuery { limit: 500, ..Default::default() }).await.unwrap().contacts;
    all.tags = store.contact_tags(&id).await.unwrap();
    all.suppressions = store.suppressions(&id, None, 500).await.unwrap();
    let mut next = None;
    loop {
        let page = store.flows(&id, next.as_deref(), limit).await.unwrap();
        all.flows.extend(page.flows);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    loop {
        let page = store.users(&id, next.as_deref(), limit).await.unwrap();
        all.users.extend(page.users);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    loop {
        let page = store.api_keys(&id, next.as_deref(), limit).await.unwrap();
        all.keys.extend(page.keys);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    for status in (1..=4).filter_map(ConversationStatus::from_code) {
        loop {
            let page = store.conversations(&id, status, next.as_deref(), limit).await.unwrap();
            all.conversations.extend(page.conversations);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    for name in NAMES {
        let heads = store.flow_versions(&id, name, None, 500).await.unwrap().versions;
        for head in heads {
            all.versions.extend(store.flow_version(&id, name, head.version).await.unwrap());
        }
        for message in NAMES {
            all.seen.push(store.input_seen(&account, name, message).await.unwrap());
        }
    }
    for (name, since) in NAMES.into_iter().zip(0..) {
        all.settings.push(store.setting(&id, name).await.unwrap());
        all.reached.push(store.contacted_by(&id, name, since).await.unwrap());
        all.reached.push(store.times_contacted(&id, &PEOPLE[..2 + name.len() % 3], since).await.unwrap());
    }
    all.outdated = store.outdated_contacted(3).await.unwrap().contains(&id);
    for version in 1..3 {
        all.counts.extend(store.node_counts(&id, "a", version).await.unwrap());
    }
    all
}

/// Lookups that search all workspaces.
async fn find(store: &dyn Store, case: u32) -> (Vec<Option<UserRecord>>, Vec<Option<ApiKeyRecord>>) {
    let (mut users, mut keys) = (Vec::new(), Vec::new());
    for email in EMAILS {
        users.push(store.user_by_email(&format!("{case}{email}")).await.unwrap());
    }
    for byte in 0..3 {
        keys.push(store.api_key_by_hash(&hash(case, byte)).await.unwrap());
    }
    (users, keys)
}

/// The first refused kind is reported. Where a commit has several refused changes, any of theirs is.
async fn same(stores: &[Arc<dyn Store>], case: u32, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    for step in [beginning(false), beginning(true)].into_iter().chain(steps) {
        let expected = take(&memory, case, step.clone()).await;
        for store in stores {
            let answer = take(&**store, case, step.clone()).await;
            match (&expected, &answer) {
                (Answer::Commit(Err(expected)), Answer::Commit(Err(kind))) => {
                    let refusals = [ErrorKind::Conflict, ErrorKind::Invalid];
                    prop_assert!(refusals.contains(expected) && refusals.contains(kind), "{:?}", answer);
                }
                _ => prop_assert_eq!(&answer, &expected, "{:?}", &step),
            }
            for second in [false, true] {
                let limit = 1 + case % 3;
                let (expected, found) =
                    (read(&memory, case, second, limit).await, read(&**store, case, second, limit).await);
                prop_assert_eq!(found, expected, "{:?}", &step);
            }
            prop_assert_eq!(find(&**store, case).await, find(&memory, case).await);
        }
    }
    Ok(())
}

#[test]
fn databases_answer_as_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (folder, schema) = (tempfile::tempdir().unwrap(), Schema::new());
    // All cases share one file and one schema; each case has its own workspaces.
    let stores: [Arc<dyn Store>; 2] = runtime.block_on(async {
        let sqlite = SqliteStore::open(folder.path().join("bot.db")).await.unwrap();
        let postgres = PostgresStore::open(&schema.url()).await.unwrap();
        [Arc::new(sqlite) as Arc<dyn Store>, Arc::new(postgres)]
    });
    static CASE: AtomicU32 = AtomicU32::new(0);
    proptest!(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() }, |(steps in vec(step(), 1..14))| {
        let case = CASE.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(same(&stores, case, steps))?;
    });
    runtime.block_on(async {
        for store in stores {
            store.close().await;
        }
    });
}
