//! What people edit is written as it was read, or not at all.
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{samples::account, samples::session, webhook::endpoint};
use crate::{
    ApiKeyRecord, Change, Changes, ContactChange, ContactRecord, DesiredState, ErrorKind, Result, Role,
    Scope, SessionRecord, SettingChange, Store, TeamChange, UserRecord, WebhookChange, WorkspaceId,
    WorkspaceRecord,
};

fn here() -> WorkspaceId {
    "w".parse().unwrap()
}

async fn write(store: &dyn Store, scope: &Scope, list: Vec<Change>) -> Result<()> {
    store.commit(Changes { list, ..Changes::new(scope.clone()) }).await
}

/// Something that people edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Session,
    Contact,
    Endpoint,
    Workspace,
    User,
    ApiKey,
}

const KINDS: [Kind; 6] =
    [Kind::Session, Kind::Contact, Kind::Endpoint, Kind::Workspace, Kind::User, Kind::ApiKey];

impl Kind {
    fn scope(self) -> Scope {
        if self == Self::Session { account("w/a").into() } else { here().into() }
    }

    fn expect(self, updated_at: Option<i64>) -> Change {
        let id = "a".to_owned();
        match self {
            Self::Session => Change::ExpectSession { updated_at },
            Self::Contact => ContactChange::Expect { id, updated_at }.into(),
            Self::Endpoint => WebhookChange::Expect { endpoint: id, updated_at }.into(),
            Self::Workspace => TeamChange::ExpectWorkspace { updated_at }.into(),
            Self::User => TeamChange::ExpectUser { user: id, updated_at }.into(),
            Self::ApiKey => TeamChange::ExpectApiKey { key: id, updated_at }.into(),
        }
    }

    /// A write that changes something, also when it says the same time again.
    fn put(self, name: &str, at: i64) -> Change {
        let (id, name, workspace) = ("a".to_owned(), name.to_owned(), here());
        match self {
            Self::Session => Change::PutSession(SessionRecord { name, updated_at: at, ..session("w/a", 1) }),
            Self::Contact => {
                let contact = ContactRecord { id, name, updated_at: at, ..ContactRecord::default() };
                ContactChange::Put(Box::new(contact)).into()
            }
            Self::Endpoint => {
                let endpoint = crate::EndpointRecord { description: name, updated_at: at, ..endpoint("a") };
                WebhookChange::PutEndpoint(endpoint).into()
            }
            Self::Workspace => TeamChange::PutWorkspace(WorkspaceRecord {
                id: workspace,
                name,
                tier: "t".into(),
                created_at: 1,
                updated_at: at,
            })
            .into(),
            Self::User => TeamChange::PutUser(UserRecord {
                id,
                workspace,
                // Another address makes another row of it.
                email: format!("{name}@x"),
                password_hash: "h".into(),
                name,
                role: Role::Agent,
                tier: "t".into(),
                created_at: 1,
                disabled_at: None,
                password_changed_at: 1,
                updated_at: at,
            })
            .into(),
            Self::ApiKey => TeamChange::PutApiKey(ApiKeyRecord {
                id,
                workspace,
                hash: [7; 32],
                name,
                scopes: Vec::new(),
                created_at: 1,
                last_used_at: None,
                expires_at: None,
                revoked_at: None,
                updated_at: at,
            })
            .into(),
        }
    }

    /// Writes of other kinds that people make.
    fn other_edits(self) -> Vec<Change> {
        let id = "a".to_owned();
        match self {
            Self::Contact => vec![
                ContactChange::AddTags { id: id.clone(), tags: ["t".to_owned()].into(), at: 1 }.into(),
                ContactChange::SetField { id: id.clone(), name: "f".into(), value: Some("v".into()), at: 1 }
                    .into(),
                ContactChange::RemoveTags { id: id.clone(), tags: ["t".to_owned()].into(), at: 1 }.into(),
                ContactChange::OptOut { id, at: 1 }.into(),
            ],
            Self::ApiKey => vec![TeamChange::RevokeApiKey { key: id, at: 1 }.into()],
            _ => Vec::new(),
        }
    }

