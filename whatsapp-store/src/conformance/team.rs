use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::samples::bad_cursor;
use super::samples::{ODD_TEXTS, Presence, account, commit, one_of_each};
use crate::{
    ApiKeyRecord, Change, Changes, ContactedChange, ConversationRecord, ConversationStatus, ErrorKind,
    EventChange, FlowChange, NewEvent, NodeCount, ResetToken, Result, Role, SecretHash, SettingChange, Store,
    TeamChange, UserRecord, WorkspaceId, WorkspaceRecord,
};

fn workspace(name: &str) -> WorkspaceId {
    name.parse().unwrap()
}

fn acme() -> WorkspaceId {
    workspace("acme")
}

fn record(id: &str, created_at: i64) -> WorkspaceRecord {
    WorkspaceRecord {
        id: workspace(id),
        name: format!("{id}!"),
        tier: "free".into(),
        created_at,
        updated_at: 1,
    }
}

fn user(id: &str, email: &str) -> UserRecord {
    UserRecord {
        id: id.into(),
        workspace: acme(),
        email: email.into(),
        password_hash: "$argon2id$v=19$x".into(),
        name: "Ann".into(),
        role: Role::Agent,
        tier: "free".into(),
        created_at: 1,
        disabled_at: None,
        password_changed_at: 1,
        updated_at: 1,
    }
}

fn hash(byte: u8) -> SecretHash {
    let mut hash = [byte; 32];
    hash[31] = !byte;
    hash
}

fn api_key(id: &str, byte: u8) -> ApiKeyRecord {
    ApiKeyRecord {
        id: id.into(),
        workspace: acme(),
        hash: hash(byte),
        name: "a key".into(),
        scopes: vec!["messages:send".into()],
        created_at: 1,
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
        updated_at: 1,
    }
}

fn token(user: &str, byte: u8) -> ResetToken {
    ResetToken { hash: hash(byte), workspace: acme(), user: user.into(), expires_at: 100 }
}

async fn write(
    store: &dyn Store,
    workspace: &WorkspaceId,
    list: impl IntoIterator<Item = TeamChange>,
) -> Result<()> {
    let list = list.into_iter().map(Change::Team).collect();
    store.commit(Changes { list, ..Changes::new(workspace.clone()) }).await
}

async fn put(store: &dyn Store, list: impl IntoIterator<Item = TeamChange>) {
    write(store, &acme(), list).await.unwrap();
}

async fn refused(store: &dyn Store, list: impl IntoIterator<Item = TeamChange>) -> ErrorKind {
    write(store, &acme(), list).await.unwrap_err().kind()
}

/// And changes that name them do nothing.
pub async fn absent_user_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.workspace(&acme()).await.unwrap(), None);
    assert_eq!(store.workspaces(None, 0).await.unwrap(), Default::default());
    let absent = [
        TeamChange::DeleteUser("u".into()),
        TeamChange::RevokeApiKey { key: "k".into(), at: 1 },
        TeamChange::TouchApiKey { key: "k".into(), at: 1 },
        TeamChange::DeleteWorkspace,
    ];
    put(&*store, absent).await;
    assert_eq!(store.user(&acme(), "u").await.unwrap(), None);
    assert_eq!(store.user_by_email("").await.unwrap(), None);
    assert_eq!(store.users(&acme(), None, 0).await.unwrap(), Default::default());
    assert_eq!(store.api_key_by_hash(&hash(0)).await.unwrap(), None);
    assert_eq!(store.api_keys(&acme(), None, 0).await.unwrap(), Default::default());
    assert_eq!(store.take_reset_token(&hash(0), 0).await.unwrap(), None);
}

