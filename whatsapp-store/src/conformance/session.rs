use std::sync::Arc;

use super::samples::{ODD_TEXTS, Presence, account, commit, one_of_each, session, workspace};
use crate::{Change, DesiredState, ObservedState, SessionObservation, SessionRecord, Store};

/// An account is not a session because it has other records.
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
    let stopped = SessionRecord { name: String::new(), desired: DesiredState::Stopped, ..session("a", 2) };
    for session in [session("a", 1), stopped] {
        commit(&*store, &a, [Change::PutSession(session.clone())]).await;
        assert_eq!(store.session(&a).await.unwrap(), Some(session.clone()));
        assert_eq!(store.all_sessions().await.unwrap(), [session]);
    }
}

/// All of it, and nothing of another account.
pub async fn deleted_session_removes_all_records_of_its_account(store: Arc<dyn Store>) {
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

/// Every state, with a reason or none.
pub async fn observed_session_state_comes_back_as_written(store: Arc<dyn Store>) {
    use ObservedState::{AwaitingPairing, Connected, Connecting, LoggedOut, Offline};
    let a = account("a");
    commit(&*store, &a, [Change::PutSession(session("a", 1))]).await;
    let states = [Offline, Connecting, AwaitingPairing, Connected, LoggedOut];
    for (number, state) in states.into_iter().cycle().take(2 * ODD_TEXTS.len()).enumerate() {
        let reason = (number % 2 == 0).then(|| ODD_TEXTS[number / 2].to_owned());
        let observed = SessionObservation { state, at: i64::MIN + number as i64, reason };
        commit(&*store, &a, [Change::SetObserved(observed.clone())]).await;
        let expected = SessionRecord { observed: Some(observed), ..session("a", 1) };
        assert_eq!(store.session(&a).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(store.all_sessions().await.unwrap(), [expected]);
    }
}

/// The user's choice and the observed state do not overwrite each other.
pub async fn session_keeps_its_observed_state(store: Arc<dyn Store>) {
    let a = account("a");
    let observed = |at| SessionObservation { state: ObservedState::Connected, at, reason: Some("up".into()) };
    let with = |at| SessionRecord { observed: Some(observed(at)), ..session("a", 1) };
    // Apart from its revision.
    let session_of = async || {
        let found = store.session(&a).await.unwrap();
        found.map(|found| SessionRecord { updated_at: 1, ..found })
    };
    commit(&*store, &a, [Change::SetObserved(observed(1))]).await;
    assert_eq!(session_of().await, None, "none is made");
    commit(&*store, &a, [Change::PutSession(with(1))]).await;
    assert_eq!(session_of().await, Some(session("a", 1)), "nothing was observed yet");
    commit(&*store, &a, [Change::SetObserved(observed(2))]).await;
    let stopped = SessionRecord { desired: DesiredState::Stopped, ..with(9) };
    commit(&*store, &a, [Change::PutSession(stopped.clone())]).await;
    let expected = SessionRecord { observed: Some(observed(2)), ..stopped };
    assert_eq!(session_of().await, Some(expected));
    commit(&*store, &a, [Change::PutSession(session("a", 1))]).await;
    assert_eq!(session_of().await, Some(with(2)));
    commit(&*store, &a, [Change::DeleteSession, Change::PutSession(session("a", 1))]).await;
    assert_eq!(session_of().await, Some(session("a", 1)));
}

/// One name in two workspaces is two sessions; a host starts with all of them.
pub async fn sessions_of_workspaces_are_separate(store: Arc<dyn Store>) {
    for (id, created_at) in [("w/a", 5), ("v/b", 5), ("v/a", 5), ("a", 9), ("v/c", 1)] {
        commit(&*store, &account(id), [Change::PutSession(session(id, created_at))]).await;
    }
    let observed = SessionObservation { state: ObservedState::Connected, at: 1, reason: None };
    commit(&*store, &account("v/a"), [Change::SetObserved(observed.clone())]).await;
    let ids = |sessions: Vec<SessionRecord>| -> Vec<String> {
        sessions.into_iter().map(|session| session.id.to_string()).collect()
    };
    assert_eq!(ids(store.sessions(&workspace("v")).await.unwrap()), ["v/c", "v/a", "v/b"]);
    assert_eq!(store.sessions(&workspace("w")).await.unwrap(), [session("w/a", 5)]);
    assert_eq!(ids(store.sessions(&workspace("default")).await.unwrap()), ["a"]);
    assert_eq!(store.sessions(&workspace("other")).await.unwrap(), []);
    assert_eq!(ids(store.all_sessions().await.unwrap()), ["v/c", "v/a", "v/b", "w/a", "a"]);
    commit(&*store, &account("w/a"), [Change::DeleteSession]).await;
    let theirs = SessionRecord { observed: Some(observed), ..session("v/a", 5) };
    assert_eq!(store.session(&account("v/a")).await.unwrap(), Some(theirs));
    assert_eq!(store.session(&account("w/a")).await.unwrap(), None);
}
