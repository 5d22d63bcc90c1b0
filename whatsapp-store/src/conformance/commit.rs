use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::samples::{
    ODD_TEXTS, Presence, account, commit, device, key, lid, message, one_of_each, outgoing, person, pn,
    refused, session, try_commit, workspace,
};
use crate::{
    AppStateChange, Change, ChatChange, Content, DeviceRecord, ErrorKind, EventChange, MessageQuery,
    MessageRecord, MessageStatus, NewEvent, ObservedState, OutgoingMessage, OutgoingState,
    SessionObservation, SessionRecord, SignalKind, Store,
};

/// A later change of a commit finds what an earlier one left.
pub async fn changes_apply_in_the_order_given(store: Arc<dyn Store>) {
    let a = account("a");
    let put = |id: &str, value: &'static str| Change::PutSignal(key(id), Bytes::from(value));
    let list = [
        put("kept", "1"),
        put("gone", "1"),
        Change::DeleteSignal(key("gone")),
        Change::DeleteSignal(key("kept")),
        put("kept", "2"),
        put("kept", "3"),
        Change::PutPerson(person("2", "1")),
        Change::DeleteDevice,
        put("after", "4"),
    ];
    commit(&*store, &a, list[..7].to_vec()).await;
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), ["kept"]);
    assert_eq!(store.signal(&a, &[key("kept")]).await.unwrap(), [Some(Bytes::from("3"))]);
    commit(&*store, &a, list).await;
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), ["after"]);
    assert_eq!(store.people(&a, &[lid("1")]).await.unwrap(), [None]);
}

/// It writes nothing, and an unknown account stays unknown.
pub async fn empty_commit_is_fine(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, Vec::<Change>::new()).await;
    assert_eq!(Presence::of(&*store, &a).await, Presence::NONE);
    assert_eq!(store.all_sessions().await.unwrap(), []);
}

/// Wherever the refused change is in the list, none of the others is written, and the store keeps working.
pub async fn failed_commit_leaves_nothing(store: Arc<dyn Store>) {
    let (a, b) = (account("a"), account("b"));
    for place in 0..=one_of_each(&a).len() {
        let mut list = one_of_each(&a);
        list.insert(place, refused());
        let error = try_commit(&*store, &a, list).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(Presence::of(&*store, &a).await, Presence::NONE, "refused at {place}");
        assert_eq!(store.all_sessions().await.unwrap(), []);
    }
    commit(&*store, &b, one_of_each(&b)).await;
    let error = try_commit(&*store, &b, [Change::DeleteSession, refused()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(Presence::of(&*store, &b).await, Presence::ALL, "nothing deleted either");
}

/// For every kind of change, together with any other changes in the commit.
pub async fn workspace_commit_refuses_changes_of_accounts(store: Arc<dyn Store>) {
    let (a, w) = (account("a"), workspace("default"));
    let observed = SessionObservation { state: ObservedState::Connected, at: 1, reason: None };
    let mut list = one_of_each(&a);
    list.extend([
        Change::DeleteDevice,
        Change::DeleteSignal(key("k")),
        Change::SetOutgoingState("queued".into(), OutgoingState::Sent),
        Change::ExpireOutgoing(9),
        Change::RaiseStatus(message("c", "m").key, MessageStatus::Read),
        Change::SetObserved(observed),
        Change::DeleteSession,
        AppStateChange::Reset { collection: "c".into() }.into(),
        ChatChange::Delete { chat: "c".into() }.into(),
    ]);
    commit(&*store, &a, one_of_each(&a)).await;
    let event = || Change::from(EventChange::Put(NewEvent { key: "k".into(), data: "{}".into(), at: 1 }));
    for change in list {
        for commit in [vec![change.clone()], vec![event(), change.clone()], vec![change.clone(), event()]] {
            let error = try_commit(&*store, &w, commit).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{change:?}");
        }
    }
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL);
    assert_eq!(store.all_events(None, 10).await.unwrap(), []);
    commit(&*store, &w, [event()]).await;
}

/// However a backend groups concurrent commits.
pub async fn failing_commits_fail_alone(store: Arc<dyn Store>) {
    let a = account("a");
    let bad = |number: usize| number.is_multiple_of(3);
    let mut commits = JoinSet::new();
    for number in 0..90 {
        let (store, a) = (store.clone(), a.clone());
        commits.spawn(async move {
            let put = |part| Change::PutSignal(key(format!("{number:02} {part}")), Bytes::new());
            let mut list = vec![put("first"), put("last")];
            if bad(number) {
                list.insert(1, refused());
            }
            (number, try_commit(&*store, &a, list).await)
        });
    }
    while let Some(ended) = commits.join_next().await {
        let (number, result) = ended.unwrap();
        assert_eq!(result.map_err(|error| error.kind()).is_err(), bad(number), "commit {number}");
    }
    let expected: Vec<_> = (0..90)
        .filter(|number| !bad(*number))
        .flat_map(|number| ["first", "last"].map(|part| format!("{number:02} {part}")))
        .collect();
    assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap(), expected);
}

