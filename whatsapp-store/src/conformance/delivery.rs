use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::task::JoinSet;

use super::{
    samples::{commit, workspace},
    webhook::{attempted, delivery, done, endpoint, find, pages},
};
use crate::{
    AttemptOutcome, ClaimedDelivery, DeliveryRecord, DeliveryState, EndpointRecord, Store, UNDER_WAY,
    WebhookChange,
};

use AttemptOutcome::{Dead, Delivered, RetryAt};
use WebhookChange::{DeleteEndpoint, PutDelivery, PutEndpoint, Redeliver, SetFailing};

fn ids(claimed: &[ClaimedDelivery]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.delivery.id.as_str()).collect()
}

/// From its time on, oldest first, over all workspaces. A claim hides it until the claim ends, and no longer.
pub async fn claimed_webhook_delivery_is_hidden_for_a_while(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    commit(&*store, &other, [PutEndpoint(endpoint("e"))]).await;
    let at = |id: &str, next_at| PutDelivery(DeliveryRecord { next_at, ..delivery("e", id) });
    let list = [at("late", 11), at("2", 10), at("1", -3), at("3", 10)];
    commit(&*store, &w, list).await;
    commit(&*store, &w, [PutDelivery(done("e", "done", DeliveryState::Dead, 1))]).await;
    commit(&*store, &other, [at("1", 9)]).await;
    assert!(store.claim_deliveries(-4, 20, 10).await.unwrap().is_empty());
    assert!(store.claim_deliveries(10, 20, 0).await.unwrap().is_empty());
    let claimed = store.claim_deliveries(10, 20, 10).await.unwrap();
    let (ours, theirs): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|claimed| claimed.workspace == w);
    assert_eq!((ids(&ours), ids(&theirs)), (vec!["1", "2", "3"], vec!["1"]));
    let expected = DeliveryRecord { next_at: 20, ..delivery("e", "2") };
    assert_eq!(ours[1].delivery, expected);
    assert_eq!(find(&*store, &w, "2").await, Some(expected), "still pending, no attempt counted");
    assert_eq!(ids(&store.claim_deliveries(19, 40, 10).await.unwrap()), ["late"]);
    let again = store.claim_deliveries(20, 30, 10).await.unwrap();
    assert_eq!(again.len(), 4, "their time was up");
    for claimed in &again {
        let before = ours.iter().chain(&theirs).find(|before| {
            (&before.workspace, &before.delivery.id) == (&claimed.workspace, &claimed.delivery.id)
        });
        assert!(before.unwrap().token < claimed.token);
    }
}

/// Delivered, tried again, given up.
pub async fn webhook_attempts_are_noted(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    commit(&*store, &w, ["1", "2", "3"].map(|id| PutDelivery(delivery("e", id)))).await;
    let claimed = store.claim_deliveries(10, 20, 10).await.unwrap();
    let fine = WebhookChange::Attempted {
        id: "1".into(),
        token: claimed[0].token,
        at: 12,
        status: Some(204),
        error: None,
        outcome: Delivered,
    };
    commit(&*store, &w, [fine, attempted(&claimed[1], RetryAt(60)), attempted(&claimed[2], Dead)]).await;
    let failed = |id| DeliveryRecord {
        attempts: 1,
        last_status: Some(500),
        last_error: Some("no".into()),
        ..delivery("e", id)
    };
    let one = DeliveryRecord {
        state: DeliveryState::Delivered,
        attempts: 1,
        next_at: 12,
        last_status: Some(204),
        done_at: Some(12),
        ..delivery("e", "1")
    };
    let two = DeliveryRecord { next_at: 60, ..failed("2") };
    let three = DeliveryRecord { state: DeliveryState::Dead, next_at: 50, done_at: Some(50), ..failed("3") };
    for record in [one, two, three] {
        assert_eq!(find(&*store, &w, &record.id).await, Some(record));
    }
    assert!(store.claim_deliveries(59, 80, 10).await.unwrap().is_empty());
    let again = store.claim_deliveries(60, 80, 10).await.unwrap();
    assert_eq!((ids(&again), again[0].delivery.attempts), (vec!["2"], 1));
    commit(&*store, &w, [attempted(&again[0], Delivered)]).await;
    let record = find(&*store, &w, "2").await.unwrap();
    assert_eq!((record.state, record.attempts, record.done_at), (DeliveryState::Delivered, 2, Some(50)));
    assert!(store.claim_deliveries(i64::MAX, i64::MAX, 10).await.unwrap().is_empty());
}