    /// Writes of machines, which say nothing of what people edit.
    fn observations(self) -> Vec<Change> {
        let id = "a".to_owned();
        match self {
            Self::Session => vec![Change::SetObserved(crate::SessionObservation {
                state: crate::ObservedState::Connected,
                at: 99,
                reason: None,
            })],
            Self::Contact => vec![ContactChange::Seen { id, at: 99 }.into()],
            Self::Endpoint => vec![WebhookChange::SetFailing { endpoint: id, since: Some(99) }.into()],
            Self::ApiKey => vec![TeamChange::TouchApiKey { key: id, at: 99 }.into()],
            Self::Workspace | Self::User => Vec::new(),
        }
    }

    async fn revision(self, store: &dyn Store) -> Option<i64> {
        let w = here();
        match self {
            Self::Session => store.session(&account("w/a")).await.unwrap().map(|it| it.updated_at),
            Self::Contact => store.contact(&w, "a").await.unwrap().map(|it| it.updated_at),
            Self::Endpoint => store.endpoint(&w, "a").await.unwrap().map(|it| it.updated_at),
            Self::Workspace => store.workspace(&w).await.unwrap().map(|it| it.updated_at),
            Self::User => store.user(&w, "a").await.unwrap().map(|it| it.updated_at),
            Self::ApiKey => store.api_key_by_hash(&[7; 32]).await.unwrap().map(|it| it.updated_at),
        }
    }
}

/// Of two who read the same and write, the second is told; so is who makes what was made meanwhile. What machines note does not
/// count.
pub async fn what_people_edit_is_changed_as_it_was_read(store: Arc<dyn Store>) {
    for kind in KINDS {
        let scope = kind.scope();
        let conflict = async |list: Vec<Change>| {
            let error = write(&*store, &scope, list).await.expect_err("a conflict");
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind:?}");
        };
        assert_eq!(kind.revision(&*store).await, None, "{kind:?}");
        conflict(vec![kind.expect(Some(5)), kind.put("none", 5)]).await;
        write(&*store, &scope, vec![kind.expect(None), kind.put("made", 5)]).await.unwrap();
        assert_eq!(kind.revision(&*store).await, Some(5), "{kind:?}");
        conflict(vec![kind.expect(None), kind.put("again", 6)]).await;
        let edits = [kind.put("one", 5), kind.put("two", 90), kind.put("three", -1)];
        for edit in edits.into_iter().chain(kind.other_edits()) {
            let read = kind.revision(&*store).await;
            write(&*store, &scope, vec![kind.expect(read), edit.clone()]).await.unwrap();
            assert!(kind.revision(&*store).await > read, "{kind:?}: {edit:?}");
            conflict(vec![kind.expect(read), edit]).await;
        }
        let read = kind.revision(&*store).await;
        assert!(read > Some(90), "{kind:?}");
        write(&*store, &scope, kind.observations()).await.unwrap();
        assert_eq!(kind.revision(&*store).await, read, "{kind:?}");
        // Within a commit, as the changes before it leave things.
        let next = read.map(|read| read + 1);
        let list = vec![kind.expect(read), kind.put("four", 0), kind.expect(next), kind.put("five", 0)];
        write(&*store, &scope, list).await.unwrap();
        conflict(vec![kind.put("six", 0), kind.expect(next)]).await;
    }
}

