use std::sync::Arc;

use super::samples::{account, commit, outgoing, sent};
use crate::{AccountId, Change, OutgoingState, Store};

async fn queue(store: &dyn Store, account: &AccountId, limit: u32) -> Vec<String> {
    let queued = store.queued(account, limit).await.unwrap();
    assert!(queued.iter().all(|message| message.state == OutgoingState::Queued));
    queued.into_iter().map(|message| message.id).collect()
}

/// Every field, in every state.
pub async fn outgoing_comes_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    assert_eq!(store.outgoing(&a, "1").await.unwrap(), None);
    assert_eq!(store.queued(&a, 10).await.unwrap(), []);
    let (one, two) = (outgoing("1", i64::MIN), sent("2", i64::MAX));
    commit(&*store, &a, [Change::PutOutgoing(one.clone()), Change::PutOutgoing(two.clone())]).await;
    assert_eq!(store.queued(&a, 10).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.outgoing(&a, "1").await.unwrap(), Some(one));
    assert_eq!(store.outgoing(&a, "2").await.unwrap(), Some(two));
}

/// By creation time, then by insertion; the limit cuts off the newest.
pub async fn queue_is_oldest_first(store: Arc<dyn Store>) {
    let a = account("a");
    let made = [("c", 5), ("z", 3), ("y", 3), ("a", 5), ("x", -1), ("b", 5)];
    for (id, created_at) in made {
        commit(&*store, &a, [Change::PutOutgoing(outgoing(id, created_at))]).await;
    }
    assert_eq!(queue(&*store, &a, 100).await, ["x", "z", "y", "c", "a", "b"]);
    assert_eq!(queue(&*store, &a, 3).await, ["x", "z", "y"]);
    assert_eq!(queue(&*store, &a, 0).await, [""; 0]);
    assert_eq!(queue(&*store, &a, u32::MAX).await.len(), 6);
}

/// A message leaves the queue when it is sent, and comes back when it is queued again.
pub async fn queue_holds_what_is_queued(store: Arc<dyn Store>) {
    let a = account("a");
    let set = |id: &str, state| Change::SetOutgoingState(id.into(), state);
    commit(&*store, &a, [Change::PutOutgoing(outgoing("1", 1)), Change::PutOutgoing(outgoing("2", 2))]).await;
    let list = [set("1", OutgoingState::Sent), set("absent", OutgoingState::Sent)];
    commit(&*store, &a, list).await;
    assert_eq!(queue(&*store, &a, 10).await, ["2"]);
    assert_eq!(store.outgoing(&a, "1").await.unwrap(), Some(sent("1", 1)));
    assert_eq!(store.outgoing(&a, "absent").await.unwrap(), None);
    commit(&*store, &a, [set("1", OutgoingState::Queued)]).await;
    assert_eq!(queue(&*store, &a, 10).await, ["1", "2"]);
}

/// The new record counts, in the place of the old one.
pub async fn rewritten_outgoing_keeps_its_place(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, ["1", "2"].map(|id| Change::PutOutgoing(outgoing(id, 7)))).await;
    let mut anew = outgoing("1", 7);
    anew.chat = "elsewhere".into();
    anew.payload = "other".into();
    commit(&*store, &a, [Change::PutOutgoing(anew.clone())]).await;
    assert_eq!(store.outgoing(&a, "1").await.unwrap(), Some(anew.clone()));
    assert_eq!(queue(&*store, &a, 10).await, ["1", "2"]);
    anew.created_at = 8;
    commit(&*store, &a, [Change::PutOutgoing(anew)]).await;
    assert_eq!(queue(&*store, &a, 10).await, ["2", "1"]);
}

/// Not queued messages, however old, and not messages of exactly that time.
pub async fn only_old_and_sent_outgoing_expires(store: Arc<dyn Store>) {
    let a = account("a");
    let list = [outgoing("queued", 1), sent("old", 9), sent("edge", 10), sent("new", 11)];
    commit(&*store, &a, list.map(Change::PutOutgoing)).await;
    commit(&*store, &a, [Change::ExpireOutgoing(10)]).await;
    for (id, there) in [("queued", true), ("old", false), ("edge", true), ("new", true)] {
        assert_eq!(store.outgoing(&a, id).await.unwrap().is_some(), there, "{id}");
    }
}