/// Many accounts and many tasks: each sees its own commit as soon as it is confirmed.
pub async fn concurrent_committers_lose_nothing(store: Arc<dyn Store>) {
    const ACCOUNTS: usize = 4;
    const TASKS: usize = 8;
    const EACH: usize = 12;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, a) = (store.clone(), account(&format!("a{}", task % ACCOUNTS)));
        tasks.spawn(async move {
            for number in 0..EACH {
                let id = format!("{task} {number}");
                let value = Bytes::from(id.clone());
                let list = [
                    Change::PutSignal(key(&*id), value.clone()),
                    Change::PutMessage(message("c", &id)),
                    Change::PutOutgoing(outgoing(&id, 0)),
                ];
                commit(&*store, &a, list).await;
                assert_eq!(store.signal(&a, &[key(&*id)]).await.unwrap(), [Some(value)]);
                assert!(store.outgoing(&a, &id).await.unwrap().is_some());
                assert!(store.message(&a, &message("c", &id).key).await.unwrap().is_some());
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let each = EACH * TASKS / ACCOUNTS;
    for number in 0..ACCOUNTS {
        let a = account(&format!("a{number}"));
        assert_eq!(store.signal_ids(&a, SignalKind::Session).await.unwrap().len(), each);
        let page = store.messages(&a, &MessageQuery { limit: 500, ..Default::default() }).await.unwrap();
        assert_eq!(page.messages.len(), each);
        assert_eq!(store.queued(&a, 500).await.unwrap().len(), each);
    }
}

/// The same names in two accounts are two records, also where only letter case tells the accounts apart.
pub async fn accounts_are_separate(store: Arc<dyn Store>) {
    let (a, b) = (account("a"), account("A"));
    commit(&*store, &a, one_of_each(&a)).await;
    assert_eq!(Presence::of(&*store, &b).await, Presence::NONE);
    commit(&*store, &b, one_of_each(&b)).await;
    let list = [
        Change::PutDevice(DeviceRecord { jid: None, ..device() }),
        Change::PutSignal(key("k"), Bytes::from("b")),
        Change::PutPerson(person("21", "10")),
        Change::PutOutgoing(outgoing("queued", 9)),
        Change::ExpireOutgoing(5),
    ];
    commit(&*store, &b, list).await;
    assert_eq!(Presence::of(&*store, &a).await, Presence::ALL);
    assert_eq!(store.device(&a).await.unwrap(), Some(device()));
    assert_ne!(store.signal(&a, &[key("k")]).await.unwrap(), [Some(Bytes::from("b"))]);
    assert_eq!(store.people(&a, &[pn("20")]).await.unwrap(), [Some(person("20", "10"))]);
    assert_eq!(store.outgoing(&a, "queued").await.unwrap(), Some(outgoing("queued", 1)));
}

/// Strangers send much of it: no text may make a commit fail, not even U+0000.
pub async fn text_is_any_unicode(store: Arc<dyn Store>) {
    let a = account("a");
    for (text, updated_at) in ODD_TEXTS.map(str::to_owned).into_iter().zip(1..) {
        let device = DeviceRecord { jid: Some(text.clone()), lid: Some(text.clone()), state: Bytes::new() };
        let person = person(&text, &text);
        let outgoing = OutgoingMessage { chat: text.clone(), ..outgoing(&text, 0) };
        let session = SessionRecord { name: text.clone(), updated_at, ..session("a", 0) };
        let mut message = MessageRecord {
            content: Content::text(text.clone()),
            push_name: Some(text.clone()),
            ..message(&text, &text)
        };
        message.key.sender.clone_from(&text);
        let list = vec![
            Change::PutDevice(device.clone()),
            Change::PutPerson(person.clone()),
            Change::PutOutgoing(outgoing.clone()),
            Change::PutSession(session.clone()),
            Change::PutMessage(message.clone()),
        ];
        commit(&*store, &a, list).await;
        assert_eq!(store.device(&a).await.unwrap(), Some(device));
        let found = store.people(&a, &[lid(&text), pn(&text)]).await.unwrap();
        assert_eq!(found, [Some(person.clone()), Some(person)]);
        assert_eq!(store.outgoing(&a, &text).await.unwrap(), Some(outgoing));
        assert_eq!(store.session(&a).await.unwrap(), Some(session));
        assert_eq!(store.message(&a, &message.key).await.unwrap().as_ref(), Some(&message));
        let page =
            store.messages(&a, &MessageQuery { chat: Some(text), ..Default::default() }).await.unwrap();
        assert_eq!(page.messages, [message]);
    }
}

/// A mebibyte in one value.
pub async fn values_may_be_large(store: Arc<dyn Store>) {
    const SIZE: usize = 1 << 20;
    let a = account("a");
    let bytes: Bytes = (0..SIZE).map(|place| (place % 251) as u8).collect();
    let text = "é".repeat(SIZE / 2);
    let device = DeviceRecord { state: bytes.clone(), ..device() };
    let outgoing = OutgoingMessage { payload: bytes.clone(), ..outgoing("1", 0) };
    let message = MessageRecord { content: Content::text(text), ..message("c", "1") };
    let list = [
        Change::PutDevice(device.clone()),
        Change::PutSignal(key("1"), bytes.clone()),
        Change::PutOutgoing(outgoing.clone()),
        Change::PutMessage(message.clone()),
    ];
    commit(&*store, &a, list).await;
    assert!(store.device(&a).await.unwrap() == Some(device));
    assert!(store.signal(&a, &[key("1")]).await.unwrap() == [Some(bytes)]);
    assert!(store.outgoing(&a, "1").await.unwrap() == Some(outgoing));
    assert!(store.message(&a, &message.key).await.unwrap() == Some(message));
}
