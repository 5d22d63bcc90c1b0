use std::sync::Arc;

use super::samples::{ODD_TEXTS, account};
use crate::{Change, Changes, CounterChange, CounterPoint, CounterRange, Scope, Step, Store, WorkspaceId};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn add(name: &str, account: Option<&str>, at: i64, by: i64) -> CounterChange {
    CounterChange::Add { name: name.into(), account: account.map(Into::into), at, by }
}

async fn write(store: &dyn Store, scope: impl Into<Scope>, list: impl IntoIterator<Item = CounterChange>) {
    let list = list.into_iter().map(Change::Counter).collect();
    store.commit(Changes { list, ..Changes::new(scope) }).await.unwrap();
}

fn range(account: Option<&str>, from: i64, until: i64, step: Step) -> CounterRange {
    CounterRange { account: account.map(Into::into), from, until, step }
}

async fn series(
    store: &dyn Store,
    workspace: &WorkspaceId,
    name: &str,
    range: &CounterRange,
) -> Vec<(i64, i64)> {
    let points = store.series(workspace, name, range).await.unwrap();
    points.into_iter().map(|CounterPoint { at, value }| (at, value)).collect()
}

/// By hour and by day, of one account and of all, from the earliest time to the latest.
pub async fn counters_add_up_by_hour_and_day(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    write(&*store, w.clone(), [add("n", Some("a"), 10, 1), add("n", Some("b"), HOUR - 1, 2)]).await;
    write(
        &*store,
        w.clone(),
        [add("n", None, HOUR, 4), add("n", Some("a"), DAY, 8), add("n", Some("a"), -1, 16)],
    )
    .await;
    write(
        &*store,
        w.clone(),
        [add("n", Some("a"), 20, 32), add("m", Some("a"), 20, 100), add("n", None, 5, -3)],
    )
    .await;
    let of =
        async |account, from, until, step| series(&*store, &w, "n", &range(account, from, until, step)).await;
    let hours = [(-HOUR, 16), (0, 32), (HOUR, 4), (DAY, 8)];
    assert_eq!(of(None, -DAY, 2 * DAY, Step::Hour).await, hours);
    assert_eq!(of(None, i64::MIN, i64::MAX, Step::Hour).await, hours);
    assert_eq!(of(Some("a"), -DAY, 2 * DAY, Step::Hour).await, [(-HOUR, 16), (0, 33), (DAY, 8)]);
    assert_eq!(of(None, -DAY, 2 * DAY, Step::Day).await, [(-DAY, 16), (0, 36), (DAY, 8)]);
    assert_eq!(of(Some("b"), -DAY, 2 * DAY, Step::Day).await, [(0, 2)]);
    assert_eq!(of(None, 0, HOUR, Step::Hour).await, [(0, 32)]);
    assert_eq!(of(None, 1, DAY, Step::Hour).await, [(HOUR, 4)]);
    assert_eq!(of(Some("c"), -DAY, 2 * DAY, Step::Day).await, []);
    assert_eq!(of(None, DAY, 0, Step::Hour).await, []);
    let names = ["m", "absent", "n", "m"].map(String::from);
    let totals =
        async |account, step| store.totals(&w, &names, &range(account, 0, 2 * DAY, step)).await.unwrap();
    assert_eq!(totals(None, Step::Day).await, [100, 0, 44, 100]);
    assert_eq!(totals(None, Step::Hour).await, [100, 0, 44, 100]);
    assert_eq!(totals(Some("b"), Step::Day).await, [0, 0, 2, 0]);
}

/// All of one commit, in the order given: earlier trims remove, later additions stay.
pub async fn counters_of_one_commit_are_written_in_order(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let trim = |step, before| CounterChange::Trim { step, before };
    let changes = [
        add("n", None, 0, 1),
        add("n", None, 1, 1),
        add("n", None, HOUR, 5),
        trim(Step::Hour, HOUR),
        add("n", None, 2, 10),
        trim(Step::Day, 0),
        add("n", None, 3, 10),
    ];
    write(&*store, w.clone(), changes).await;
    let hours = range(None, 0, DAY, Step::Hour);
    assert_eq!(series(&*store, &w, "n", &hours).await, [(0, 20), (HOUR, 5)]);
    assert_eq!(series(&*store, &w, "n", &range(None, 0, DAY, Step::Day)).await, [(0, 27)]);
    write(&*store, w.clone(), [trim(Step::Day, DAY)]).await;
    assert_eq!(series(&*store, &w, "n", &range(None, 0, DAY, Step::Day)).await, []);
    assert_eq!(series(&*store, &w, "n", &hours).await, [(0, 20), (HOUR, 5)]);
}

/// The same names in two workspaces, from a commit of an account too; names of any text.
pub async fn counters_are_separate(store: Arc<dyn Store>) {
    let a = account("one/a");
    let (one, two): (WorkspaceId, WorkspaceId) = ("one".parse().unwrap(), "two".parse().unwrap());
    let all = |by| ODD_TEXTS.iter().enumerate().map(move |(n, name)| add(name, None, 0, by * (n as i64 + 1)));
    write(&*store, a, all(1)).await;
    write(&*store, two.clone(), all(100)).await;
    write(&*store, two.clone(), [CounterChange::Trim { step: Step::Hour, before: 1 }]).await;
    for (number, name) in ODD_TEXTS.iter().enumerate() {
        let value = number as i64 + 1;
        assert_eq!(
            series(&*store, &one, name, &range(None, 0, 1, Step::Hour)).await,
            [(0, value)],
            "{name:?}"
        );
        assert_eq!(series(&*store, &two, name, &range(None, 0, 1, Step::Hour)).await, []);
        assert_eq!(series(&*store, &two, name, &range(None, 0, 1, Step::Day)).await, [(0, 100 * value)]);
    }
    let totals =
        store.totals(&one, &ODD_TEXTS.map(String::from), &range(None, 0, 1, Step::Day)).await.unwrap();
    assert_eq!(totals, (1..=ODD_TEXTS.len() as i64).collect::<Vec<_>>());
}

/// Many tasks count in the busiest rows at once: no count is lost, and no task waits for ever.
pub async fn concurrent_counters_lose_nothing(store: Arc<dyn Store>) {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let w = WorkspaceId::default();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (store, w) = (store.clone(), w.clone());
            tokio::spawn(async move {
                for round in 0..10 {
                    // Each in another order.
                    let names = (0..8).map(|n| NAMES[(n * 3 + number + round) % 4]);
                    write(&*store, w.clone(), names.map(|name| add(name, Some("x"), 0, 1))).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for step in Step::ALL {
        let totals = store.totals(&w, &NAMES.map(String::from), &range(None, 0, 1, step)).await.unwrap();
        assert_eq!(totals, [160; 4]);
    }
}
