use std::sync::Arc;

use super::samples::{ODD_TEXTS, account, bytes, commit};
use crate::{AccountId, Change, MAX_NOTICES, NoticeChange, NoticeRecord, Store};

fn notice(kind: &str, id: &str, received_at: i64) -> NoticeRecord {
    NoticeRecord { kind: kind.into(), id: id.into(), received_at, payload: bytes() }
}

fn delete(kind: &str, id: &str) -> Change {
    NoticeChange::Delete { kind: kind.into(), id: id.into() }.into()
}

async fn put(store: &dyn Store, account: &AccountId, list: impl IntoIterator<Item = NoticeRecord>) {
    commit(store, account, list.into_iter().map(|notice| Change::from(NoticeChange::Put(notice)))).await;
}

/// The ids of all pages.
async fn ids(store: &dyn Store, account: &AccountId, kind: &str, limit: u32) -> Vec<String> {
    let mut all = Vec::<String>::new();
    loop {
        let page = store.notices(account, kind, all.last().map(String::as_str), limit).await.unwrap();
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= limit as usize);
        all.extend(page.into_iter().map(|notice| notice.id));
    }
}

/// Every field, and any text. One of the same kind and id is replaced.
pub async fn notice_comes_back_as_written(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    assert_eq!(store.notices(&a, "k", None, 10).await.unwrap(), []);
    for text in ODD_TEXTS {
        put(store, &a, [notice(text, text, i64::MIN), notice(text, text, i64::MAX)]).await;
        assert_eq!(store.notices(&a, text, None, 10).await.unwrap(), [notice(text, text, i64::MAX)]);
        commit(store, &a, [delete(text, text), delete(text, "absent")]).await;
        assert_eq!(store.notices(&a, text, None, 10).await.unwrap(), []);
    }
}

/// By the time they came and then by id, whatever order they were written in; kinds and accounts are apart.
pub async fn notices_are_oldest_first(store: Arc<dyn Store>) {
    let (store, a, b) = (&*store, account("a"), account("b"));
    put(store, &a, [notice("k", "c", 2), notice("k", "b", 2), notice("k", "d", 1), notice("k", "a", 9)])
        .await;
    put(store, &a, [notice("other", "x", 1)]).await;
    put(store, &b, [notice("k", "y", 1)]).await;
    for limit in [1, 2, 3, 10] {
        assert_eq!(ids(store, &a, "k", limit).await, ["d", "b", "c", "a"], "{limit} a page");
    }
    assert_eq!(store.notices(&a, "k", Some("absent"), 10).await.unwrap(), []);
    assert_eq!(ids(store, &a, "other", 10).await, ["x"]);
    put(store, &a, [notice("k", "d", 5)]).await;
    assert_eq!(ids(store, &a, "k", 10).await, ["b", "c", "d", "a"]);
}

/// The newest stay, in the commit that adds; other kinds are not touched.
pub async fn notices_are_bounded(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    put(store, &a, [notice("other", "x", 0)]).await;
    let of = |number: i64| NoticeRecord { payload: "p".into(), ..notice("k", &number.to_string(), number) };
    let most = i64::from(MAX_NOTICES);
    for first in (0..most).step_by(2_500) {
        put(store, &a, (first..first + 2_500).map(of)).await;
    }
    assert_eq!(store.notices(&a, "k", None, 1).await.unwrap(), [of(0)]);
    put(store, &a, [of(most), of(-1), of(most + 1)]).await;
    assert_eq!(store.notices(&a, "k", None, 1).await.unwrap(), [of(2)]);
    assert_eq!(ids(store, &a, "k", 500).await.len(), MAX_NOTICES as usize);
    assert_eq!(ids(store, &a, "other", 10).await, ["x"]);
}

/// They hang on the device.
pub async fn notices_go_with_the_device(store: Arc<dyn Store>) {
    let (store, a, b) = (&*store, account("a"), account("b"));
    for gone in [Change::DeleteDevice, Change::DeleteSession] {
        put(store, &a, [notice("k", "1", 1)]).await;
        put(store, &b, [notice("k", "1", 1)]).await;
        commit(store, &a, [gone]).await;
        assert_eq!(store.notices(&a, "k", None, 10).await.unwrap(), []);
        assert_eq!(ids(store, &b, "k", 10).await, ["1"]);
    }
}
