use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::samples::bad_cursor;
use super::{
    flow::{draft, here, publish, put, refused, workspace, write},
    samples::{ODD_TEXTS, account, bytes},
};
use crate::{
    AccountId, Change, Changes, ConversationRecord, ConversationStatus, ErrorKind, FlowChange,
    MAX_CONVERSATION_STATE, NodeCount, Store,
};

pub(super) fn conversation(chat: &str, revision: i64) -> ConversationRecord {
    ConversationRecord {
        account: account("a"),
        chat: chat.into(),
        flow: "f".into(),
        version: 1,
        state: bytes(),
        status: ConversationStatus::Waiting,
        wake_at: None,
        revision,
        updated_at: 1_700_000_000_000,
    }
}

/// The next of that, if revisions rise by one.
pub(super) fn step(record: ConversationRecord) -> FlowChange {
    let expected = Some(record.revision - 1).filter(|former| *former > 0);
    FlowChange::PutConversation { record, expected }
}

pub(super) fn seen(chat: &str, message_id: &str, at: i64) -> FlowChange {
    FlowChange::SeenInput { account: account("a"), chat: chat.into(), message_id: message_id.into(), at }
}

pub(super) async fn found(store: &dyn Store, chat: &str) -> Option<ConversationRecord> {
    store.conversation(&account("a"), chat).await.unwrap()
}

/// Every field, and any text.
pub async fn conversation_comes_back_as_written(store: Arc<dyn Store>) {
    for text in ODD_TEXTS {
        let mut record = ConversationRecord {
            flow: text.into(),
            version: i64::MAX,
            state: Bytes::new(),
            status: ConversationStatus::Active,
            wake_at: Some(i64::MIN),
            updated_at: -1,
            ..conversation(text, 1)
        };
        put(&*store, [step(record.clone())]).await;
        assert_eq!(found(&*store, text).await.as_ref(), Some(&record));
        for code in 1..=4 {
            record.status = ConversationStatus::from_code(code).unwrap();
            record.state = bytes();
            record.wake_at = Some(i64::MAX).filter(|_| code % 2 == 0);
            record.revision += 1;
            put(&*store, [step(record.clone())]).await;
            assert_eq!(found(&*store, text).await.as_ref(), Some(&record));
        }
    }
    let record = ConversationRecord { state: vec![7; MAX_CONVERSATION_STATE].into(), ..conversation("c", 1) };
    put(&*store, [step(record.clone())]).await;
    assert!(found(&*store, "c").await == Some(record));
}

/// Contradictory records, whatever is stored.
pub async fn contradictory_conversation_is_refused(store: Arc<dyn Store>) {
    let long = vec![0; MAX_CONVERSATION_STATE + 1].into();
    let elsewhere: AccountId = "other/a".parse().unwrap();
    let put = |record, expected| FlowChange::PutConversation { record, expected };
    let count = NodeCount { node: "n".into(), entered: 0, left: 0, dropped: 0, millis: u64::MAX };
    for change in [
        put(ConversationRecord { state: long, ..conversation("c", 1) }, None),
        put(conversation("c", 0), None),
        put(conversation("c", 5), Some(5)),
        put(ConversationRecord { account: elsewhere.clone(), ..conversation("c", 1) }, None),
        FlowChange::SeenInput { account: elsewhere.clone(), chat: "c".into(), message_id: "1".into(), at: 0 },
        FlowChange::EndConversation { account: elsewhere.clone(), chat: "c".into(), at: 0 },
        FlowChange::CountNode { flow: "f".into(), version: 1, count },
    ] {
        assert_eq!(
            refused(&*store, [seen("c", "1", 1), change.clone()]).await,
            ErrorKind::Invalid,
            "{change:?}"
        );
    }
    assert!(!store.input_seen(&account("a"), "c", "1").await.unwrap());
    assert_eq!((found(&*store, "c").await, store.conversation(&elsewhere, "c").await.unwrap()), (None, None));
}

