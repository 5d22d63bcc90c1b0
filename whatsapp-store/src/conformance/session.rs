use std::sync::Arc;

use super::samples::{Presence, account, commit, one_of_each, session};
use crate::{Change, SessionRecord, Store, WantedState};

/// And no account is a session by having other records.
pub async fn absent_session_is_none(store: Arc<dyn Store>) {
    let a = account("a");
    let without = one_of_each(&a).into_iter().filter(|change| !matches!(change, Change::PutSession(_)));
    commit(&*store, &a, without).await;
    assert_eq!(store.session(&a).await.unwrap(), None);
    assert_eq!(store.all_sessions().await.unwrap(), []);
}

/// By the time made, then by id in byte order.
pub async fn sessions_are_oldest_first(store: Arc<dyn Store>) {
    for (id, created_at) in [("b", 5), ("c", 5), ("B", 5), ("z", -4), ("a", 9)] {
        commit(&*store, &account(id), [Change::PutSession(session(id, created_at))]).await;
    }
    let sessions = store.all_sessions().await.unwrap();
    let ids: Vec<_> = sessions.iter().map(|session| session.id.name()).collect();
    assert_eq!(ids, ["z", "B", "b", "c", "a"]);
    assert_eq!(sessions[0], session("z", -4));
}

/// The last one written counts.
pub async fn session_is_replaced(store: Arc<dyn Store>) {
    let a = account("a");
    let stopped = SessionRecord { name: String::new(), wanted: WantedState::Stopped, ..session("a", 2) };
    for session in [session("a", 1), stopped] {
        commit(&*store, &a, [Change::PutSession(session.clone())]).await;
        assert_eq!(store.session(&a).await.unwrap(), Some(session.clone()));
        assert_eq!(store.all_sessions().await.unwrap(), [session]);
    }
}

/// All of it, and nothing of another account.
pub async fn deleted_session_takes_all_of_its_account_along(store: Arc<dyn Store>) {
    let (a, b) = (account("a"), account("b"));
    for account in [&a, &b] {
        commit(&*store, account, one_of_each(account)).await;
    }
    commit(&*store, &a, [Change::DeleteSession]).await;
    assert_eq!(Presence::of(&*store, &a).await, Presence::NONE);
    assert_eq!(Presence::of(&*store, &b).await, Presence::ALL);
    assert_eq!(store.all_sessions().await.unwrap(), [session("b", 1)]);
    commit(&*store, &a, one_of_each(&a)).await;
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL, "made again");
}
