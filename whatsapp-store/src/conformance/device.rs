use std::sync::Arc;

use bytes::Bytes;

use super::samples::{Presence, account, commit, device, message, one_of_each};
use crate::{
    Change, DeviceRecord, MessageQuery, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, Store,
};

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

/// What was queued is sent by the next device of the account, or has failed; what was sent before stays as it is.
pub async fn queued_messages_outlast_a_replaced_device_alone(store: Arc<dyn Store>) {
    let a = account("a");
    let ours =
        |id: &str, status| Change::PutMessage(MessageRecord { from_me: true, status, ..message("c", id) });
    let out = |id: &str, state| {
        let (chat, payload) = ("c".into(), Bytes::from_static(b"p"));
        Change::PutOutgoing(OutgoingMessage { id: id.into(), chat, payload, state, created_at: 1 })
    };
    let list = [
        Change::PutDevice(device()),
        ours("q", MessageStatus::Queued),
        out("q", OutgoingState::Queued),
        ours("s", MessageStatus::Sent),
        out("s", OutgoingState::Sent),
    ];
    let statuses = async || {
        let page = store.messages(&a, &MessageQuery::default()).await.unwrap();
        let of = |id: &str| {
            page.messages.iter().find(|message| message.key.id == id).map(|message| message.status)
        };
        [of("q"), of("s")]
    };
    commit(&*store, &a, list).await;
    commit(&*store, &a, [Change::ReplaceDevice]).await;
    assert_eq!(store.device(&a).await.unwrap(), None);
    let queued = store.queued(&a, 9).await.unwrap();
    assert_eq!(queued.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["q"]);
    assert_eq!(store.outgoing(&a, "s").await.unwrap(), None);
    assert_eq!(statuses().await, [Some(MessageStatus::Queued), Some(MessageStatus::Sent)]);
    commit(&*store, &a, [Change::DeleteDevice]).await;
    assert!(store.queued(&a, 9).await.unwrap().is_empty());
    assert_eq!(statuses().await, [Some(MessageStatus::Failed), Some(MessageStatus::Sent)]);
}
