use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::samples::{ODD_TEXTS, account, bytes, commit, try_commit, workspace};
use crate::{
    AttemptOutcome, ClaimedDelivery, DeliveryQuery, DeliveryRecord, DeliveryState, EndpointBacklog,
    EndpointRecord, ErrorKind, Store, UNDER_WAY, WebhookChange, WorkspaceId,
};

use AttemptOutcome::{Dead, Delivered, RetryAt};
use WebhookChange::{DeleteEndpoint, PutDelivery, PutEndpoint, Redeliver, SetFailing, Trim};

fn endpoint(id: &str) -> EndpointRecord {
    EndpointRecord {
        id: id.into(),
        url: "https://example.org/hook?a=b".into(),
        secret: bytes(),
        topics: vec!["message.*".into(), "#".into()],
        enabled: true,
        created_at: 5,
        updated_at: 6,
        failing_since: None,
        description: "For the shop".into(),
    }
}

/// One that is due at 10.
fn delivery(endpoint: &str, id: &str) -> DeliveryRecord {
    DeliveryRecord {
        id: id.into(),
        endpoint: endpoint.into(),
        position: "0-1".into(),
        key: "message.received".into(),
        body: r#"{"text": "hello"}"#.into(),
        state: DeliveryState::Pending,
        attempts: 0,
        next_at: 10,
        last_status: None,
        last_error: None,
        created_at: 7,
        done_at: None,
    }
}

fn done(endpoint: &str, id: &str, state: DeliveryState, done_at: i64) -> DeliveryRecord {
    DeliveryRecord { state, done_at: Some(done_at), ..delivery(endpoint, id) }
}

fn attempted(claimed: &ClaimedDelivery, outcome: AttemptOutcome) -> WebhookChange {
    WebhookChange::Attempted {
        id: claimed.delivery.id.clone(),
        token: claimed.token,
        at: 50,
        status: Some(500),
        error: Some("no".into()),
        outcome,
    }
}

fn ids(claimed: &[ClaimedDelivery]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.delivery.id.as_str()).collect()
}

async fn find(store: &dyn Store, workspace: &WorkspaceId, id: &str) -> Option<DeliveryRecord> {
    store.delivery(workspace, id).await.unwrap()
}

/// All pages, as ids.
async fn pages(
    store: &dyn Store,
    workspace: &WorkspaceId,
    endpoint: &str,
    state: Option<DeliveryState>,
    limit: u32,
) -> Vec<Vec<String>> {
    let mut query = DeliveryQuery { endpoint: endpoint.into(), state, before: None, limit };
    let mut pages = Vec::new();
    loop {
        let page = store.deliveries(workspace, &query).await.unwrap();
        pages.push(page.deliveries.into_iter().map(|delivery| delivery.id).collect());
        assert!(pages.len() < 1000, "the pages never end");
        match page.next {
            Some(next) => query.before = Some(next),
            None => return pages,
        }
    }
}

/// Every field, whatever the text, and in its own workspace; an account's commit writes to its workspace.
pub async fn webhook_endpoint_comes_back_as_written(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    for text in ODD_TEXTS {
        assert_eq!(store.endpoint(&w, text).await.unwrap(), None, "{text:?}");
        let first = EndpointRecord {
            url: text.into(),
            topics: vec![text.into(), String::new()],
            description: text.into(),
            ..endpoint(text)
        };
        let second = EndpointRecord {
            secret: Bytes::new(),
            topics: Vec::new(),
            enabled: false,
            created_at: i64::MIN,
            updated_at: i64::MAX,
            ..endpoint(text)
        };
        for endpoint in [first, second] {
            commit(&*store, &account("w/a"), [PutEndpoint(endpoint.clone())]).await;
            assert_eq!(store.endpoint(&w, text).await.unwrap(), Some(endpoint));
        }
        assert_eq!(store.endpoint(&other, text).await.unwrap(), None);
    }
    assert_eq!(store.endpoints(&w).await.unwrap().len(), ODD_TEXTS.len());
    assert_eq!(store.endpoints(&other).await.unwrap(), []);
}

/// By the time made, then by id in byte order.
pub async fn webhook_endpoints_are_oldest_first(store: Arc<dyn Store>) {
    let w = workspace("w");
    for (id, created_at) in [("b", 5), ("c", 5), ("B", 5), ("z", -4), ("a", 9)] {
        commit(&*store, &w, [PutEndpoint(EndpointRecord { created_at, ..endpoint(id) })]).await;
    }
    let ids: Vec<_> = store.endpoints(&w).await.unwrap().into_iter().map(|endpoint| endpoint.id).collect();
    assert_eq!(ids, ["z", "B", "b", "c", "a"]);
}