/// Every field of each record, and any text.
pub async fn team_comes_back_as_written(store: Arc<dyn Store>) {
    let mut emails = std::collections::BTreeSet::new();
    for (text, byte) in ODD_TEXTS.into_iter().zip(0..) {
        let (name, tier, updated_at) = (text.into(), text.into(), i64::from(byte));
        let workspace = WorkspaceRecord { name, tier, updated_at, ..record("acme", -3) };
        let mut user = UserRecord {
            email: format!("{byte}{text}@x"),
            password_hash: text.into(),
            name: text.into(),
            tier: text.into(),
            created_at: i64::MIN,
            disabled_at: Some(i64::MAX),
            password_changed_at: -1,
            ..user(text, "")
        };
        let mut key = ApiKeyRecord {
            name: text.into(),
            scopes: ODD_TEXTS.map(Into::into).into(),
            created_at: -1,
            last_used_at: Some(-2),
            expires_at: Some(0),
            revoked_at: Some(i64::MAX),
            ..api_key(text, byte)
        };
        assert!(emails.insert(user.email.to_lowercase()));
        let list = [
            TeamChange::PutWorkspace(workspace.clone()),
            TeamChange::PutUser(user.clone()),
            TeamChange::PutApiKey(key.clone()),
        ];
        put(&*store, list).await;
        assert_eq!(store.workspace(&acme()).await.unwrap(), Some(workspace));
        assert_eq!(store.user(&acme(), text).await.unwrap().as_ref(), Some(&user));
        assert_eq!(store.user_by_email(&user.email).await.unwrap().as_ref(), Some(&user));
        assert_eq!(store.api_key_by_hash(&key.hash).await.unwrap().as_ref(), Some(&key));
        for role in (1..=4).filter_map(Role::from_code) {
            (user.role, user.disabled_at) = (role, None);
            (key.scopes, key.expires_at, key.name) = (Vec::new(), None, String::new());
            user.updated_at += 1;
            key.updated_at += 1;
            put(&*store, [TeamChange::PutUser(user.clone()), TeamChange::PutApiKey(key.clone())]).await;
            assert_eq!(store.user(&acme(), text).await.unwrap().as_ref(), Some(&user));
            assert_eq!(store.api_key_by_hash(&key.hash).await.unwrap().as_ref(), Some(&key));
        }
        let sent = ResetToken { expires_at: i64::MAX, ..token(text, byte) };
        put(&*store, [TeamChange::PutResetToken(sent.clone())]).await;
        assert_eq!(store.take_reset_token(&sent.hash, i64::MIN).await.unwrap(), Some(sent));
    }
    let users = store.users(&acme(), None, 0).await.unwrap().users;
    assert_eq!(users.len(), ODD_TEXTS.len());
    assert_eq!(store.api_keys(&acme(), None, 0).await.unwrap().keys.len(), ODD_TEXTS.len());
}

/// No other user of any workspace may have it, in any letter case. Its owner can be written again.
pub async fn email_belongs_to_one_user(store: Arc<dyn Store>) {
    let change = |id: &str, email: &str| TeamChange::PutUser(user(id, email));
    put(&*store, [change("1", "Zoë@Example.org"), change("2", "b@x")]).await;
    let there = UserRecord { workspace: workspace("other"), ..user("1", "ZOË@example.ORG") };
    let elsewhere = write(&*store, &workspace("other"), [TeamChange::PutUser(there.clone())]).await;
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::Conflict);
    for list in [
        [change("3", "zoë@example.org"), change("4", "d@x")],
        [change("2", "ZOË@EXAMPLE.ORG"), change("4", "d@x")],
        [change("3", "c@x"), change("4", "C@X")],
        [change("1", "e@x"), change("2", "E@x")],
    ] {
        assert_eq!(refused(&*store, list).await, ErrorKind::Conflict);
    }
    assert_eq!(store.user(&acme(), "1").await.unwrap(), Some(user("1", "Zoë@Example.org")));
    assert_eq!(store.user(&acme(), "2").await.unwrap(), Some(user("2", "b@x")));
    assert_eq!(store.users(&acme(), None, 0).await.unwrap().users.len(), 2, "nothing of those commits");
    for email in ["Zoë@Example.org", "zoë@example.org", "ZOË@EXAMPLE.ORG"] {
        assert_eq!(store.user_by_email(email).await.unwrap().unwrap().id, "1");
    }
    assert_eq!(store.user_by_email("zoe@example.org").await.unwrap(), None);
    put(&*store, [change("1", "ZOË@example.org")]).await;
    assert_eq!(store.user_by_email("zoë@EXAMPLE.org").await.unwrap().unwrap().email, "ZOË@example.org");
    // Given up, it is free, also within the commit.
    put(&*store, [change("1", "new@x"), change("2", "zoë@example.org"), change("3", "B@x")]).await;
    assert_eq!(store.user_by_email("ZOË@example.org").await.unwrap().unwrap().id, "2");
    assert_eq!(store.user_by_email("b@x").await.unwrap().unwrap().id, "3");
    put(&*store, [TeamChange::DeleteUser("2".into())]).await;
    write(&*store, &workspace("other"), [TeamChange::PutUser(there.clone())]).await.unwrap();
    assert_eq!(store.user_by_email("zoë@example.org").await.unwrap(), Some(there));
    assert_eq!(store.user(&acme(), "2").await.unwrap(), None);
}

