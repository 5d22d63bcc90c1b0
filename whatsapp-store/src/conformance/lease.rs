use std::sync::Arc;

use bytes::Bytes;
use tokio::{sync::Barrier, task::JoinSet};

use super::samples::{ODD_TEXTS, Presence, account, key, one_of_each, workspace};
use crate::{
    Change, Changes, ErrorKind, EventChange, Fence, Lease, NewEvent, Result, SignalKind, Store, WorkspaceId,
};

/// Takes "l" in "w".
async fn acquire(store: &dyn Store, owner: &str, now: i64, until: i64) -> Option<Lease> {
    let lease = store.acquire_lease(&workspace("w"), "l", owner, now, until).await.unwrap();
    if lease.is_some() {
        assert_eq!(read(store, &workspace("w"), "l").await, lease);
    }
    lease
}

async fn read(store: &dyn Store, workspace: &WorkspaceId, name: &str) -> Option<Lease> {
    store.lease(workspace, name).await.unwrap()
}

async fn fenced(store: &dyn Store, account: &str, fence: Fence, list: Vec<Change>) -> Result<()> {
    store.commit(Changes { fence: Some(fence), list, ..Changes::new(super::samples::account(account)) }).await
}

/// Free, held by another, already held, ended; under any name.
pub async fn lease_has_one_holder(store: Arc<dyn Store>) {
    let lease =
        |owner: &str, token, until| Some(Lease { name: "l".into(), owner: owner.into(), token, until });
    assert_eq!(read(&*store, &workspace("w"), "l").await, None);
    assert_eq!(acquire(&*store, "one", 0, 10).await, lease("one", 1, 10));
    assert_eq!(acquire(&*store, "two", 0, 99).await, None);
    assert_eq!(acquire(&*store, "two", 9, 99).await, None);
    assert_eq!(read(&*store, &workspace("w"), "l").await, lease("one", 1, 10), "as it was");
    assert_eq!(acquire(&*store, "one", 9, 20).await, lease("one", 1, 20), "prolonged");
    assert_eq!(acquire(&*store, "one", 10, 15).await, lease("one", 1, 15), "shortened");
    assert_eq!(acquire(&*store, "two", 15, 30).await, lease("two", 2, 30), "ended");
    assert_eq!(acquire(&*store, "one", 29, 99).await, None);
    assert_eq!(acquire(&*store, "two", 30, 40).await, lease("two", 3, 40), "one's own, but it had ended");
    for text in ODD_TEXTS {
        let w = workspace("odd");
        let expected = Lease { name: text.into(), owner: text.into(), token: 1, until: i64::MAX };
        assert_eq!(read(&*store, &w, text).await, None);
        let lease = store.acquire_lease(&w, text, text, i64::MIN, i64::MAX).await.unwrap();
        assert_eq!(lease.as_ref(), Some(&expected));
        assert_eq!(read(&*store, &w, text).await, Some(expected));
    }
}

/// Those that the owner still holds, and no others.
pub async fn leases_are_prolonged_together(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    let mut names: Vec<(WorkspaceId, String)> = (0..300).map(|n| (w.clone(), format!("l{n}"))).collect();
    names.push((v.clone(), "l0".to_owned()));
    for (place, (workspace, name)) in names.iter().enumerate() {
        let (owner, until) = match place {
            0 => ("two", 100),
            1 => ("one", 10),
            _ => ("one", 100),
        };
        store.acquire_lease(workspace, name, owner, 0, until).await.unwrap();
    }
    let given_back = read(&*store, &w, "l2").await.unwrap();
    store.release_lease(&w, &given_back).await.unwrap();
    names.push((w.clone(), "absent".to_owned()));
    let mut prolonged = store.prolong_leases("one", 10, 200, &names).await.unwrap();
    prolonged.sort_by_key(|(workspace, lease)| (workspace.clone(), lease.name.clone()));
    let mut expected = names[3..301].to_vec();
    expected.sort();
    let found: Vec<_> =
        prolonged.iter().map(|(workspace, lease)| (workspace.clone(), lease.name.clone())).collect();
    assert_eq!(found, expected);
    assert!(prolonged.iter().all(|(_, lease)| (&*lease.owner, lease.token, lease.until) == ("one", 1, 200)));
    for (workspace, lease) in &prolonged {
        assert_eq!(read(&*store, workspace, &lease.name).await.as_ref(), Some(lease));
    }
    for (name, until) in [("l0", 100), ("l1", 10), ("l2", 0)] {
        assert_eq!(read(&*store, &w, name).await.unwrap().until, until, "{name}");
    }
    assert_eq!(store.prolong_leases("one", 10, 200, &[]).await.unwrap(), []);
}