/// A worker that is too late changes nothing, and neither does a repeated attempt. A late worker counts if no other came.
pub async fn stale_webhook_attempt_changes_nothing(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    commit(&*store, &w, [PutEndpoint(endpoint("e")), PutDelivery(delivery("e", "1"))]).await;
    let never =
        attempted(&ClaimedDelivery { workspace: w.clone(), delivery: delivery("e", "1"), token: 0 }, Dead);
    let first = store.claim_deliveries(10, 20, 1).await.unwrap().remove(0);
    let second = store.claim_deliveries(20, 30, 1).await.unwrap().remove(0);
    let before = find(&*store, &w, "1").await;
    commit(&*store, &w, [never, attempted(&first, Dead), attempted(&first, RetryAt(5))]).await;
    commit(&*store, &other, [attempted(&second, Dead)]).await;
    assert_eq!(find(&*store, &w, "1").await, before);
    // Its time is up by now, but no other worker came.
    commit(&*store, &w, [attempted(&second, RetryAt(40)), attempted(&second, RetryAt(41))]).await;
    commit(&*store, &w, [attempted(&second, Dead)]).await;
    let record = find(&*store, &w, "1").await.unwrap();
    assert_eq!((record.state, record.attempts, record.next_at), (DeliveryState::Pending, 1, 40));
    let absent = ClaimedDelivery { delivery: delivery("e", "absent"), ..second };
    commit(&*store, &w, [attempted(&absent, Delivered)]).await;
    assert_eq!(find(&*store, &w, "absent").await, None);
}

/// From any state. The outcome of an attempt under way no longer counts.
pub async fn webhook_delivery_is_sent_anew(store: Arc<dyn Store>) {
    let w = workspace("w");
    let anew = |id: &str, at| Redeliver { id: id.into(), at };
    commit(&*store, &w, [PutEndpoint(endpoint("e")), PutDelivery(delivery("e", "1"))]).await;
    let gone =
        DeliveryRecord { attempts: 9, last_status: Some(500), ..done("e", "2", DeliveryState::Dead, 3) };
    commit(&*store, &w, [PutDelivery(gone.clone())]).await;
    let claimed = store.claim_deliveries(10, 90, 10).await.unwrap();
    assert_eq!(ids(&claimed), ["1"]);
    commit(&*store, &w, [anew("1", 30), anew("2", 20), anew("absent", 20)]).await;
    commit(&*store, &w, [attempted(&claimed[0], Dead)]).await;
    assert_eq!(find(&*store, &w, "1").await, Some(DeliveryRecord { next_at: 30, ..delivery("e", "1") }));
    let back =
        DeliveryRecord { state: DeliveryState::Pending, attempts: 0, next_at: 20, done_at: None, ..gone };
    assert_eq!(find(&*store, &w, "2").await, Some(back));
    assert_eq!(find(&*store, &w, "absent").await, None);
    let claimed = store.claim_deliveries(30, 90, 10).await.unwrap();
    assert_eq!(ids(&claimed), ["2", "1"]);
}

/// Its deliveries wait, and continue when it is enabled again.
pub async fn disabled_webhook_endpoint_is_not_served(store: Arc<dyn Store>) {
    let w = workspace("w");
    let off = EndpointRecord { enabled: false, ..endpoint("e") };
    commit(&*store, &w, [PutEndpoint(off), PutDelivery(delivery("e", "1"))]).await;
    assert!(store.claim_deliveries(10, 20, 10).await.unwrap().is_empty());
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    assert_eq!(ids(&store.claim_deliveries(10, 20, 10).await.unwrap()), ["1"]);
}

/// The endpoint whose last turn is the longest ago comes first, whatever the age of the other backlogs.
pub async fn webhook_endpoints_take_turns(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    commit(&*store, &w, ["long", "short"].map(|id| PutEndpoint(endpoint(id)))).await;
    commit(&*store, &other, [PutEndpoint(endpoint("third"))]).await;
    let old =
        |number: i64| DeliveryRecord { next_at: number - 1000, ..delivery("long", &format!("l{number:03}")) };
    commit(&*store, &w, (0..100).map(|number| PutDelivery(old(number)))).await;
    commit(&*store, &w, ["s1", "s2"].map(|id| PutDelivery(delivery("short", id)))).await;
    commit(&*store, &other, ["t1", "t2", "t3"].map(|id| PutDelivery(delivery("third", id)))).await;
    let mut order = Vec::new();
    for _ in 0..8 {
        let claimed = store.claim_deliveries(10, 1000, 1).await.unwrap();
        assert_eq!(claimed.len(), 1);
        commit(&*store, &claimed[0].workspace, [attempted(&claimed[0], Delivered)]).await;
        order.push(claimed[0].delivery.id.clone());
    }
    let of = |first: char| order.iter().filter(|id| id.starts_with(first)).cloned().collect::<Vec<_>>();
    assert_eq!(of('s'), ["s1", "s2"]);
    assert_eq!(of('t'), ["t1", "t2", "t3"]);
    assert_eq!(of('l'), ["l000", "l001", "l002"]);
    let turns =
        |range: std::ops::Range<usize>| -> BTreeSet<_> { order[range].iter().map(|id| &id[..1]).collect() };
    assert_eq!((turns(0..3).len(), turns(3..6).len()), (3, 3), "{order:?}");
    // An endpoint that returns after a rest does not wait for the backlog.
    commit(&*store, &w, [PutDelivery(delivery("short", "s3"))]).await;
    assert_eq!(ids(&store.claim_deliveries(10, 1000, 1).await.unwrap()), ["s3"]);
}