/// The first time counts until it is taken away, and writing the endpoint does not touch it.
pub async fn failing_webhook_endpoint_keeps_its_time(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    let failing = async || store.endpoint(&w, "e").await.unwrap().unwrap().failing_since;
    let set = |since| SetFailing { endpoint: "e".into(), since };
    let mislead = EndpointRecord { failing_since: Some(1), ..endpoint("e") };
    for workspace in [&w, &other] {
        commit(&*store, workspace, [set(Some(3)), PutEndpoint(mislead.clone())]).await;
    }
    assert_eq!(failing().await, None);
    commit(&*store, &w, [set(Some(4)), set(Some(9)), set(Some(2))]).await;
    assert_eq!(failing().await, Some(4));
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    assert_eq!(failing().await, Some(4));
    commit(&*store, &w, [set(None), set(None)]).await;
    assert_eq!(failing().await, None);
    commit(&*store, &w, [set(Some(7))]).await;
    assert_eq!(failing().await, Some(7));
    assert_eq!(store.endpoint(&other, "e").await.unwrap().unwrap().failing_since, None);
}

/// Every field, whatever the text, and in its own workspace.
pub async fn webhook_delivery_comes_back_as_written(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    for text in ODD_TEXTS {
        let full = DeliveryRecord {
            position: text.into(),
            key: text.into(),
            body: text.into(),
            attempts: u32::MAX,
            next_at: i64::MIN,
            last_status: Some(i64::MIN),
            last_error: Some(text.into()),
            created_at: i64::MAX,
            ..done(text, text, DeliveryState::Dead, i64::MAX)
        };
        assert_eq!(find(&*store, &w, text).await, None);
        commit(&*store, &w, [PutEndpoint(endpoint(text)), PutDelivery(full.clone())]).await;
        assert_eq!(find(&*store, &w, text).await.as_ref(), Some(&full));
        let query = DeliveryQuery { endpoint: text.into(), ..Default::default() };
        assert_eq!(store.deliveries(&w, &query).await.unwrap().deliveries, [full]);
        assert_eq!(find(&*store, &other, text).await, None);
        assert_eq!(store.deliveries(&other, &query).await.unwrap().deliveries, []);
    }
    for plain in [delivery("a", "plain"), done("a", "done", DeliveryState::Delivered, 3)] {
        commit(&*store, &w, [PutDelivery(plain.clone())]).await;
        assert_eq!(find(&*store, &w, &plain.id).await, Some(plain));
    }
}

/// The first one stays, however far it is; and to no endpoint there is none.
pub async fn webhook_delivery_is_inserted_once(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, [endpoint("e"), endpoint("f")].map(PutEndpoint)).await;
    let first = done("e", "1", DeliveryState::Delivered, 3);
    let again = DeliveryRecord { body: "other".into(), ..delivery("f", "1") };
    let nowhere = delivery("absent", "2");
    commit(&*store, &w, [first.clone(), again.clone(), nowhere.clone()].map(PutDelivery)).await;
    commit(&*store, &w, [PutDelivery(again), PutDelivery(nowhere), PutEndpoint(endpoint("absent"))]).await;
    assert_eq!(find(&*store, &w, "1").await, Some(first));
    assert_eq!(find(&*store, &w, "2").await, None);
    assert_eq!(pages(&*store, &w, "f", None, 10).await, [[""; 0]]);
    let elsewhere = workspace("elsewhere");
    commit(&*store, &elsewhere, [PutDelivery(delivery("e", "3"))]).await;
    assert_eq!(find(&*store, &elsewhere, "3").await, None, "the endpoint of another workspace");
}

