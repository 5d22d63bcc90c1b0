//! Two people, every order of their commits, and what is left of each.
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value as Json, json};
use whatsapp_store::{AuditQuery, AuditStore, FlowStore, SettingStore, memory::MemoryStore};

use super::*;

struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn service() -> (Arc<MemoryStore>, BotService) {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Ticks(AtomicI64::new(1_000)));
    (store.clone(), BotService::with_clock(store, WorkspaceId::default(), clock))
}

fn bot(text: &str) -> Json {
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "n", "nodes": [
            {"id": "n", "kind": "say", "config": {"text": text}, "exits": [{"id": "next"}]}]}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    })
}

fn draft_of(text: &str) -> Draft {
    Draft::from_json(bot(text).to_string()).unwrap()
}

fn id(text: &str) -> BotId {
    text.parse().unwrap()
}

async fn actions(store: &MemoryStore) -> Vec<(String, String)> {
    let page = store.audit(&WorkspaceId::default(), &AuditQuery::default()).await.unwrap();
    let mut actions: Vec<_> = page.entries.into_iter().map(|entry| (entry.actor, entry.action)).collect();
    actions.reverse();
    actions
}

#[tokio::test]
async fn each_write_is_in_the_audit_log() {
    let (store, service) = service();
    service.create(&id("shop"), None, draft_of("Hello"), "ana").await.unwrap();
    service.change("shop", Some("Shop"), draft_of("Hi"), None, "bob").await.unwrap();
    let published = service.publish("shop", None, "ana").await.unwrap().bot;
    assert_eq!((&*published.name, published.published, published.enabled), ("Shop", Some(1), true));
    assert!(!service.set_enabled("shop", false, "bob").await.unwrap().enabled);
    // Publishing again does not enable what somebody disabled.
    let again = service.publish("shop", None, "ana").await.unwrap().bot;
    assert_eq!((again.published, again.enabled), (Some(2), false));
    let times = SettingChange::Put { name: setting("shop"), value: b"{}".to_vec().into() };
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(times);
    store.commit(changes).await.unwrap();
    service.delete("shop", None, "ana").await.unwrap();
    assert_eq!(store.setting(&WorkspaceId::default(), &setting("shop")).await.unwrap(), None);
    let expected =
        ["ana created", "bob changed", "ana published", "bob disabled", "ana published", "ana deleted"];
    let found: Vec<_> = actions(&store)
        .await
        .into_iter()
        .map(|(actor, action)| format!("{actor} {}", action.trim_start_matches("chatbot.")))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_is_not_there_or_not_ready_is_refused_and_changes_nothing() {
    let (store, service) = service();
    for error in [
        service.publish("shop", None, "ana").await.unwrap_err(),
        service.set_enabled("shop", true, "ana").await.unwrap_err(),
        service.delete("shop", None, "ana").await.unwrap_err(),
        service.change("shop", None, draft_of("Hi"), None, "ana").await.unwrap_err(),
        service.findings("shop").await.unwrap_err(),
        service.counts("shop", None).await.unwrap_err(),
        service.versions("shop", None, 10).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ServiceErrorKind::NotFound);
    }
    service.create(&id("shop"), None, draft_of("Hello"), "ana").await.unwrap();
    let taken = service.create(&id("shop"), None, draft_of("Hi"), "bob").await.unwrap_err();
    assert!(matches!(taken, ServiceError::Exists(_)));
    let mut broken = bot("Hi");
    broken["flows"][0]["entry"] = json!("elsewhere");
    let broken = Draft::from_json(broken.to_string()).unwrap();
    let saved = service.change("shop", None, broken, None, "ana").await.unwrap();
    assert!(saved.findings.iter().any(Finding::is_error));
    let error = service.publish("shop", None, "ana").await.unwrap_err();
    assert!(matches!(&error, ServiceError::Unpublishable(findings) if !findings.0.is_empty()), "{error}");
    assert_eq!(service.head("shop").await.unwrap().published, None);
    assert_eq!(service.counts("shop", None).await.unwrap(), None);
    assert_eq!(actions(&store).await.len(), 2, "what was refused is no change");
}

