use std::sync::Arc;

use tokio::task::JoinSet;

use super::samples::bad_cursor;
use super::{
    conversation::{conversation, found, step},
    samples::{ODD_TEXTS, account},
};
use crate::{
    Change, Changes, ConversationRecord, ConversationStatus, ErrorKind, FlowChange, FlowHead, FlowRecord,
    FlowVersion, FlowVersionHead, NodeCount, Result, Store, WorkspaceId,
};

pub(super) fn workspace(name: &str) -> WorkspaceId {
    name.parse().unwrap()
}

/// The workspace of [`account`].
pub(super) fn here() -> WorkspaceId {
    WorkspaceId::default()
}

pub(super) async fn write(
    store: &dyn Store,
    workspace: &WorkspaceId,
    list: impl IntoIterator<Item = FlowChange>,
) -> Result<()> {
    let list = list.into_iter().map(Change::Flow).collect();
    store.commit(Changes { list, ..Changes::new(workspace.clone()) }).await
}

pub(super) async fn put(store: &dyn Store, list: impl IntoIterator<Item = FlowChange>) {
    write(store, &here(), list).await.unwrap();
}

pub(super) async fn refused(store: &dyn Store, list: impl IntoIterator<Item = FlowChange>) -> ErrorKind {
    write(store, &here(), list).await.unwrap_err().kind()
}

pub(super) fn draft(flow: &str, at: i64) -> FlowChange {
    FlowChange::PutDraft { flow: flow.into(), name: format!("{flow}!"), draft: Some("{}".into()), at }
}

pub(super) fn publish(flow: &str, definition: &str) -> FlowChange {
    FlowChange::Publish { flow: flow.into(), definition: definition.into(), at: 7, by: "ann".into() }
}

/// A flow with no further settings.
pub async fn absent_flow_is_none(store: Arc<dyn Store>) {
    let a = account("a");
    assert_eq!(store.flow(&here(), "f").await.unwrap(), None);
    assert_eq!(store.flows(&here(), None, 0).await.unwrap(), Default::default());
    assert_eq!(store.flow_version(&here(), "f", 1).await.unwrap(), None);
    assert_eq!(store.flow_versions(&here(), "f", None, 0).await.unwrap(), Default::default());
    assert_eq!(found(&*store, "c").await, None);
    for status in (1..=4).filter_map(ConversationStatus::from_code) {
        let page = store.conversations(&here(), status, None, 0).await.unwrap();
        assert_eq!(page, Default::default());
    }
    assert_eq!(store.claim_due_conversations(&here(), i64::MAX, i64::MAX, 0).await.unwrap(), []);
    assert_eq!(store.due_workspaces(i64::MAX, 0).await.unwrap(), []);
    assert!(!store.input_seen(&a, "c", "1").await.unwrap());
    assert_eq!(store.oldest_input(&here()).await.unwrap(), None);
    assert_eq!(store.node_counts(&here(), "f", 1).await.unwrap(), []);
    let absent = [
        FlowChange::SetEnabled { flow: "f".into(), enabled: true, at: 1 },
        FlowChange::Delete { flow: "f".into(), at: 1 },
        FlowChange::EndConversation { account: a.clone(), chat: "c".into(), at: 1 },
        FlowChange::ForgetConversation { account: a.clone(), chat: "c".into() },
        FlowChange::ForgetInputs { before: i64::MAX, limit: 9 },
        FlowChange::ForgetEnded { before: i64::MAX, limit: 9 },
    ];
    put(&*store, absent).await;
    assert_eq!((store.flow(&here(), "f").await.unwrap(), found(&*store, "c").await), (None, None));
}

