use std::sync::Arc;

use bytes::Bytes;

use super::samples::{ODD_TEXTS, account, bytes, commit, key};
use crate::{Change, SignalKey, SignalKind, Store};

const KINDS: [SignalKind; 7] = [
    SignalKind::Identity,
    SignalKind::Session,
    SignalKind::PreKey,
    SignalKind::SignedPreKey,
    SignalKind::SenderKey,
    SignalKind::SenderKeyShared,
    SignalKind::DeviceList,
];

/// One `None` for each key asked for; no key, no answer.
pub async fn absent_signal_records_are_none(store: Arc<dyn Store>) {
    let a = account("a");
    assert_eq!(store.signal(&a, &[]).await.unwrap(), []);
    assert_eq!(store.signal(&a, &[key("1"), key("2")]).await.unwrap(), [None, None]);
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), [""; 0]);
}

/// Also when some are absent and some are asked for twice.
pub async fn signal_batch_keeps_the_order_asked(store: Arc<dyn Store>) {
    let (a, value) = (account("a"), |id: &str| Bytes::from(format!("value of {id}")));
    commit(&*store, &a, ["1", "2", "3"].map(|id| Change::PutSignal(key(id), value(id)))).await;
    let asked = ["3", "x", "1", "3", "2", "y"].map(key);
    let found = store.signal(&a, &asked).await.unwrap();
    let expected = [Some("3"), None, Some("1"), Some("3"), Some("2"), None].map(|id| id.map(value));
    assert_eq!(found, expected);
}

/// One key or hundreds: every second one is there.
pub async fn signal_batches_of_any_size(store: Arc<dyn Store>) {
    let a = account("a");
    let value = |number: usize| Bytes::from(number.to_string());
    let puts = (0..1000).step_by(2).map(|number| Change::PutSignal(key(number.to_string()), value(number)));
    commit(&*store, &a, puts).await;
    // Of many values under one key the last counts, also within one commit.
    let again = (0..64).map(|number| Change::PutSignal(key(format!("again {}", number % 3)), value(number)));
    commit(&*store, &a, again).await;
    let keys = [0, 1, 2].map(|number| key(format!("again {number}")));
    assert_eq!(store.signal(&a, &keys).await.unwrap(), [63, 61, 62].map(|number| Some(value(number))));
    for size in [1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 255, 256, 257, 300, 999, 1000] {
        let keys: Vec<_> = (0..size).map(|number| key(number.to_string())).collect();
        let found = store.signal(&a, &keys).await.unwrap();
        assert_eq!(found.len(), size);
        for (number, found) in found.into_iter().enumerate() {
            assert_eq!(found, (number % 2 == 0).then(|| value(number)), "key {number} of {size}");
        }
    }
}

/// The same id under another kind is another record.
pub async fn signal_kinds_are_separate(store: Arc<dyn Store>) {
    let a = account("a");
    let keys = KINDS.map(|kind| SignalKey::new(kind, "1"));
    let value = |key: &SignalKey| Bytes::from(vec![key.kind.code()]);
    commit(&*store, &a, keys.iter().map(|key| Change::PutSignal(key.clone(), value(key)))).await;
    let expected: Vec<_> = keys.iter().map(|key| Some(value(key))).collect();
    assert_eq!(store.signal(&a, &keys).await.unwrap(), expected);
    for kind in KINDS {
        assert_eq!(store.signal_ids(&a, kind).await.unwrap(), ["1"]);
    }
}

/// No bytes, all bytes, zeros.
pub async fn signal_values_are_any_bytes(store: Arc<dyn Store>) {
    let a = account("a");
    for value in [Bytes::new(), bytes(), Bytes::from_static(&[0; 100]), Bytes::from_static(b"0")] {
        commit(&*store, &a, [Change::PutSignal(key("1"), value.clone())]).await;
        assert_eq!(store.signal(&a, &[key("1")]).await.unwrap(), [Some(value)]);
    }
}

/// Any text is an id. Ids are sorted by their UTF-8 bytes, in no language's order.
pub async fn signal_ids_come_in_byte_order(store: Arc<dyn Store>) {
    let a = account("a");
    let puts = ODD_TEXTS.iter().rev().map(|id| Change::PutSignal(key(*id), Bytes::from(*id)));
    commit(&*store, &a, puts).await;
    let mut expected = ODD_TEXTS;
    expected.sort_unstable();
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), expected);
    let found = store.signal(&a, &ODD_TEXTS.map(key)).await.unwrap();
    assert_eq!(found, ODD_TEXTS.map(|id| Some(Bytes::from(id))));
}

/// Only that record. Deleting an absent one is accepted.
pub async fn deleted_signal_record_is_absent(store: Arc<dyn Store>) {
    let a = account("a");
    let other = SignalKey::new(SignalKind::PreKey, "1");
    let puts = [key("1"), key("2"), other.clone()].map(|key| Change::PutSignal(key, bytes()));
    commit(&*store, &a, puts).await;
    commit(&*store, &a, [Change::DeleteSignal(key("1")), Change::DeleteSignal(key("x"))]).await;
    let found = store.signal(&a, &[key("1"), key("2"), other]).await.unwrap();
    assert_eq!(found, [None, Some(bytes()), Some(bytes())]);
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), ["2"]);
}