/// Whoever writes from what another has changed is told, whatever the two do.
#[tokio::test]
async fn a_write_names_the_state_that_it_replaces() {
    let (_, service) = service();
    let made = service.create(&id("shop"), None, draft_of("Hello"), "ana").await.unwrap();
    let read = Revision(made.bot.updated_at);
    let first = service.change("shop", None, draft_of("Ana's"), Some(read), "ana").await.unwrap();
    let second = service.change("shop", None, draft_of("Bob's"), Some(read), "bob").await.unwrap_err();
    assert!(matches!(second, ServiceError::Changed(_)));
    let stored = service.show("shop").await.unwrap();
    assert_eq!(stored.draft.as_deref(), Some(draft_of("Ana's").json()));
    let now = Revision(first.bot.updated_at);
    service.change("shop", None, draft_of("Bob's"), Some(now), "bob").await.unwrap();
    // Each other write is a change, too.
    for step in 0..2 {
        let before = Revision(service.head("shop").await.unwrap().updated_at);
        match step {
            0 => drop(service.publish("shop", None, "ana").await.unwrap()),
            _ => drop(service.set_enabled("shop", false, "ana").await.unwrap()),
        }
        let late = service.change("shop", None, draft_of("late"), Some(before), "bob").await.unwrap_err();
        assert_eq!(late.kind(), ServiceErrorKind::Conflict, "step {step}");
        let unseen = service.publish("shop", Some(before), "bob").await.unwrap_err();
        assert!(matches!(unseen, ServiceError::Changed(_)), "step {step}");
        let deleted = service.delete("shop", Some(before), "bob").await.unwrap_err();
        assert!(matches!(deleted, ServiceError::Changed(_)), "step {step}");
    }
    let read = Revision(service.head("shop").await.unwrap().updated_at);
    service.publish("shop", Some(read), "bob").await.unwrap();
}

/// A store that lets somebody else write between a read and the commit.
#[derive(Debug)]
struct Interleaved {
    inner: Arc<MemoryStore>,
    other: std::sync::Mutex<Option<Changes>>,
}

whatsapp_store::delegate_store!(Interleaved => inner);

#[async_trait::async_trait]
impl Store for Interleaved {
    async fn commit(&self, changes: Changes) -> whatsapp_store::Result<()> {
        let other = self.other.lock().unwrap().take();
        if let Some(other) = other {
            self.inner.commit(other).await?;
        }
        self.inner.commit(changes).await
    }
}

#[tokio::test]
async fn no_write_passes_over_one_that_came_between() {
    let workspace = WorkspaceId::default();
    for action in ["change", "publish", "enable", "delete"] {
        let (inner, plain) = service();
        plain.create(&id("shop"), None, draft_of("Hello"), "ana").await.unwrap();
        let mut other = Changes::new(workspace.clone());
        let draft = Some(draft_of("meanwhile").into_json());
        other.push(FlowChange::PutDraft { flow: "shop".into(), name: "Shop".into(), draft, at: 1 });
        let store = Interleaved { inner: inner.clone(), other: std::sync::Mutex::new(Some(other)) };
        let service = BotService::new(Arc::new(store), workspace.clone());
        let error = match action {
            "change" => service.change("shop", None, draft_of("mine"), None, "bob").await.unwrap_err(),
            "publish" => service.publish("shop", None, "bob").await.unwrap_err(),
            "enable" => service.set_enabled("shop", true, "bob").await.unwrap_err(),
            _ => service.delete("shop", None, "bob").await.unwrap_err(),
        };
        assert!(matches!(error, ServiceError::Changed(_)), "{action}: {error}");
        let left = inner.flow(&workspace, "shop").await.unwrap().unwrap();
        assert_eq!(left.draft.as_deref(), Some(draft_of("meanwhile").json()), "{action}");
        assert_eq!((left.published, left.enabled), (None, false), "{action}");
    }
}