/// The draft, its metadata, and every version, with any text.
pub async fn flow_comes_back_as_written(store: Arc<dyn Store>) {
    for text in ODD_TEXTS {
        let (flow, other) = (text.to_owned(), format!("{text}+"));
        let change = |at, draft: Option<&str>| FlowChange::PutDraft {
            flow: flow.clone(),
            name: text.into(),
            draft: draft.map(Into::into),
            at,
        };
        let mut expected = FlowRecord {
            id: flow.clone(),
            name: text.into(),
            draft: Some(text.into()),
            published: None,
            enabled: false,
            created_at: -5,
            updated_at: -5,
        };
        put(&*store, [change(-5, Some(text))]).await;
        assert_eq!(store.flow(&here(), text).await.unwrap().as_ref(), Some(&expected));
        let publish = |definition: &str, at, by: &str| FlowChange::Publish {
            flow: flow.clone(),
            definition: definition.into(),
            at,
            by: by.into(),
        };
        let enable = FlowChange::SetEnabled { flow: flow.clone(), enabled: true, at: 8 };
        put(&*store, [publish(text, 6, text), publish(&other, 7, "bob"), enable]).await;
        (expected.published, expected.enabled, expected.updated_at) = (Some(2), true, 8);
        assert_eq!(store.flow(&here(), text).await.unwrap().as_ref(), Some(&expected), "the draft is kept");
        let version = |version, definition: &str, published_at, by: &str| FlowVersion {
            flow: flow.clone(),
            version,
            definition: definition.into(),
            published_at,
            published_by: by.into(),
        };
        let first = store.flow_version(&here(), text, 1).await.unwrap();
        assert_eq!(first, Some(version(1, text, 6, text)));
        let second = store.flow_version(&here(), text, 2).await.unwrap();
        assert_eq!(second, Some(version(2, &other, 7, "bob")));
        let head = |version, published_at, by: &str| FlowVersionHead {
            version,
            published_at,
            published_by: by.into(),
        };
        let heads = store.flow_versions(&here(), text, None, 0).await.unwrap();
        assert_eq!((heads.versions, heads.next), (vec![head(2, 7, "bob"), head(1, 6, text)], None));
        put(&*store, [change(9, None)]).await;
        (expected.draft, expected.updated_at) = (None, 9);
        assert_eq!(store.flow(&here(), text).await.unwrap(), Some(expected));
    }
}

/// And nothing of the commit is written, its later changes included.
pub async fn only_an_existing_flow_is_published(store: Arc<dyn Store>) {
    assert_eq!(
        refused(&*store, [draft("g", 1), publish("f", "{}"), draft("f", 1)]).await,
        ErrorKind::Invalid
    );
    assert_eq!(store.flows(&here(), None, 0).await.unwrap(), Default::default());
    put(&*store, [draft("f", 1), publish("f", "{}")]).await;
    assert_eq!(store.flow(&here(), "f").await.unwrap().unwrap().published, Some(1));
    let deleted = [FlowChange::Delete { flow: "f".into(), at: 2 }, publish("f", "{}")];
    assert_eq!(refused(&*store, deleted).await, ErrorKind::Invalid);
    assert_eq!(store.flow(&here(), "f").await.unwrap().unwrap().published, Some(1));
}