/// From every other revision the commit fails, and nothing of it is written.
pub async fn conversation_goes_on_from_the_revision_read(store: Arc<dyn Store>) {
    let put_at =
        |revision, expected| FlowChange::PutConversation { record: conversation("c", revision), expected };
    assert_eq!(refused(&*store, [draft("f", 1), put_at(2, Some(1))]).await, ErrorKind::Conflict);
    assert_eq!(store.flow(&here(), "f").await.unwrap(), None);
    put(&*store, [put_at(1, None)]).await;
    for expected in [None, Some(2), Some(3)] {
        let list = [seen("c", "1", 1), put_at(9, expected)];
        assert_eq!(refused(&*store, list).await, ErrorKind::Conflict, "{expected:?}");
    }
    assert_eq!(found(&*store, "c").await, Some(conversation("c", 1)));
    assert!(!store.input_seen(&account("a"), "c", "1").await.unwrap());
    put(&*store, [put_at(4, Some(1)), put_at(5, Some(4))]).await;
    assert_eq!(refused(&*store, [put_at(6, Some(5)), put_at(7, Some(5))]).await, ErrorKind::Conflict);
    assert_eq!(found(&*store, "c").await, Some(conversation("c", 5)));
    let end = |at| FlowChange::EndConversation { account: account("a"), chat: "c".into(), at };
    assert_eq!(refused(&*store, [end(8), put_at(6, Some(5))]).await, ErrorKind::Conflict);
    put(&*store, [end(8), end(9)]).await;
    let ended =
        ConversationRecord { status: ConversationStatus::Ended, updated_at: 8, ..conversation("c", 6) };
    assert_eq!(found(&*store, "c").await, Some(ended));
    for expected in [None, Some(5)] {
        assert_eq!(refused(&*store, [put_at(9, expected)]).await, ErrorKind::Conflict, "{expected:?}");
    }
    put(&*store, [put_at(7, Some(6))]).await;
    assert_eq!(found(&*store, "c").await, Some(conversation("c", 7)));
}