/// Many users want it at once: one gets it.
pub async fn concurrent_users_do_not_share_an_email(store: Arc<dyn Store>) {
    for round in 0..4 {
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                let there = workspace(&format!("w{number}"));
                let email = if number % 2 == 0 { format!("a{round}@x") } else { format!("A{round}@X") };
                let user = UserRecord { workspace: there.clone(), ..user(&format!("{round}"), &email) };
                write(&*store, &there, [TeamChange::PutUser(user)]).await.map_err(|error| error.kind())
            });
        }
        let mut written = 0;
        while let Some(ended) = tasks.join_next().await {
            match ended.unwrap() {
                Ok(()) => written += 1,
                Err(kind) => assert_eq!(kind, ErrorKind::Conflict),
            }
        }
        assert_eq!(written, 1);
        assert!(store.user_by_email(&format!("a{round}@x")).await.unwrap().is_some());
    }
}

/// By the time they were made, then by id; those of another workspace do not show.
pub async fn teams_are_listed_oldest_first(store: Arc<dyn Store>) {
    for (place, (id, at)) in [("b", 5), ("c", 5), ("B", 5), ("z", -4), ("a", 9)].into_iter().enumerate() {
        write(&*store, &workspace(id), [TeamChange::PutWorkspace(record(id, at))]).await.unwrap();
        let user = UserRecord { created_at: at, ..user(id, &format!("{place}@x")) };
        let key = ApiKeyRecord { created_at: at, ..api_key(id, place as u8) };
        put(&*store, [TeamChange::PutUser(user), TeamChange::PutApiKey(key)]).await;
    }
    let other = workspace("other");
    let key = ApiKeyRecord { workspace: other.clone(), ..api_key("o", 99) };
    write(&*store, &other, [TeamChange::PutApiKey(key)]).await.unwrap();
    for limit in [1, 2, 5] {
        let (mut ids, mut after) = (Vec::new(), (None, None, None));
        loop {
            let workspaces = store.workspaces(after.0.as_deref(), limit).await.unwrap();
            let users = store.users(&acme(), after.1.as_deref(), limit).await.unwrap();
            let keys = store.api_keys(&acme(), after.2.as_deref(), limit).await.unwrap();
            assert!((1..=limit as usize).contains(&users.users.len()));
            let names = workspaces.workspaces.iter().map(|workspace| workspace.id.as_str());
            assert!(names.eq(users.users.iter().map(|user| &*user.id)));
            assert!(keys.keys.iter().map(|key| &key.id).eq(users.users.iter().map(|user| &user.id)));
            ids.extend(users.users.into_iter().map(|user| user.id));
            after = (workspaces.next, users.next, keys.next);
            assert_eq!((after.0.is_some(), after.2.is_some()), (after.1.is_some(), after.1.is_some()));
            if after.1.is_none() {
                break;
            }
        }
        assert_eq!(ids, ["z", "B", "b", "c", "a"]);
    }
    for foreign in ["", "x", "x.y"] {
        bad_cursor(store.users(&acme(), Some(foreign), 5)).await;
        bad_cursor(store.api_keys(&acme(), Some(foreign), 5)).await;
        bad_cursor(store.workspaces(Some(foreign), 5)).await;
    }
}

/// A revoked key stays revoked, and the later use counts, also when a stale record is written.
pub async fn api_key_stays_revoked(store: Arc<dyn Store>) {
    let touch = |at| TeamChange::TouchApiKey { key: "k".into(), at };
    let revoke = |at| TeamChange::RevokeApiKey { key: "k".into(), at };
    // Apart from its revision.
    let key = async || {
        let key = store.api_key_by_hash(&hash(1)).await.unwrap().unwrap();
        ApiKeyRecord { updated_at: 1, ..key }
    };
    let untouched = ApiKeyRecord { expires_at: Some(50), ..api_key("k", 1) };
    put(&*store, [TeamChange::PutApiKey(untouched.clone()), TeamChange::PutApiKey(api_key("l", 2))]).await;
    assert!(key().await.is_valid(49) && !key().await.is_valid(50));
    put(&*store, [touch(7), touch(9), touch(8)]).await;
    assert_eq!(key().await, ApiKeyRecord { last_used_at: Some(9), ..untouched.clone() });
    put(&*store, [revoke(20), revoke(10)]).await;
    let revoked = ApiKeyRecord { last_used_at: Some(9), revoked_at: Some(20), ..untouched.clone() };
    assert_eq!(key().await, revoked);
    assert!(!key().await.is_valid(0));
    put(&*store, [TeamChange::PutApiKey(ApiKeyRecord { name: "renamed".into(), ..untouched.clone() })]).await;
    assert_eq!(key().await, ApiKeyRecord { name: "renamed".into(), ..revoked.clone() });
    let used = ApiKeyRecord { last_used_at: Some(30), revoked_at: Some(1), ..untouched };
    put(&*store, [TeamChange::PutApiKey(used)]).await;
    assert_eq!(key().await, ApiKeyRecord { last_used_at: Some(30), ..revoked });
    assert_eq!(store.api_key_by_hash(&hash(2)).await.unwrap(), Some(api_key("l", 2)));
    // One secret opens one key.
    for list in [[api_key("m", 3), api_key("n", 1)], [api_key("m", 3), api_key("l", 3)]] {
        assert_eq!(refused(&*store, list.map(TeamChange::PutApiKey)).await, ErrorKind::Conflict);
    }
    assert_eq!(store.api_key_by_hash(&hash(3)).await.unwrap(), None);
    put(&*store, [TeamChange::PutApiKey(api_key("l", 4))]).await;
    assert_eq!(store.api_key_by_hash(&hash(2)).await.unwrap(), None, "its hash was replaced");
}

