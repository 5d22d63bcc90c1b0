use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::timeout};

use super::samples::{ODD_TEXTS, account, commit, refused, try_commit, workspace};
use crate::{Change, ErrorKind, EventChange, EventRecord, NewEvent, Store, WorkspaceId};

use EventChange::{Forget, Passed, Put, Trim};

/// The longest wait for an expected change.
const PATIENCE: Duration = Duration::from_secs(20);

fn event(key: &str, at: i64) -> EventChange {
    Put(NewEvent { key: key.into(), data: format!("{{\"key\":\"{key}\"}}"), at })
}

fn passed(consumer: &str, event: &EventRecord) -> EventChange {
    Passed { consumer: consumer.into(), position: event.position.clone() }
}

/// All events, once there are that many: an event may become readable a moment after its commit.
async fn events(store: &dyn Store, count: usize) -> Vec<EventRecord> {
    let found = async {
        loop {
            let found = store.all_events(None, u32::MAX).await.unwrap();
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let found = timeout(PATIENCE, found).await.expect("the events never appear");
    assert_eq!(found.len(), count, "{found:?}");
    found
}

fn keys(events: &[EventRecord]) -> Vec<&str> {
    events.iter().map(|event| event.key.as_str()).collect()
}

/// No event, no position, no consumer.
pub async fn absent_events_are_none(store: Arc<dyn Store>) {
    assert_eq!(store.all_events(None, 10).await.unwrap(), []);
    assert_eq!(store.events(&workspace("w"), None, 10).await.unwrap(), []);
    assert_eq!(store.last_event().await.unwrap(), None);
    assert_eq!(store.passed("rabbitmq").await.unwrap(), None);
}

/// Every field, whatever the text; with the workspace and the account of its commit.
pub async fn event_comes_back_as_written(store: Arc<dyn Store>) {
    let (a, w) = (account("w/a"), workspace("w"));
    for (number, text) in ODD_TEXTS.into_iter().enumerate() {
        let of_account = NewEvent { key: text.into(), data: text.into(), at: i64::MIN };
        let of_workspace = NewEvent { at: i64::MAX, ..of_account.clone() };
        commit(&*store, &a, [Put(of_account)]).await;
        commit(&*store, &w, [Put(of_workspace)]).await;
        let events = events(&*store, 2 * number + 2).await;
        let [first, second] = &events[2 * number..] else { panic!("two events") };
        for (event, account, at) in [(first, Some(&a), i64::MIN), (second, None, i64::MAX)] {
            assert_eq!((event.key.as_str(), event.data.as_str(), event.at), (text, text, at));
            assert_eq!((&event.workspace, event.account.as_ref()), (&w, account));
        }
    }
    assert_eq!(store.events(&w, None, u32::MAX).await.unwrap(), events(&*store, 2 * ODD_TEXTS.len()).await);
}

/// Within a commit and from one to the next, over all workspaces; each behind the position of the one before it.
pub async fn events_come_in_one_order(store: Arc<dyn Store>) {
    let (v, w) = (workspace("v"), workspace("w"));
    commit(&*store, &v, ["0", "1", "2"].map(|key| event(key, 9))).await;
    commit(&*store, &w, ["3", "4"].map(|key| event(key, 5))).await;
    commit(&*store, &v, [event("5", 1)]).await;
    let all = events(&*store, 6).await;
    assert_eq!(keys(&all), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(store.last_event().await.unwrap().as_ref(), Some(&all[5].position));
    let positions: BTreeSet<_> = all.iter().map(|event| &event.position).collect();
    assert_eq!(positions.len(), 6, "no two have the same position");
    let of = |workspace: &WorkspaceId, events: &[EventRecord]| -> Vec<EventRecord> {
        events.iter().filter(|event| event.workspace == *workspace).cloned().collect()
    };
    for (number, event) in all.iter().enumerate() {
        let after = Some(event.position.as_str());
        let rest = &all[number + 1..];
        assert_eq!(store.all_events(after, 10).await.unwrap(), rest);
        assert_eq!(store.all_events(after, 1).await.unwrap(), rest[..rest.len().min(1)]);
        for workspace in [&v, &w] {
            let expected = of(workspace, rest);
            assert_eq!(store.events(workspace, after, 10).await.unwrap(), expected);
            assert_eq!(store.events(workspace, after, 1).await.unwrap(), expected[..expected.len().min(1)]);
        }
    }
    assert_eq!(keys(&store.all_events(None, 2).await.unwrap()), ["0", "1"]);
    assert_eq!(store.all_events(None, 0).await.unwrap(), []);
    assert_eq!(store.events(&workspace("other"), None, 10).await.unwrap(), []);
}

/// Backends write many in one statement: of any number, each once, in order, with its own text and time.
pub async fn events_of_a_large_commit_keep_their_order(store: Arc<dyn Store>) {
    let (a, w) = (account("w/a"), workspace("w"));
    let mut expected = Vec::new();
    for (number, size) in [1, 2, 3, 4, 5, 6, 31, 37, 300, 1_000].into_iter().enumerate() {
        let new = |place: usize| NewEvent {
            key: format!("{number}.{place}"),
            data: ODD_TEXTS[place % ODD_TEXTS.len()].to_owned(),
            at: i64::MAX - place as i64,
        };
        let list: Vec<_> = (0..size).map(|place| Put(new(place))).collect();
        if number % 2 == 0 {
            commit(&*store, &a, list).await;
        } else {
            commit(&*store, &w, list).await;
        }
        let account = (number % 2 == 0).then(|| a.clone());
        expected.extend((0..size).map(|place| (new(place), account.clone())));
    }
    let found = events(&*store, expected.len()).await;
    let found = found.into_iter().map(|event| {
        let EventRecord { key, data, at, account, .. } = event;
        (NewEvent { key, data, at }, account)
    });
    assert!(found.eq(expected));
}

/// As after a backup was restored.
pub async fn positions_of_a_later_state_are_ahead(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, ["1", "2"].map(|key| event(key, 1))).await;
    let all = events(&*store, 2).await;
    for event in &all {
        assert!(!store.is_ahead(&event.position).await.unwrap());
    }
    // Trimmed, and still known by a consumer.
    commit(&*store, &w, [passed("c", &all[1]), Trim { before: 9 }]).await;
    assert!(!store.is_ahead(&all[1].position).await.unwrap());
    commit(&*store, &w, [Forget { consumer: "c".into() }]).await;
    assert!(store.is_ahead(&all[1].position).await.unwrap());
}

/// In reading, in waiting, and in a commit, of which nothing is left then.
pub async fn foreign_positions_are_invalid(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, [event("1", 1)]).await;
    for position in ["", "x", "-", "1-x", "\0", "1; DROP TABLE event", "ffffffffffffffffffffffff-1"] {
        let kind = |error: crate::Error| error.kind();
        let after = Some(position);
        assert_eq!(store.all_events(after, 1).await.map_err(kind), Err(ErrorKind::Invalid), "{position:?}");
        assert_eq!(store.events(&w, after, 1).await.map_err(kind), Err(ErrorKind::Invalid), "{position:?}");
        assert_eq!(store.new_events(after).await.map_err(kind), Err(ErrorKind::Invalid), "{position:?}");
        let pass = Passed { consumer: "c".into(), position: position.into() };
        let refused = try_commit(&*store, &w, [event("2", 1), pass]).await;
        assert_eq!(refused.map_err(kind), Err(ErrorKind::Invalid), "{position:?}");
    }
    assert_eq!(store.passed("c").await.unwrap(), None);
    assert_eq!(keys(&events(&*store, 1).await), ["1"]);
}

/// Each consumer has its own name. The last position counts until the consumer is forgotten.
pub async fn consumers_keep_their_positions(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, ["1", "2"].map(|key| event(key, 1))).await;
    let all = events(&*store, 2).await;
    for consumer in ODD_TEXTS {
        assert_eq!(store.passed(consumer).await.unwrap(), None, "{consumer:?}");
        commit(&*store, &w, [passed(consumer, &all[1])]).await;
        assert_eq!(store.passed(consumer).await.unwrap().as_ref(), Some(&all[1].position));
        commit(&*store, &account("other/a"), [passed(consumer, &all[0])]).await;
        assert_eq!(store.passed(consumer).await.unwrap().as_ref(), Some(&all[0].position));
    }
    let forget = ["a", "absent"].map(|consumer| Forget { consumer: consumer.into() });
    commit(&*store, &w, forget).await;
    assert_eq!(store.passed("a").await.unwrap(), None);
    assert!(store.passed("A").await.unwrap().is_some());
}

