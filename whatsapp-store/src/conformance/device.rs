use std::sync::Arc;

use bytes::Bytes;

use super::samples::{Presence, account, commit, device, one_of_each};
use crate::{Change, DeviceRecord, Store};

/// Nothing was ever written: `None`.
pub async fn absent_device_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.device(&account("a")).await.unwrap(), None);
    commit(&*store, &account("a"), [Change::DeleteDevice]).await;
    assert_eq!(store.device(&account("a")).await.unwrap(), None);
}

/// Every field, with and without; the last one written counts.
pub async fn device_comes_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    let unlinked = DeviceRecord { jid: None, lid: None, state: Bytes::new() };
    let half = DeviceRecord { lid: None, ..device() };
    for device in [unlinked.clone(), device(), half, unlinked] {
        commit(&*store, &a, [Change::PutDevice(device.clone())]).await;
        assert_eq!(store.device(&a).await.unwrap(), Some(device));
    }
}

/// Signal records, mappings and outgoing messages go with it; messages and the session stay, and so do other accounts.
pub async fn deleted_device_removes_its_records(store: Arc<dyn Store>) {
    let (a, b) = (account("a"), account("b"));
    for account in [&a, &b] {
        commit(&*store, account, one_of_each(account)).await;
    }
    commit(&*store, &a, [Change::DeleteDevice]).await;
    let left = Presence { message: true, session: true, ..Presence::NONE };
    assert_eq!(Presence::of(&*store, &a).await, left);
    assert_eq!(Presence::of(&*store, &b).await, Presence::ALL);
    commit(&*store, &a, one_of_each(&a)).await;
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL, "linked again");
}