/// Over holders, ends and releases.
pub async fn lease_tokens_only_rise(store: Arc<dyn Store>) {
    let mut tokens = Vec::new();
    for round in 0..12 {
        let (owner, now) = (format!("{}", round % 3), 100 * round);
        let lease = acquire(&*store, &owner, now, now + 50).await.unwrap();
        tokens.push(lease.token);
        if round % 2 == 0 {
            store.release_lease(&workspace("w"), &lease).await.unwrap();
            let again = acquire(&*store, &owner, now, now + 50).await.unwrap();
            tokens.push(again.token);
        }
    }
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

/// It is free then. A release by a former holder does nothing.
pub async fn lease_is_given_back(store: Arc<dyn Store>) {
    let w = workspace("w");
    let first = acquire(&*store, "one", 0, 10).await.unwrap();
    store.release_lease(&w, &first).await.unwrap();
    assert!(read(&*store, &w, "l").await.unwrap().until <= 0, "ended");
    let second = acquire(&*store, "two", 1, 20).await.unwrap();
    assert!(second.token > first.token);
    store.release_lease(&w, &first).await.unwrap();
    assert_eq!(read(&*store, &w, "l").await.as_ref(), Some(&second));
    assert_eq!(acquire(&*store, "one", 2, 20).await, None);
    store.release_lease(&workspace("other"), &second).await.unwrap();
    let unknown = Lease { name: "unknown".into(), ..second.clone() };
    store.release_lease(&w, &unknown).await.unwrap();
    assert_eq!(read(&*store, &w, "unknown").await, None);
    assert_eq!(read(&*store, &w, "l").await, Some(second));
}

/// The same name in two workspaces is two leases.
pub async fn leases_of_workspaces_are_separate(store: Arc<dyn Store>) {
    let (v, w) = (workspace("v"), workspace("w"));
    let ours = acquire(&*store, "one", 0, 10).await.unwrap();
    let theirs = store.acquire_lease(&v, "l", "two", 0, 10).await.unwrap().unwrap();
    assert_eq!((ours.token, theirs.token), (1, 1));
    store.release_lease(&v, &theirs).await.unwrap();
    assert_eq!(read(&*store, &w, "l").await, Some(ours));
}

/// With the lease's current token. A lease that ended keeps it until another holder takes it.
pub async fn fenced_commit_stands_on_its_lease(store: Arc<dyn Store>) {
    let a = account("w/a");
    let lease = acquire(&*store, "one", 0, 10).await.unwrap();
    let put = |id: &str| vec![Change::PutSignal(key(id), Bytes::new())];
    fenced(&*store, "w/a", lease.fence(), put("1")).await.unwrap();
    let lease = acquire(&*store, "one", 5, 20).await.unwrap();
    fenced(&*store, "w/a", lease.fence(), put("2")).await.unwrap();
    fenced(&*store, "w/b", lease.fence(), put("of another account")).await.unwrap();
    store.release_lease(&workspace("w"), &lease).await.unwrap();
    fenced(&*store, "w/a", lease.fence(), put("3")).await.unwrap();
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), ["1", "2", "3"]);
}

/// Stale, unknown, not given yet, or of another workspace: and nothing of the commit is there, its events neither.
pub async fn commit_without_its_lease_writes_nothing(store: Arc<dyn Store>) {
    let a = account("w/a");
    let first = acquire(&*store, "one", 0, 10).await.unwrap();
    let second = acquire(&*store, "two", 10, 20).await.unwrap();
    let event = || EventChange::Put(NewEvent { key: "k".into(), data: "{}".into(), at: 1 });
    for fence in [
        first.fence(),
        Fence { token: second.token + 1, ..second.fence() },
        Fence { token: 0, ..second.fence() },
        Fence { name: "unknown".into(), token: second.token },
        Fence { name: "unknown".into(), token: 0 },
    ] {
        let mut list = one_of_each(&a);
        list.insert(0, event().into());
        let error = fenced(&*store, "w/a", fence.clone(), list).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Fenced, false), "{fence:?}");
        assert_eq!(Presence::of(&*store, &a).await, Presence::NONE, "{fence:?}");
    }
    let elsewhere = fenced(&*store, "v/a", second.fence(), one_of_each(&account("v/a"))).await;
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::Fenced);
    fenced(&*store, "w/a", second.fence(), one_of_each(&a)).await.unwrap();
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL);
    assert_eq!(store.all_events(None, 10).await.unwrap(), []);
}

/// Eight tasks at the same moment, again and again.
pub async fn concurrent_acquirers_have_one_winner(store: Arc<dyn Store>) {
    const TASKS: usize = 8;
    let mut last_token = 0;
    for round in 0..10 {
        let barrier = Arc::new(Barrier::new(TASKS));
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (store, barrier) = (store.clone(), barrier.clone());
            tasks.spawn(async move {
                barrier.wait().await;
                let (owner, now) = (format!("{round} {task}"), 10 * round);
                store.acquire_lease(&workspace("w"), "l", &owner, now, now + 10).await.unwrap()
            });
        }
        let winners: Vec<Lease> = tasks.join_all().await.into_iter().flatten().collect();
        let [winner] = &winners[..] else { panic!("round {round}: {winners:?}") };
        assert_eq!(read(&*store, &workspace("w"), "l").await.as_ref(), Some(winner));
        assert_eq!(winner.token, last_token + 1);
        last_token = winner.token;
    }
}

/// Once there is a new holder, the former one writes nothing more, however many commits were under way.
pub async fn writes_end_when_the_lease_changes_hands(store: Arc<dyn Store>) {
    for round in 0..5 {
        let now = 100 * round;
        let name = format!("w/a{round}");
        let lease = acquire(&*store, "one", now, now + 10).await.unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            let (store, name, fence) = (store.clone(), name.clone(), lease.fence());
            tasks.spawn(async move {
                for number in 0.. {
                    let put = Change::PutSignal(key(format!("{task} {number}")), Bytes::new());
                    if let Err(error) = fenced(&*store, &name, fence.clone(), vec![put]).await {
                        return (error.kind(), number);
                    }
                }
                unreachable!("it ends by an error");
            });
        }
        let ids = async || store.signal_ids(&account(&name), SignalKind::Session).await.unwrap();
        while ids().await.len() < 8 {
            tokio::task::yield_now().await;
        }
        acquire(&*store, "two", now + 10, now + 20).await.unwrap();
        let written = ids().await;
        let ended = tasks.join_all().await;
        assert!(ended.iter().all(|(kind, _)| *kind == ErrorKind::Fenced), "{ended:?}");
        assert_eq!(ids().await, written, "written after the lease had gone");
        assert_eq!(written.len(), ended.iter().map(|(_, number)| number).sum::<usize>());
    }
}