/// Events that are old and that every consumer has passed; without consumers, old events.
pub async fn events_are_kept_for_the_slowest_consumer(store: Arc<dyn Store>) {
    let (v, w) = (workspace("v"), workspace("w"));
    for (workspace, key, at) in [(&v, "0", 1), (&w, "1", 1), (&v, "2", 5), (&w, "3", 1), (&v, "4", 1)] {
        commit(&*store, workspace, [event(key, at)]).await;
    }
    let all = events(&*store, 5).await;
    let trim = async |before| {
        commit(&*store, &w, [Trim { before }]).await;
        let left = store.all_events(None, 10).await.unwrap();
        left.into_iter().map(|event| event.key).collect::<Vec<_>>()
    };
    commit(&*store, &w, [passed("fast", &all[4]), passed("slow", &all[0])]).await;
    assert_eq!(trim(5).await, ["1", "2", "3", "4"]);
    assert_eq!(trim(i64::MAX).await, ["1", "2", "3", "4"]);
    commit(&*store, &v, [passed("slow", &all[3])]).await;
    assert_eq!(trim(1).await, ["1", "2", "3", "4"]);
    assert_eq!(trim(5).await, ["2", "4"]);
    commit(&*store, &w, [Forget { consumer: "slow".into() }]).await;
    assert_eq!(trim(5).await, ["2"]);
    // A position stays valid when its event is gone.
    let after = store.all_events(Some(&all[1].position), 10).await.unwrap();
    assert_eq!(keys(&after), ["2"]);
    commit(&*store, &w, [Forget { consumer: "fast".into() }]).await;
    assert_eq!(trim(6).await, [""; 0]);
    assert_eq!(store.last_event().await.unwrap(), None);
    commit(&*store, &v, [event("5", 1)]).await;
    assert_eq!(keys(&events(&*store, 1).await), ["5"]);
    let after = store.all_events(Some(&all[4].position), 10).await.unwrap();
    assert_eq!(keys(&after), ["5"], "behind all that ever was");
}