/// A setting has no revision: its value is what was read.
pub async fn a_setting_is_changed_as_it_was_read(store: Arc<dyn Store>) {
    let scope = Scope::from(here());
    let value = |text: &'static str| Bytes::from_static(text.as_bytes());
    let expect =
        |read: Option<&'static str>| SettingChange::Expect { name: "s".into(), value: read.map(value) };
    let put = |text| SettingChange::Put { name: "s".into(), value: value(text) };
    let commit = async |list: Vec<SettingChange>| {
        let written = write(&*store, &scope, list.into_iter().map(Change::from).collect()).await;
        written.map_err(|error| error.kind())
    };
    assert_eq!(commit(vec![expect(Some("a")), put("b")]).await, Err(ErrorKind::Conflict));
    assert_eq!(commit(vec![expect(None), put("a")]).await, Ok(()));
    assert_eq!(commit(vec![expect(None), put("b")]).await, Err(ErrorKind::Conflict));
    assert_eq!(commit(vec![expect(Some("x")), put("b")]).await, Err(ErrorKind::Conflict));
    assert_eq!(commit(vec![expect(Some("a")), put("b"), expect(Some("b"))]).await, Ok(()));
    let (seed, delete) = (
        SettingChange::Seed { name: "s".into(), value: value("c") },
        SettingChange::Delete { name: "s".into() },
    );
    assert_eq!(commit(vec![seed.clone(), expect(Some("b")), delete.clone(), expect(None)]).await, Ok(()));
    assert_eq!(commit(vec![expect(None), seed, expect(Some("c")), delete]).await, Ok(()));
    assert_eq!(store.setting(&here(), "s").await.unwrap(), None);
}

/// Of those who make one thing at once, one does.
pub async fn one_of_many_makes_what_people_edit(store: Arc<dyn Store>) {
    for kind in KINDS {
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                let list = vec![kind.expect(None), kind.put(&number.to_string(), number)];
                write(&*store, &kind.scope(), list).await.is_ok()
            });
        }
        let made = tasks.join_all().await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 1, "{kind:?}");
    }
}

/// Oldest first, also where many were made in one millisecond, and each once while others come and go.
pub async fn pages_of_sessions_are_oldest_first(store: Arc<dyn Store>) {
    let put = async |id: &str, created_at| {
        let list = vec![Change::PutSession(session(id, created_at))];
        write(&*store, &account(id).into(), list).await.unwrap();
    };
    for (id, at) in [("w/b", 5), ("w/c", 5), ("w/B", 5), ("w/z", -4), ("w/a", 9), ("v/a", 1)] {
        put(id, at).await;
    }
    let page = async |after: Option<&str>, limit| store.session_page(&here(), after, limit).await.unwrap();
    let names = |sessions: &[SessionRecord]| -> Vec<String> {
        sessions.iter().map(|session| session.id.name().to_owned()).collect()
    };
    let all = page(None, 0).await;
    assert_eq!((names(&all.sessions), all.next), (["z", "B", "b", "c", "a"].map(str::to_owned).into(), None));
    assert_eq!(all.sessions, store.sessions(&here()).await.unwrap());
    let first = page(None, 2).await;
    assert_eq!(names(&first.sessions), ["z", "B"]);
    put("w/A", 5).await;
    put("w/d", 5).await;
    let second = page(first.next.as_deref(), 2).await;
    assert_eq!(names(&second.sessions), ["b", "c"]);
    let third = page(second.next.as_deref(), 2).await;
    assert_eq!((names(&third.sessions), &third.next), (["d", "a"].map(str::to_owned).into(), &None));
    let desired = DesiredState::Stopped;
    let stopped = SessionRecord { desired, ..session("w/z", -4) };
    write(&*store, &account("w/z").into(), vec![Change::PutSession(stopped)]).await.unwrap();
    assert_eq!(page(None, 1).await.sessions[0].desired, desired);
    let nobody = store.session_page(&"u".parse().unwrap(), None, 10).await.unwrap();
    assert_eq!(nobody, Default::default());
    for cursor in ["", "x", "5", "x.a"] {
        let error = store.session_page(&here(), Some(cursor), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadCursor, "{cursor:?}");
    }
}
