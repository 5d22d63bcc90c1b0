use std::sync::Arc;

use bytes::Bytes;

use super::samples::bad_cursor;
use super::samples::{ODD_TEXTS, account, bytes, commit, try_commit, workspace};
use crate::{
    AttemptOutcome, ClaimedDelivery, DeliveryQuery, DeliveryRecord, DeliveryState, EndpointBacklog,
    EndpointRecord, ErrorKind, Store, WebhookChange, WorkspaceId,
};

use WebhookChange::{DeleteEndpoint, PutDelivery, PutEndpoint, SetFailing, Trim};

pub(super) fn endpoint(id: &str) -> EndpointRecord {
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
pub(super) fn delivery(endpoint: &str, id: &str) -> DeliveryRecord {
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

pub(super) fn done(endpoint: &str, id: &str, state: DeliveryState, done_at: i64) -> DeliveryRecord {
    DeliveryRecord { state, done_at: Some(done_at), ..delivery(endpoint, id) }
}

pub(super) fn attempted(claimed: &ClaimedDelivery, outcome: AttemptOutcome) -> WebhookChange {
    WebhookChange::Attempted {
        id: claimed.delivery.id.clone(),
        token: claimed.token,
        at: 50,
        status: Some(500),
        error: Some("no".into()),
        outcome,
    }
}

pub(super) async fn find(store: &dyn Store, workspace: &WorkspaceId, id: &str) -> Option<DeliveryRecord> {
    store.delivery(workspace, id).await.unwrap()
}

/// All pages, as ids.
pub(super) async fn pages(
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

/// Every field, with any text, in its own workspace. An account's commit writes to its workspace.
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

/// Every field, with any text, in its own workspace.
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

/// The first one stays, in whatever state. Without an endpoint there is no delivery.
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

/// By insertion, with and without a state. An invalid cursor is an error.
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
        bad_cursor(store.deliveries(&w, &query)).await;
    }
}

/// New deliveries and attempts between two pages neither repeat nor hide the others.
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
        commit(&*store, &w, claimed.iter().map(|claimed| attempted(claimed, AttemptOutcome::Delivered)))
            .await;
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..20).rev().map(|number| format!("{number:02}")).collect();
    assert_eq!(seen, expected);
}

/// And nothing of another endpoint or of another workspace; made again, it starts empty.
pub async fn deleted_webhook_endpoint_removes_its_deliveries(store: Arc<dyn Store>) {
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

/// Of each endpoint, including those without any.
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