/// Done without a time, or a time without being done.
pub async fn contradictory_webhook_delivery_is_refused(store: Arc<dyn Store>) {
    let w = workspace("w");
    let wrong = [
        DeliveryRecord { done_at: Some(1), ..delivery("e", "1") },
        DeliveryRecord { done_at: None, ..done("e", "1", DeliveryState::Delivered, 1) },
        DeliveryRecord { done_at: None, ..done("e", "1", DeliveryState::Dead, 1) },
    ];
    for delivery in wrong {
        let list = [PutEndpoint(endpoint("e")), PutDelivery(delivery)];
        assert_eq!(try_commit(&*store, &w, list).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(store.endpoints(&w).await.unwrap(), [], "nothing was written");
}

/// By insertion, with and without a state, and whatever a stranger puts in the cursor.
pub async fn webhook_deliveries_are_paged_newest_first(store: Arc<dyn Store>) {
    use DeliveryState::{Dead, Delivered, Pending};
    let w = workspace("w");
    commit(&*store, &w, [endpoint("e"), endpoint("f")].map(PutEndpoint)).await;
    let states = [Pending, Dead, Delivered, Delivered, Pending, Dead, Pending, Delivered];
    for (number, state) in states.into_iter().enumerate() {
        let id = number.to_string();
        let record = if state == Pending { delivery("e", &id) } else { done("e", &id, state, 1) };
        let aside = delivery("f", &format!("f{number}"));
        commit(&*store, &w, [PutDelivery(record), PutDelivery(aside)]).await;
    }
    let pages_of = async |state, limit| pages(&*store, &w, "e", state, limit).await;
    assert_eq!(pages_of(None, 3).await, [vec!["7", "6", "5"], vec!["4", "3", "2"], vec!["1", "0"]]);
    assert_eq!(pages_of(None, 4).await, [["7", "6", "5", "4"], ["3", "2", "1", "0"]]);
    assert_eq!(pages_of(None, 8).await.len(), 1);
    assert_eq!(pages_of(Some(Pending), 2).await, [vec!["6", "4"], vec!["0"]]);
    assert_eq!(pages_of(Some(Delivered), 2).await, [vec!["7", "3"], vec!["2"]]);
    assert_eq!(pages_of(Some(Dead), 0).await, [["5", "1"]]);
    assert_eq!(pages(&*store, &w, "absent", None, 3).await, [[""; 0]]);
    for cursor in ["", "x", "1.5", "\0", "99999999999999999999999999", "1; DROP TABLE webhook_delivery"] {
        let query = DeliveryQuery { endpoint: "e".into(), before: Some(cursor.into()), ..Default::default() };
        let page = store.deliveries(&w, &query).await.unwrap();
        assert_eq!((page.deliveries.len(), page.next), (0, None), "{cursor:?}");
    }
}

/// What comes in and what is attempted between two pages neither repeats nor hides the others.
pub async fn webhook_delivery_pages_are_stable_under_writes(store: Arc<dyn Store>) {
    let w = workspace("w");
    let put = |number: usize| PutDelivery(delivery("e", &format!("{number:02}")));
    commit(&*store, &w, [PutEndpoint(endpoint("e"))].into_iter().chain((0..20).map(put))).await;
    let mut query = DeliveryQuery { endpoint: "e".into(), state: None, before: None, limit: 3 };
    let mut seen = Vec::new();
    for number in 20.. {
        let page = store.deliveries(&w, &query).await.unwrap();
        seen.extend(page.deliveries.into_iter().map(|delivery| delivery.id));
        commit(&*store, &w, [put(number)]).await;
        let claimed = store.claim_deliveries(10, 20, 2).await.unwrap();
        commit(&*store, &w, claimed.iter().map(|claimed| attempted(claimed, Delivered))).await;
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..20).rev().map(|number| format!("{number:02}")).collect();
    assert_eq!(seen, expected);
}

/// And nothing of another endpoint or of another workspace; made again, it starts empty.
pub async fn deleted_webhook_endpoint_takes_its_deliveries_along(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    for workspace in [&w, &other] {
        commit(&*store, workspace, [endpoint("e"), endpoint("f")].map(PutEndpoint)).await;
        let deliveries = [delivery("e", "1"), done("e", "2", DeliveryState::Dead, 1), delivery("f", "3")];
        commit(&*store, workspace, deliveries.map(PutDelivery)).await;
    }
    commit(&*store, &w, ["e", "absent"].map(|id| DeleteEndpoint { id: id.into() })).await;
    assert_eq!(store.endpoint(&w, "e").await.unwrap(), None);
    for (id, there) in [("1", false), ("2", false), ("3", true)] {
        assert_eq!(find(&*store, &w, id).await.is_some(), there, "{id}");
        assert!(find(&*store, &other, id).await.is_some(), "{id}");
    }
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    assert_eq!(pages(&*store, &w, "e", None, 10).await, [[""; 0]]);
    let again = DeliveryRecord { body: "anew".into(), ..delivery("e", "1") };
    commit(&*store, &w, [PutDelivery(again.clone())]).await;
    assert_eq!(find(&*store, &w, "1").await, Some(again));
}

/// Of each endpoint, those without any too.
pub async fn webhook_backlog_counts_by_endpoint(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    assert_eq!(store.webhook_backlog(&w).await.unwrap(), []);
    commit(&*store, &w, ["b", "a", "B"].map(|id| PutEndpoint(endpoint(id)))).await;
    let list = [
        delivery("a", "1"),
        delivery("a", "2"),
        done("a", "3", DeliveryState::Delivered, 1),
        done("a", "4", DeliveryState::Dead, 1),
        done("b", "5", DeliveryState::Dead, 1),
    ];
    commit(&*store, &w, list.map(PutDelivery)).await;
    assert_eq!(store.claim_deliveries(10, 20, 1).await.unwrap().len(), 1);
    let count = |endpoint: &str, pending, dead| EndpointBacklog { endpoint: endpoint.into(), pending, dead };
    let expected = [count("B", 0, 0), count("a", 2, 1), count("b", 0, 1)];
    assert_eq!(store.webhook_backlog(&w).await.unwrap(), expected);
    assert_eq!(store.webhook_backlog(&other).await.unwrap(), []);
}

/// From its time on, oldest first, over all workspaces; a claim hides it until its end and no longer.
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

/// Who was too late changes nothing, nor does the same attempt told twice; who is late without harm counts.
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
    // By now its time is up, but nobody else came.
    commit(&*store, &w, [attempted(&second, RetryAt(40)), attempted(&second, RetryAt(41))]).await;
    commit(&*store, &w, [attempted(&second, Dead)]).await;
    let record = find(&*store, &w, "1").await.unwrap();
    assert_eq!((record.state, record.attempts, record.next_at), (DeliveryState::Pending, 1, 40));
    let absent = ClaimedDelivery { delivery: delivery("e", "absent"), ..second };
    commit(&*store, &w, [attempted(&absent, Delivered)]).await;
    assert_eq!(find(&*store, &w, "absent").await, None);
}

/// Whatever its state; an attempt under way counts no more.
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

/// Old ones alone, done ones alone, and of the workspace alone.
pub async fn done_webhook_deliveries_are_trimmed(store: Arc<dyn Store>) {
    let (w, other) = (workspace("w"), workspace("other"));
    for workspace in [&w, &other] {
        commit(&*store, workspace, [PutEndpoint(endpoint("e"))]).await;
        let list = [
            delivery("e", "pending"),
            done("e", "old", DeliveryState::Delivered, 9),
            done("e", "dead", DeliveryState::Dead, -1),
            done("e", "edge", DeliveryState::Delivered, 10),
        ];
        commit(&*store, workspace, list.map(PutDelivery)).await;
    }
    commit(&*store, &w, [Trim { before: 10 }]).await;
    assert_eq!(pages(&*store, &w, "e", None, 10).await, [["edge", "pending"]]);
    assert_eq!(pages(&*store, &other, "e", None, 10).await[0].len(), 4);
    commit(&*store, &w, [Trim { before: i64::MAX }]).await;
    assert_eq!(pages(&*store, &w, "e", None, 10).await, [["pending"]]);
}

/// What goes there waits, and goes on when it is enabled again.
pub async fn webhook_endpoint_that_is_off_is_not_served(store: Arc<dyn Store>) {
    let w = workspace("w");
    let off = EndpointRecord { enabled: false, ..endpoint("e") };
    commit(&*store, &w, [PutEndpoint(off), PutDelivery(delivery("e", "1"))]).await;
    assert!(store.claim_deliveries(10, 20, 10).await.unwrap().is_empty());
    commit(&*store, &w, [PutEndpoint(endpoint("e"))]).await;
    assert_eq!(ids(&store.claim_deliveries(10, 20, 10).await.unwrap()), ["1"]);
}

/// Whose last turn is the longest ago comes first, however old the backlog of the others is.
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
    // One that comes back after a rest does not wait for the backlog.
    commit(&*store, &w, [PutDelivery(delivery("short", "s3"))]).await;
    assert_eq!(ids(&store.claim_deliveries(10, 1000, 1).await.unwrap()), ["s3"]);
}

/// So many under way and no more, one alone while it fails, and others are served meanwhile.
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

/// An endpoint that goes while deliveries to it come in leaves none behind.
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