/// Wherever in the commit it stands.
pub async fn failed_commit_leaves_no_event(store: Arc<dyn Store>) {
    let a = account("a");
    for list in [
        vec![Change::from(event("before", 1)), refused()],
        vec![refused(), event("after", 1).into()],
        vec![event("before", 1).into(), refused(), event("after", 1).into()],
    ] {
        let error = try_commit(&*store, &a, list).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    commit(&*store, &a, [event("fine", 1)]).await;
    assert_eq!(keys(&events(&*store, 1).await), ["fine"]);
}

/// A reader that goes by position, while eight tasks write: it reads every event once, and none appears behind it.
pub async fn no_event_appears_behind_a_reader(store: Arc<dyn Store>) {
    const TASKS: usize = 8;
    const COMMITS: usize = 25;
    const TOTAL: usize = TASKS * COMMITS * 2;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, a) = (store.clone(), account(&format!("w{}/a", task % 3)));
        tasks.spawn(async move {
            for number in 0..COMMITS {
                let list = ["x", "y"].map(|part| event(&format!("{task} {number:02} {part}"), 1));
                commit(&*store, &a, list).await;
            }
        });
    }
    let mut seen: Vec<EventRecord> = Vec::new();
    let reading = async {
        while seen.len() < TOTAL {
            let after = seen.last().map(|event| event.position.clone());
            let page = store.all_events(after.as_deref(), 7).await.unwrap();
            if page.is_empty() {
                // A reader that is not woken looks again anyway.
                let _ = timeout(Duration::from_millis(50), store.new_events(after.as_deref())).await;
            }
            seen.extend(page);
        }
    };
    timeout(PATIENCE, reading).await.expect("some events never appear");
    tasks.join_all().await;
    assert_eq!(seen, events(&*store, TOTAL).await, "the same in the same order");
    let distinct: BTreeSet<_> = keys(&seen).into_iter().collect();
    assert_eq!(distinct.len(), TOTAL);
    for task in 0..TASKS {
        let of_task: Vec<_> =
            keys(&seen).into_iter().filter(|key| key.starts_with(&format!("{task} "))).collect();
        assert!(of_task.is_sorted(), "commits of one task are in its order: {of_task:?}");
    }
}

/// At once when there is an event; otherwise as soon as one is written.
pub async fn waiters_wake_up_for_new_events(store: Arc<dyn Store>) {
    let a = account("a");
    let told = async |after: Option<&str>| {
        timeout(PATIENCE, store.new_events(after)).await.expect("nobody tells").unwrap();
    };
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { timeout(PATIENCE, store.new_events(None)).await }
    });
    tokio::task::yield_now().await;
    commit(&*store, &a, [event("1", 1)]).await;
    waiting.await.unwrap().expect("nobody tells").unwrap();
    let first = events(&*store, 1).await.remove(0);
    told(None).await;
    let many: Vec<_> = (0..4)
        .map(|_| {
            let (store, after) = (store.clone(), first.position.clone());
            tokio::spawn(async move { timeout(PATIENCE, store.new_events(Some(&after))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    commit(&*store, &a, [event("2", 1)]).await;
    for waiting in many {
        waiting.await.unwrap().expect("somebody is not told").unwrap();
    }
    events(&*store, 2).await;
    told(Some(&first.position)).await;
}
