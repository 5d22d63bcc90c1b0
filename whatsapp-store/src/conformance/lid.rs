use std::sync::Arc;

use super::samples::{account, commit, mapping};
use crate::{AccountId, Change, LidMapping, Store};

async fn by_lid(store: &dyn Store, account: &AccountId, lid: &str) -> Option<LidMapping> {
    store.by_lid(account, lid).await.unwrap()
}

async fn by_pn(store: &dyn Store, account: &AccountId, pn: &str) -> Option<LidMapping> {
    store.by_pn(account, pn).await.unwrap()
}

/// And a LID is not looked for among the numbers.
pub async fn lid_mapping_reads_both_ways(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    assert_eq!(by_lid(store, &a, "1").await, None);
    assert_eq!(by_pn(store, &a, "2").await, None);
    commit(store, &a, [Change::PutLid(mapping("1", "2"))]).await;
    assert_eq!(by_lid(store, &a, "1").await, Some(mapping("1", "2")));
    assert_eq!(by_pn(store, &a, "2").await, Some(mapping("1", "2")));
    assert_eq!(by_lid(store, &a, "2").await, None);
    assert_eq!(by_pn(store, &a, "1").await, None);
}

/// Each LID and each number stands in the map once, whatever order they come in.
pub async fn lid_mapping_replaces_those_it_contradicts(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let put = |lid, pn| commit(store, &a, [Change::PutLid(mapping(lid, pn))]);
    put("1", "a").await;
    put("2", "b").await;
    put("1", "c").await; // the same LID
    assert_eq!(by_pn(store, &a, "a").await, None);
    assert_eq!(by_pn(store, &a, "c").await, Some(mapping("1", "c")));
    put("3", "b").await; // the same number
    assert_eq!(by_lid(store, &a, "2").await, None);
    assert_eq!(by_lid(store, &a, "3").await, Some(mapping("3", "b")));
    put("1", "b").await; // the LID of one and the number of another
    assert_eq!(by_lid(store, &a, "1").await, Some(mapping("1", "b")));
    assert_eq!(by_lid(store, &a, "3").await, None);
    assert_eq!(by_pn(store, &a, "c").await, None);
    put("1", "b").await; // as it was
    assert_eq!(by_pn(store, &a, "b").await, Some(mapping("1", "b")));
}
