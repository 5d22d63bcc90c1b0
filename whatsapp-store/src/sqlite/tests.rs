use super::*;
use crate::{AccountId, Change, Changes, DeviceRecord, DeviceStore, Store};

#[tokio::test]
async fn writes_and_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("a.db")).await.unwrap();
    let account: AccountId = "a".parse().unwrap();
    let mut changes = Changes::new(account.clone());
    let device = DeviceRecord { jid: None, lid: None, state: b"s".to_vec().into() };
    changes.push(Change::PutDevice(device.clone()));
    store.commit(changes).await.unwrap();
    assert_eq!(store.device(&account).await.unwrap(), Some(device));
}
