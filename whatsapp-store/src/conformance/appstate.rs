use std::sync::Arc;

use bytes::Bytes;

use super::samples::{ODD_TEXTS, account, bytes, commit};
use crate::{AccountId, AppStateChange, AppStateVersion, Change, Store};

use AppStateChange::{DeleteMac, PutKey, PutMac, PutVersion, Reset};

fn version(collection: &str, version: u64) -> AppStateVersion {
    AppStateVersion { collection: collection.into(), version, hash: bytes() }
}

fn mac(collection: &str, index: &Bytes, value: &'static str) -> AppStateChange {
    PutMac { collection: collection.into(), index: index.clone(), value: value.into() }
}

async fn macs(
    store: &dyn Store,
    account: &AccountId,
    collection: &str,
    indexes: &[Bytes],
) -> Vec<Option<Bytes>> {
    store.app_state_macs(account, collection, indexes).await.unwrap()
}

/// Any version, under any collection name. The last one written counts, also when it is lower.
pub async fn app_state_version_comes_back_as_written(store: Arc<dyn Store>) {
    let (a, others) = (account("a"), ["b", "w/a"].map(account));
    for collection in ODD_TEXTS {
        assert_eq!(store.app_state(&a, collection).await.unwrap(), None);
        let numbers = [0, 1, u64::from(u32::MAX), i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX, 7];
        for number in numbers {
            let written = version(collection, number);
            commit(&*store, &a, [PutVersion(written.clone())]).await;
            assert_eq!(store.app_state(&a, collection).await.unwrap(), Some(written), "{number}");
        }
        for other in &others {
            assert_eq!(store.app_state(other, collection).await.unwrap(), None);
        }
        let empty = AppStateVersion { hash: Bytes::new(), ..version(collection, 8) };
        commit(&*store, &a, [PutVersion(empty.clone())]).await;
        assert_eq!(store.app_state(&a, collection).await.unwrap(), Some(empty));
    }
}

/// Any bytes, in the id and in the key.
pub async fn app_state_key_comes_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    let ids =
        [Bytes::new(), Bytes::from_static(&[0]), Bytes::from_static(&[0, 0]), bytes(), Bytes::from("a")];
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(store.app_state_key(&a, id).await.unwrap(), None);
        for value in [Bytes::new(), bytes(), Bytes::from(vec![0; number])] {
            commit(&*store, &a, [PutKey { id: id.clone(), key: value.clone() }]).await;
            assert_eq!(store.app_state_key(&a, id).await.unwrap(), Some(value));
        }
        assert_eq!(store.app_state_key(&account("w/a"), id).await.unwrap(), None);
    }
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(store.app_state_key(&a, id).await.unwrap(), Some(vec![0; number].into()), "as it was");
    }
}

/// In the order asked for, any number of them, including absent ones and repeated ones.
pub async fn app_state_macs_keep_the_order_asked(store: Arc<dyn Store>) {
    let a = account("a");
    let index = |number: usize| Bytes::from(vec![number as u8, 0, 255]);
    let value = |number: usize| Bytes::from(vec![number as u8; number % 40]);
    let put = |number| PutMac { collection: "c".into(), index: index(number), value: value(number) };
    commit(&*store, &a, (0..200).filter(|number| number % 3 != 0).map(put)).await;
    for count in [0, 1, 2, 3, 16, 17, 64, 65, 199, 200] {
        let mut wanted: Vec<usize> = (0..count).map(|number| (number * 7) % 200).collect();
        wanted.extend(wanted.clone().into_iter().take(2));
        let indexes: Vec<_> = wanted.iter().map(|number| index(*number)).collect();
        let expected: Vec<_> = wanted.iter().map(|n| (n % 3 != 0).then(|| value(*n))).collect();
        assert_eq!(macs(&*store, &a, "c", &indexes).await, expected, "{count}");
        let nothing = vec![None; indexes.len()];
        assert_eq!(macs(&*store, &a, "d", &indexes).await, nothing, "another collection");
        assert_eq!(macs(&*store, &account("w/a"), "c", &indexes).await, nothing, "another account");
    }
    let odd = [Bytes::new(), bytes(), Bytes::from_static(b"%"), Bytes::from_static(&[0])];
    commit(&*store, &a, odd.iter().map(|index| mac("c", index, "odd"))).await;
    assert_eq!(macs(&*store, &a, "c", &odd).await, vec![Some(Bytes::from("odd")); 4]);
}