/// No number is given twice or skipped, however many publish at once.
pub async fn versions_are_numbered_one_by_one(store: Arc<dyn Store>) {
    put(&*store, [draft("f", 1)]).await;
    let mut tasks = JoinSet::new();
    for number in 0..24 {
        let store = store.clone();
        tasks.spawn(async move { put(&*store, [publish("f", &number.to_string())]).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let (mut numbers, mut definitions, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.flow_versions(&here(), "f", before.as_deref(), 7).await.unwrap();
        assert!((1..=7).contains(&page.versions.len()));
        numbers.extend(page.versions.iter().map(|head| head.version));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert_eq!(numbers, (1..=24).rev().collect::<Vec<_>>());
    for number in numbers {
        let version = store.flow_version(&here(), "f", number).await.unwrap().unwrap();
        definitions.push(version.definition.parse::<i32>().unwrap());
    }
    definitions.sort_unstable();
    assert_eq!(definitions, (0..24).collect::<Vec<_>>());
    bad_cursor(store.flow_versions(&here(), "f", Some("x"), 7)).await;
}

/// By creation time, whatever is written later.
pub async fn flows_are_oldest_first(store: Arc<dyn Store>) {
    for (id, at) in [("b", 5), ("c", 5), ("B", 5), ("z", -4), ("a", 9)] {
        put(&*store, [draft(id, at)]).await;
    }
    write(&*store, &workspace("other"), [draft("o", 0)]).await.unwrap();
    put(&*store, [draft("z", 99)]).await;
    for limit in [1, 2, 5] {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = store.flows(&here(), after.as_deref(), limit).await.unwrap();
            assert!(page.flows.len() <= limit as usize);
            ids.extend(page.flows.into_iter().map(|flow| flow.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(ids, ["z", "B", "b", "c", "a"]);
    }
    for foreign in ["", "x", "x.y"] {
        bad_cursor(store.flows(&here(), Some(foreign), 5)).await;
    }
}

/// Heads are the flows in the same order and pages, with all but the draft, as of the last commit.
pub async fn flow_heads_are_flows_without_drafts(store: Arc<dyn Store>) {
    let head = |flow: FlowRecord| {
        let FlowRecord { id, name, published, enabled, created_at, updated_at, .. } = flow;
        FlowHead { id, name, published, enabled, created_at, updated_at }
    };
    assert_eq!(store.flow_head(&here(), "f").await.unwrap(), None);
    assert_eq!(store.flow_heads(&here(), None, 0).await.unwrap(), Default::default());
    let large = FlowChange::PutDraft {
        flow: "large".into(),
        name: "Large".into(),
        draft: Some("x".repeat(100_000)),
        at: 3,
    };
    put(&*store, [draft("b", 5), draft("a", 5), large, publish("b", "{}"), draft("c", 9)]).await;
    write(&*store, &workspace("other"), [draft("o", 0)]).await.unwrap();
    let steps = [
        FlowChange::SetEnabled { flow: "b".into(), enabled: true, at: 20 },
        publish("large", "{}"),
        FlowChange::SetEnabled { flow: "b".into(), enabled: false, at: 1 },
        FlowChange::Delete { flow: "a".into(), at: 30 },
        draft("a", 40),
    ];
    for step in steps {
        put(&*store, [step]).await;
        let flows = store.flows(&here(), None, 0).await.unwrap().flows;
        let heads: Vec<_> = flows.into_iter().map(head).collect();
        for limit in [1, 2, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.flow_heads(&here(), after.as_deref(), limit).await.unwrap();
                found.extend(page.flows);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(found, heads);
        }
        for head in heads {
            assert_eq!(store.flow_head(&here(), &head.id).await.unwrap(), Some(head));
        }
    }
    bad_cursor(store.flow_heads(&here(), Some("x"), 5)).await;
}

/// With its versions and counts, and nothing of another flow. Its conversations end.
pub async fn deleted_flow_removes_its_versions(store: Arc<dyn Store>) {
    let of = |flow: &str, chat: &str, status| ConversationRecord {
        flow: flow.into(),
        status,
        wake_at: Some(3),
        ..conversation(chat, 1)
    };
    let count = NodeCount { node: "n".into(), entered: 1, left: 0, dropped: 0, millis: 0 };
    for flow in ["f", "g"] {
        let count = FlowChange::CountNode { flow: flow.into(), version: 1, count: count.clone() };
        put(&*store, [draft(flow, 1), publish(flow, "{}"), count]).await;
    }
    let handed_off = of("f", "handed off", ConversationStatus::HandedOff);
    let ended = of("f", "ended", ConversationStatus::Ended);
    let other = of("g", "other", ConversationStatus::Waiting);
    put(&*store, [step(handed_off.clone()), step(ended.clone()), step(other.clone())]).await;
    put(&*store, [FlowChange::Delete { flow: "f".into(), at: 50 }]).await;
    assert_eq!(store.flow(&here(), "f").await.unwrap(), None);
    assert_eq!(store.flow_version(&here(), "f", 1).await.unwrap(), None);
    assert_eq!(store.node_counts(&here(), "f", 1).await.unwrap(), []);
    assert!(store.flow(&here(), "g").await.unwrap().is_some());
    assert!(store.flow_version(&here(), "g", 1).await.unwrap().is_some());
    assert_eq!(store.node_counts(&here(), "g", 1).await.unwrap(), [count]);
    let over = ConversationRecord {
        status: ConversationStatus::Ended,
        wake_at: None,
        revision: 2,
        updated_at: 50,
        ..handed_off
    };
    assert_eq!(found(&*store, "handed off").await, Some(over));
    assert_eq!(found(&*store, "ended").await, Some(ended));
    assert_eq!(found(&*store, "other").await, Some(other.clone()));
    assert_eq!(store.claim_due_conversations(&here(), 9, 10, 0).await.unwrap(), [other]);
}

/// Also of many commits at once.
pub async fn node_counts_add_up(store: Arc<dyn Store>) {
    let count = |node: &str, entered, left, dropped, millis| NodeCount {
        node: node.into(),
        entered,
        left,
        dropped,
        millis,
    };
    let add = |version, count| FlowChange::CountNode { flow: "f".into(), version, count };
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        let list = [add(1, count("a\0", 3, 2, 1, 1 << 40)), add(1, count("b", 1, 0, 0, 0))];
        tasks.spawn(async move { put(&*store, list).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    put(&*store, [add(2, count("b", 0, 0, 7, 0)), add(2, count("B", 0, 1, 0, 0))]).await;
    let first = [count("a\0", 60, 40, 20, 20 << 40), count("b", 20, 0, 0, 0)];
    assert_eq!(store.node_counts(&here(), "f", 1).await.unwrap(), first);
    let second = [count("B", 0, 1, 0, 0), count("b", 0, 0, 7, 0)];
    assert_eq!(store.node_counts(&here(), "f", 2).await.unwrap(), second);
    assert_eq!(store.node_counts(&workspace("other"), "f", 1).await.unwrap(), []);
}

/// Of two who read the same and write, the second is told; and so is who makes what was made meanwhile.
pub async fn a_flow_is_changed_as_it_was_read(store: Arc<dyn Store>) {
    let expect = |updated_at| FlowChange::Expect { flow: "f".into(), updated_at };
    put(&*store, [expect(None), draft("f", 5)]).await;
    assert_eq!(refused(&*store, [expect(None), draft("f", 6)]).await, ErrorKind::Conflict);
    let enable = |at| FlowChange::SetEnabled { flow: "f".into(), enabled: true, at };
    let writes = [draft("f", 5), publish("f", "{}"), enable(1), draft("f", 90)];
    for change in writes {
        let before = store.flow(&here(), "f").await.unwrap().unwrap().updated_at;
        put(&*store, [expect(Some(before)), change.clone()]).await;
        assert!(store.flow(&here(), "f").await.unwrap().unwrap().updated_at > before, "{change:?}");
        assert_eq!(refused(&*store, [expect(Some(before)), change]).await, ErrorKind::Conflict);
    }
    let delete = FlowChange::Delete { flow: "f".into(), at: 9 };
    assert_eq!(refused(&*store, [expect(Some(5)), delete.clone()]).await, ErrorKind::Conflict);
    put(&*store, [expect(Some(90)), delete]).await;
    assert_eq!(refused(&*store, [expect(Some(90)), draft("f", 5)]).await, ErrorKind::Conflict);
}

/// Of those who make a flow of one name at once, one does.
pub async fn one_of_many_makes_a_flow(store: Arc<dyn Store>) {
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            let expect = FlowChange::Expect { flow: "f".into(), updated_at: None };
            write(&*store, &here(), [expect, draft("f", number)]).await.is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|made| *made).count(), 1);
}