/// Many nodes with the same input, and many with different ones: one continues from each revision.
pub async fn one_node_answers_an_input(store: Arc<dyn Store>) {
    const NODES: usize = 8;
    const TURNS: i64 = 6;
    for turn in 1..=TURNS {
        let mut nodes = JoinSet::new();
        for node in 0..NODES {
            let store = store.clone();
            nodes.spawn(async move {
                let expected = found(&*store, "c").await.map(|record| record.revision);
                let state = Bytes::from(node.to_string());
                let record = ConversationRecord { state, ..conversation("c", expected.unwrap_or(0) + 1) };
                let turn =
                    [seen("c", &turn.to_string(), turn), FlowChange::PutConversation { record, expected }];
                let result = write(&*store, &here(), turn).await.map_err(|error| error.kind());
                (node, result)
            });
        }
        let mut winners = Vec::new();
        while let Some(ended) = nodes.join_next().await {
            match ended.unwrap() {
                (node, Ok(())) => winners.push(node),
                (_, Err(kind)) => assert_eq!(kind, ErrorKind::Conflict),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let record = found(&*store, "c").await.unwrap();
        assert_eq!((record.revision, record.state), (turn, Bytes::from(winners[0].to_string())));
    }
}

/// Each of many writers reads again when another was faster: no step is lost.
pub async fn conversation_loses_no_step(store: Arc<dyn Store>) {
    const TASKS: i64 = 6;
    const EACH: i64 = 5;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                loop {
                    let expected = found(&*store, "c").await.map(|record| record.revision);
                    let record = conversation("c", expected.unwrap_or(0) + 1);
                    let input = seen("c", &format!("{task} {number}"), 1);
                    let turn = [input, FlowChange::PutConversation { record, expected }];
                    match write(&*store, &here(), turn).await {
                        Ok(()) => break,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                    }
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(found(&*store, "c").await.unwrap().revision, TASKS * EACH);
}

/// Within a status; a written conversation moves to the front.
pub async fn conversations_are_latest_first(store: Arc<dyn Store>) {
    let places =
        [("a", "x", 5), ("a", "y", 5), ("b", "x", 5), ("A", "x", 5), ("a", "old", -4), ("a", "new", 9)];
    for (name, chat, updated_at) in places {
        let record = ConversationRecord { account: account(name), updated_at, ..conversation(chat, 1) };
        put(&*store, [step(record)]).await;
    }
    let handed_off =
        ConversationRecord { status: ConversationStatus::HandedOff, ..conversation("to a person", 1) };
    put(&*store, [step(handed_off.clone())]).await;
    let elsewhere = ConversationRecord { account: "other/a".parse().unwrap(), ..conversation("c", 1) };
    write(&*store, &workspace("other"), [step(elsewhere.clone())]).await.unwrap();
    let all = async |status, limit| {
        let (mut chats, mut before) = (Vec::new(), None);
        loop {
            let page = store.conversations(&here(), status, before.as_deref(), limit).await.unwrap();
            assert!(page.conversations.len() <= limit as usize);
            for record in page.conversations {
                chats.push(format!("{}/{}", record.account, record.chat));
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return chats,
            }
        }
    };
    for limit in [1, 2, 4, 100] {
        let chats = all(ConversationStatus::Waiting, limit).await;
        assert_eq!(chats, ["a/new", "b/x", "a/y", "a/x", "A/x", "a/old"]);
        assert_eq!(all(ConversationStatus::HandedOff, limit).await, ["a/to a person"]);
    }
    let there = store.conversations(&workspace("other"), ConversationStatus::Waiting, None, 9).await.unwrap();
    assert_eq!(there.conversations, [elsewhere]);
    let first = store.conversations(&here(), ConversationStatus::Waiting, None, 2).await.unwrap();
    put(&*store, [step(ConversationRecord { updated_at: 10, ..conversation("old", 2) })]).await;
    let next = first.next.unwrap();
    let rest = store.conversations(&here(), ConversationStatus::Waiting, Some(&next), 9).await.unwrap();
    let rest: Vec<_> = rest.conversations.into_iter().map(|record| record.chat).collect();
    assert_eq!(rest, ["y", "x", "x"]);
    assert_eq!(all(ConversationStatus::Waiting, 100).await[0], "a/old");
    for foreign in ["", "x", "1", "1.a", "x.a.c"] {
        bad_cursor(store.conversations(&here(), ConversationStatus::Waiting, Some(foreign), 9)).await;
    }
}

/// Due ones, and none of them twice before it is due again.
pub async fn due_conversations_are_claimed_once(store: Arc<dyn Store>) {
    let waking = |chat: &str, wake_at| ConversationRecord { wake_at, ..conversation(chat, 1) };
    let list =
        [("late", Some(20)), ("second", Some(11)), ("first", Some(10)), ("never", None), ("tie", Some(11))];
    put(&*store, list.map(|(chat, wake_at)| step(waking(chat, wake_at)))).await;
    let ended = ConversationRecord { status: ConversationStatus::Ended, ..waking("ended", Some(1)) };
    put(&*store, [step(ended)]).await;
    let elsewhere =
        ConversationRecord { account: "other/a".parse().unwrap(), ..waking("elsewhere", Some(2)) };
    write(&*store, &workspace("other"), [step(elsewhere.clone())]).await.unwrap();
    let claim = async |now, until, limit| -> Vec<String> {
        let claimed = store.claim_due_conversations(&here(), now, until, limit).await.unwrap();
        claimed.into_iter().map(|record| record.chat).collect()
    };
    assert_eq!(store.due_workspaces(1, 0).await.unwrap(), []);
    assert_eq!(store.due_workspaces(9, 0).await.unwrap(), [workspace("other")]);
    assert_eq!(store.due_workspaces(11, 0).await.unwrap(), [workspace("other"), here()]);
    assert_eq!(store.due_workspaces(11, 1).await.unwrap(), [workspace("other")]);
    assert_eq!(claim(9, 30, 9).await, [""; 0]);
    assert_eq!(claim(11, 30, 1).await, ["first"]);
    assert_eq!(claim(11, 31, 9).await, ["second", "tie"]);
    assert_eq!(claim(29, 60, 9).await, ["late"]);
    assert_eq!(store.due_workspaces(29, 0).await.unwrap(), [workspace("other")]);
    assert_eq!(found(&*store, "first").await, Some(waking("first", Some(10))), "as it was written");
    // The holder of "first" wrote it; the holder of the others is gone.
    put(&*store, [step(ConversationRecord { wake_at: Some(40), ..conversation("first", 2) })]).await;
    let end = FlowChange::EndConversation { account: account("a"), chat: "tie".into(), at: 1 };
    put(&*store, [end]).await;
    assert_eq!(claim(30, 50, 9).await, [""; 0]);
    assert_eq!(claim(31, 50, 9).await, ["second"]);
    assert_eq!(claim(40, 50, 9).await, ["first"]);
    let there = store.claim_due_conversations(&workspace("other"), 40, 50, 9).await.unwrap();
    assert_eq!(there, [elsewhere]);
}

/// Many nodes ask at once, and each conversation goes to one of them.
pub async fn concurrent_claims_share_due_conversations(store: Arc<dyn Store>) {
    const COUNT: usize = 120;
    let due = |number: usize| ConversationRecord {
        wake_at: Some(number as i64 % 7),
        ..conversation(&format!("{number:03}"), 1)
    };
    put(&*store, (0..COUNT).map(|number| step(due(number)))).await;
    let mut nodes = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        nodes.spawn(async move {
            let mut mine = Vec::new();
            while mine.len() < COUNT {
                let claimed = store.claim_due_conversations(&here(), 10, 20, 7).await.unwrap();
                // None are left, or other nodes hold the rest at the moment and take them.
                if claimed.is_empty() {
                    break;
                }
                mine.extend(claimed.into_iter().map(|record| record.chat));
            }
            mine
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = nodes.join_next().await {
        all.extend(ended.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..COUNT).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    assert_eq!(store.claim_due_conversations(&here(), 19, 30, 500).await.unwrap(), []);
    assert_eq!(store.claim_due_conversations(&here(), 20, 30, 500).await.unwrap().len(), COUNT);
}

/// By account, chat and id, with any text. The second time, the commit fails.
pub async fn input_is_noted_once(store: Arc<dyn Store>) {
    let (a, b) = (account("a"), account("b"));
    for text in ODD_TEXTS {
        put(&*store, [seen(text, text, 3)]).await;
        assert!(store.input_seen(&a, text, text).await.unwrap());
        assert!(!store.input_seen(&b, text, text).await.unwrap());
        assert_eq!(refused(&*store, [draft("f", 1), seen(text, text, 4)]).await, ErrorKind::Conflict);
    }
    assert_eq!(store.flow(&here(), "f").await.unwrap(), None, "nothing of the commit");
    assert!(!store.input_seen(&a, "a", "A").await.unwrap());
    assert!(!store.input_seen(&a, "A", "a").await.unwrap());
    assert_eq!(refused(&*store, [seen("c", "twice", 1), seen("c", "twice", 1)]).await, ErrorKind::Conflict);
    assert!(!store.input_seen(&a, "c", "twice").await.unwrap());
    let there = FlowChange::SeenInput {
        account: "other/a".parse().unwrap(),
        chat: "a".into(),
        message_id: "a".into(),
        at: 1,
    };
    write(&*store, &workspace("other"), [there]).await.unwrap();
}

/// Inputs and ended conversations, the oldest first and not more than asked; live conversations stay.
pub async fn only_old_inputs_and_conversations_are_forgotten(store: Arc<dyn Store>) {
    let a = account("a");
    for (id, at) in [("3", 3), ("1", 1), ("2", 2), ("9", 9)] {
        put(&*store, [seen("c", id, at)]).await;
        let ended =
            ConversationRecord { status: ConversationStatus::Ended, updated_at: at, ..conversation(id, 1) };
        put(&*store, [step(ended)]).await;
    }
    put(&*store, [step(ConversationRecord { updated_at: 0, ..conversation("live", 1) })]).await;
    assert_eq!(store.oldest_input(&here()).await.unwrap(), Some(1));
    assert_eq!(store.oldest_ended(&here()).await.unwrap(), Some(1), "the live one is older");
    assert_eq!(store.oldest_ended(&workspace("other")).await.unwrap(), None);
    let forget = |before, limit| {
        [FlowChange::ForgetInputs { before, limit }, FlowChange::ForgetEnded { before, limit }]
    };
    let left = async || {
        let (mut inputs, mut chats) = (String::new(), String::new());
        for id in ["1", "2", "3", "9"] {
            inputs += if store.input_seen(&a, "c", id).await.unwrap() { id } else { "" };
            chats += if found(&*store, id).await.is_some() { id } else { "" };
        }
        assert!(found(&*store, "live").await.is_some());
        assert_eq!(inputs, chats);
        inputs
    };
    put(&*store, forget(9, 0)).await;
    write(&*store, &workspace("other"), forget(i64::MAX, 9)).await.unwrap();
    assert_eq!(left().await, "1239");
    put(&*store, forget(9, 1)).await;
    assert_eq!((left().await, store.oldest_input(&here()).await.unwrap()), ("239".into(), Some(2)));
    assert_eq!(store.oldest_ended(&here()).await.unwrap(), Some(2));
    put(&*store, forget(9, 5)).await;
    assert_eq!((left().await, store.oldest_input(&here()).await.unwrap()), ("9".into(), Some(9)));
    // A forgotten input may be noted again, also in the same commit.
    let [inputs, ended] = forget(10, 5);
    put(&*store, [inputs, seen("c", "9", 10), ended, step(conversation("9", 1))]).await;
    assert_eq!(left().await, "9");
}

/// Of that chat only, as if it had never existed.
pub async fn forgotten_conversation_leaves_nothing(store: Arc<dyn Store>) {
    let a = account("a");
    for chat in ["c", "d"] {
        put(&*store, [seen(chat, "1", 1), seen(chat, "2", 1), step(conversation(chat, 1))]).await;
    }
    put(&*store, [FlowChange::ForgetConversation { account: a.clone(), chat: "c".into() }]).await;
    assert_eq!(found(&*store, "c").await, None);
    assert_eq!(found(&*store, "d").await, Some(conversation("d", 1)));
    assert!(!store.input_seen(&a, "c", "1").await.unwrap() && !store.input_seen(&a, "c", "2").await.unwrap());
    assert!(store.input_seen(&a, "d", "1").await.unwrap() && store.input_seen(&a, "d", "2").await.unwrap());
    put(&*store, [seen("c", "1", 1), step(conversation("c", 1))]).await;
}

/// The same names in two workspaces are two flows and two conversations; those of a deleted session go with it.
pub async fn flows_of_workspaces_are_separate(store: Arc<dyn Store>) {
    let other = workspace("other");
    let there = ConversationRecord { account: "other/a".parse().unwrap(), ..conversation("c", 1) };
    put(&*store, [draft("f", 1), publish("f", "{}"), step(conversation("c", 1)), seen("c", "1", 1)]).await;
    assert_eq!(store.flow(&other, "f").await.unwrap(), None);
    assert_eq!(store.flow_version(&other, "f", 1).await.unwrap(), None);
    assert_eq!(write(&*store, &other, [publish("f", "{}")]).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(store.conversation(&there.account, "c").await.unwrap(), None);
    assert!(!store.input_seen(&there.account, "c", "1").await.unwrap());
    write(&*store, &other, [draft("f", 2), step(there.clone())]).await.unwrap();
    assert_eq!(store.flow(&here(), "f").await.unwrap().unwrap().created_at, 1);
    let beside = ConversationRecord { account: account("b"), ..conversation("c", 1) };
    put(&*store, [step(beside.clone())]).await;
    // A turn in a commit of its account, before and behind the deletion of all that the account had.
    let list = [
        Change::Flow(step(conversation("c", 2))),
        Change::DeleteSession,
        Change::Flow(seen("c", "1", 2)),
        Change::Flow(step(conversation("d", 1))),
    ];
    store.commit(Changes { list: list.into(), ..Changes::new(account("a")) }).await.unwrap();
    assert_eq!((found(&*store, "c").await, found(&*store, "d").await), (None, Some(conversation("d", 1))));
    assert_eq!(store.conversation(&account("b"), "c").await.unwrap(), Some(beside));
    assert_eq!(store.conversation(&there.account, "c").await.unwrap(), Some(there));
    assert!(store.flow(&here(), "f").await.unwrap().is_some(), "flows are the workspace's");
}