/// The last one counts; one that is removed is absent, and nothing else with it.
pub async fn app_state_macs_are_replaced_and_removed(store: Arc<dyn Store>) {
    let (a, one, two) = (account("a"), Bytes::from("1"), Bytes::from("2"));
    let both = [one.clone(), two.clone()];
    let some = |value: &'static str| Some(Bytes::from(value));
    let delete = |collection: &str| DeleteMac { collection: collection.into(), index: one.clone() };
    commit(&*store, &a, [mac("c", &one, "x"), mac("c", &one, "y"), mac("c", &two, "z"), mac("d", &one, "d")])
        .await;
    assert_eq!(macs(&*store, &a, "c", &both).await, [some("y"), some("z")]);
    commit(&*store, &a, [delete("c"), delete("c"), delete("absent")]).await;
    assert_eq!(macs(&*store, &a, "c", &both).await, [None, some("z")]);
    assert_eq!(macs(&*store, &a, "d", &both).await, [some("d"), None]);
    commit(&*store, &a, [delete("c"), mac("c", &one, "again")]).await;
    assert_eq!(macs(&*store, &a, "c", &both).await, [some("again"), some("z")]);
}

/// Of one collection; the keys and the other collections stay.
pub async fn app_state_reset_keeps_the_keys(store: Arc<dyn Store>) {
    let (a, id) = (account("a"), Bytes::from("1"));
    let reset = || Reset { collection: "c".into() };
    let list = || {
        [
            PutVersion(version("c", 5)),
            PutVersion(version("d", 6)),
            PutKey { id: id.clone(), key: bytes() },
            mac("c", &id, "c"),
            mac("d", &id, "d"),
        ]
    };
    for account in [&a, &account("b")] {
        commit(&*store, account, list()).await;
    }
    commit(&*store, &a, [reset(), Reset { collection: "absent".into() }]).await;
    assert_eq!(store.app_state(&a, "c").await.unwrap(), None);
    assert_eq!(macs(&*store, &a, "c", std::slice::from_ref(&id)).await, [None]);
    assert_eq!(store.app_state(&a, "d").await.unwrap(), Some(version("d", 6)));
    assert_eq!(macs(&*store, &a, "d", std::slice::from_ref(&id)).await, [Some(Bytes::from("d"))]);
    assert_eq!(store.app_state_key(&a, &id).await.unwrap(), Some(bytes()));
    assert_eq!(store.app_state(&account("b"), "c").await.unwrap(), Some(version("c", 5)));
    commit(&*store, &a, [reset(), PutVersion(version("c", 1)), mac("c", &id, "anew")]).await;
    assert_eq!(store.app_state(&a, "c").await.unwrap(), Some(version("c", 1)));
    assert_eq!(macs(&*store, &a, "c", std::slice::from_ref(&id)).await, [Some(Bytes::from("anew"))]);
}

/// All of it.
pub async fn deleted_device_removes_its_app_state(store: Arc<dyn Store>) {
    let id = Bytes::from("1");
    let list = || [PutVersion(version("c", 5)), PutKey { id: id.clone(), key: bytes() }, mac("c", &id, "c")];
    for delete in [Change::DeleteDevice, Change::DeleteSession] {
        let (a, b) = (account("a"), account("b"));
        for account in [&a, &b] {
            commit(&*store, account, list()).await;
        }
        commit(&*store, &a, [delete]).await;
        for (account, there) in [(&a, false), (&b, true)] {
            assert_eq!(store.app_state(account, "c").await.unwrap().is_some(), there);
            assert_eq!(store.app_state_key(account, &id).await.unwrap().is_some(), there);
            assert_eq!(macs(&*store, account, "c", std::slice::from_ref(&id)).await[0].is_some(), there);
        }
    }
}