/// A fixed number under way at a time, only one while the endpoint fails, and other endpoints are served meanwhile.
pub async fn webhook_endpoint_cannot_hold_all_workers(store: Arc<dyn Store>) {
    let most = UNDER_WAY as usize;
    let w = workspace("w");
    commit(&*store, &w, ["slow", "fine"].map(|id| PutEndpoint(endpoint(id)))).await;
    let waiting = (0..3 * most).map(|number| delivery("slow", &format!("{number:02}")));
    commit(&*store, &w, waiting.map(PutDelivery)).await;
    let claim = async |now, limit| store.claim_deliveries(now, now + 20, limit).await.unwrap();
    let first = claim(10, 5).await;
    assert_eq!(ids(&first), ["00", "01", "02", "03", "04"]);
    let rest = claim(11, 500).await;
    assert_eq!((rest.len(), ids(&rest)[0]), (most - 5, "05"));
    commit(&*store, &w, [PutDelivery(delivery("fine", "fine"))]).await;
    assert_eq!(ids(&claim(12, 1).await), ["fine"], "not held up by one that has all it may");
    assert!(claim(12, 500).await.is_empty());
    // Two are done: two may follow.
    commit(&*store, &w, first[..2].iter().map(|claimed| attempted(claimed, RetryAt(900)))).await;
    assert_eq!(claim(12, 500).await.len(), 2);
    // A claim whose time is up is no longer under way.
    assert_eq!(claim(30, 500).await.len(), 3);
    let failing = |since| SetFailing { endpoint: "slow".into(), since };
    commit(&*store, &w, [failing(Some(31))]).await;
    assert!(claim(31, 500).await.is_empty(), "more than one is under way");
    let probe = claim(100, 500).await;
    assert_eq!(probe.iter().filter(|claimed| claimed.delivery.endpoint == "slow").count(), 1);
    assert!(claim(101, 500).await.is_empty());
    commit(&*store, &w, [failing(None)]).await;
    assert_eq!(claim(101, 500).await.len(), most - 1);
}

/// Many workers: each delivery is attempted once, although all of them want all of it.
pub async fn webhook_deliveries_are_claimed_once(store: Arc<dyn Store>) {
    const EACH: usize = 40;
    let (w, other) = (workspace("w"), workspace("other"));
    let all = [(&w, "a"), (&w, "b"), (&other, "a")];
    for (workspace, to) in all {
        let deliveries = (0..EACH).map(|number| PutDelivery(delivery(to, &format!("{to} {number}"))));
        commit(&*store, workspace, [PutEndpoint(endpoint(to))].into_iter().chain(deliveries)).await;
    }
    let left = Arc::new(AtomicUsize::new(all.len() * EACH));
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (store, left) = (store.clone(), left.clone());
        tasks.spawn(async move {
            let mut seen = Vec::new();
            while left.load(Ordering::Acquire) > 0 {
                for claimed in store.claim_deliveries(10, 1000, 7).await.unwrap() {
                    commit(&*store, &claimed.workspace, [attempted(&claimed, Delivered)]).await;
                    seen.push((claimed.workspace, claimed.delivery.id));
                    left.fetch_sub(1, Ordering::AcqRel);
                }
            }
            seen
        });
    }
    let seen = tasks.join_all().await.concat();
    assert_eq!(seen.len(), all.len() * EACH, "some twice");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    for (workspace, to) in all {
        let delivered = pages(&*store, workspace, to, Some(DeliveryState::Delivered), 500).await;
        assert_eq!(delivered.concat().len(), EACH);
    }
}

/// An endpoint is deleted while deliveries to it come in: none is left behind.
pub async fn no_webhook_delivery_outlives_its_endpoint(store: Arc<dyn Store>) {
    let w = workspace("w");
    for round in 0..10 {
        commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            let (store, w) = (store.clone(), w.clone());
            tasks.spawn(async move {
                let ids = (0..5).map(|number| format!("{round} {task} {number}"));
                commit(&*store, &w, ids.map(|id| PutDelivery(delivery("e", &id)))).await;
            });
        }
        tokio::task::yield_now().await;
        commit(&*store, &w, [DeleteEndpoint { id: "e".into() }]).await;
        tasks.join_all().await;
        assert_eq!(pages(&*store, &w, "e", None, 100).await, [[""; 0]], "round {round}");
    }
}