/// The newest token of a user, before it expires, to one of all callers.
pub async fn reset_token_is_taken_once(store: Arc<dyn Store>) {
    let change = |user: &str, byte| TeamChange::PutResetToken(token(user, byte));
    put(&*store, [change("u", 1), change("v", 2), change("u", 3)]).await;
    assert_eq!(store.take_reset_token(&hash(1), 0).await.unwrap(), None, "replaced");
    assert_eq!(refused(&*store, [change("w", 4), change("w", 2)]).await, ErrorKind::Conflict);
    assert_eq!(store.take_reset_token(&hash(4), 0).await.unwrap(), None);
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        let store = store.clone();
        tasks.spawn(async move { store.take_reset_token(&hash(3), 99).await.unwrap() });
    }
    let mut taken = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        taken.extend(ended.unwrap());
    }
    assert_eq!(taken, [token("u", 3)]);
    assert_eq!(store.take_reset_token(&hash(2), 100).await.unwrap(), None, "its time was up");
    put(&*store, [change("u", 5), TeamChange::DeleteUser("u".into())]).await;
    assert_eq!(store.take_reset_token(&hash(5), 0).await.unwrap(), None, "the user is gone");
}

/// A record of another workspace does not get in.
pub async fn team_records_belong_to_the_workspace(store: Arc<dyn Store>) {
    let other = workspace("other");
    let list = [
        TeamChange::PutWorkspace(record("acme", 1)),
        TeamChange::PutUser(user("u", "a@x")),
        TeamChange::PutApiKey(api_key("k", 1)),
        TeamChange::PutResetToken(token("u", 1)),
    ];
    for change in list.clone() {
        let ours = TeamChange::PutWorkspace(record("other", 1));
        let error = write(&*store, &other, [ours, change]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(store.workspace(&other).await.unwrap(), None);
    put(&*store, list).await;
    assert_eq!(store.user(&other, "u").await.unwrap(), None);
    assert_eq!(store.users(&other, None, 0).await.unwrap(), Default::default());
    let foreign = [
        TeamChange::DeleteUser("u".into()),
        TeamChange::RevokeApiKey { key: "k".into(), at: 1 },
        TeamChange::TouchApiKey { key: "k".into(), at: 1 },
    ];
    write(&*store, &other, foreign).await.unwrap();
    assert_eq!(store.user(&acme(), "u").await.unwrap(), Some(user("u", "a@x")));
    assert_eq!(store.api_key_by_hash(&hash(1)).await.unwrap(), Some(api_key("k", 1)));
}

/// One of each record of a workspace, besides those of an account.
fn of_workspace(name: &str) -> Vec<Change> {
    let id = workspace(name);
    let byte = name.as_bytes()[0];
    let record = ConversationRecord {
        account: format!("{name}/a").parse().unwrap(),
        chat: "c".into(),
        flow: "f".into(),
        version: 1,
        state: Default::default(),
        status: ConversationStatus::Waiting,
        wake_at: Some(1),
        revision: 1,
        updated_at: 1,
    };
    let (flow, account, chat) = ("f".to_owned(), record.account.clone(), "c".to_owned());
    let count = NodeCount { node: "n".into(), entered: 1, left: 0, dropped: 0, millis: 0 };
    let user = UserRecord { workspace: id.clone(), ..user("u", &format!("{name}@x")) };
    vec![
        Change::Flow(FlowChange::PutDraft { flow: flow.clone(), name: flow.clone(), draft: None, at: 1 }),
        Change::Flow(FlowChange::Publish {
            flow: flow.clone(),
            definition: "{}".into(),
            at: 1,
            by: "u".into(),
        }),
        Change::Flow(FlowChange::PutConversation { record, expected: None }),
        Change::Flow(FlowChange::SeenInput { account, chat, message_id: "1".into(), at: 1 }),
        Change::Flow(FlowChange::CountNode { flow, version: 1, count }),
        Change::Team(TeamChange::PutWorkspace(self::record(name, 1))),
        Change::Team(TeamChange::PutUser(user)),
        Change::Team(TeamChange::PutApiKey(ApiKeyRecord { workspace: id.clone(), ..api_key("k", byte) })),
        Change::Team(TeamChange::PutResetToken(ResetToken { workspace: id, ..token("u", byte) })),
        Change::Setting(SettingChange::Put { name: "s".into(), value: "v".into() }),
        Change::Contacted(ContactedChange::Note { sender: "a".into(), people: vec![(1, 1)] }),
    ]
}

/// What is there of [`of_workspace`]. Reading the token takes it.
async fn present(store: &dyn Store, name: &str) -> Vec<bool> {
    let (id, a) = (workspace(name), account(&format!("{name}/a")));
    vec![
        store.flow(&id, "f").await.unwrap().is_some(),
        store.flow_version(&id, "f", 1).await.unwrap().is_some(),
        store.conversation(&a, "c").await.unwrap().is_some(),
        store.input_seen(&a, "c", "1").await.unwrap(),
        !store.node_counts(&id, "f", 1).await.unwrap().is_empty(),
        store.workspace(&id).await.unwrap().is_some(),
        store.user_by_email(&format!("{name}@x")).await.unwrap().is_some(),
        store.api_key_by_hash(&hash(name.as_bytes()[0])).await.unwrap().is_some(),
        store.take_reset_token(&hash(name.as_bytes()[0]), 1).await.unwrap().is_some(),
        store.lease(&id, "l").await.unwrap().is_some(),
        store.setting(&id, "s").await.unwrap().is_some(),
        !store.times_contacted(&id, &[1], 0).await.unwrap().is_empty(),
    ]
}

/// The keys of a workspace's events, once they can be read. Other open transactions may delay that for a moment.
async fn events(store: &dyn Store, name: &str, last: &str) -> Vec<String> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    loop {
        let events = store.events(&workspace(name), None, 9).await.unwrap();
        let keys: Vec<_> = events.into_iter().map(|event| event.key).collect();
        if keys.last().is_some_and(|key| key == last) {
            return keys;
        }
        assert!(tokio::time::Instant::now() < deadline, "{last} is not behind {keys:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn event(key: &str) -> Change {
    Change::Event(EventChange::Put(NewEvent { key: key.into(), data: "{}".into(), at: 1 }))
}

/// Everything of all domains, and nothing of another workspace. The workspace can be made again.
pub async fn deleted_workspace_leaves_nothing(store: Arc<dyn Store>) {
    for name in ["x", "y"] {
        let a = account(&format!("{name}/a"));
        commit(&*store, &a, one_of_each(&a)).await;
        store.acquire_lease(&workspace(name), "l", "o", 0, 10).await.unwrap();
        commit(&*store, &a, of_workspace(name)).await;
        commit(&*store, &a, [event("first")]).await;
    }
    // Later changes of the same commit stay.
    let list = vec![event("before"), Change::Team(TeamChange::DeleteWorkspace), event("behind")];
    store.commit(Changes { list, ..Changes::new(workspace("x")) }).await.unwrap();
    assert_eq!(present(&*store, "x").await, [false; 12]);
    assert_eq!(Presence::of(&*store, &account("x/a")).await, Presence::NONE);
    assert_eq!(events(&*store, "x", "behind").await, ["behind"]);
    assert_eq!(present(&*store, "y").await, [true; 12]);
    assert_eq!(Presence::of(&*store, &account("y/a")).await, Presence::ALL);
    assert_eq!(events(&*store, "y", "first").await, ["first"]);
    let a = account("x/a");
    let mut list = vec![Change::Team(TeamChange::DeleteWorkspace)];
    list.extend(one_of_each(&a).into_iter().chain(of_workspace("x")));
    commit(&*store, &a, list).await;
    store.acquire_lease(&workspace("x"), "l", "o", 0, 10).await.unwrap();
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL);
    assert_eq!(present(&*store, "x").await, [true; 12]);
}
