use std::sync::Arc;

use super::samples::bad_cursor;
use super::samples::{ODD_TEXTS, account, commit, message};
use crate::{
    AccountId, Change, ChatChange, ChatRecord, MessageKey, MessageQuery, MessageRecord, MessageStatus, Store,
};

use ChatChange::{Delete, Expire, MarkRead, SetFlags, SetName};

fn at(chat: &str, id: &str, timestamp: i64) -> MessageRecord {
    MessageRecord { timestamp, ..message(chat, id) }
}

fn ours(chat: &str, id: &str, timestamp: i64) -> MessageRecord {
    MessageRecord { from_me: true, status: MessageStatus::Queued, ..at(chat, id, timestamp) }
}

fn raise(chat: &str, id: &str, status: MessageStatus) -> Change {
    Change::RaiseStatus(message(chat, id).key, status)
}

async fn put(store: &dyn Store, account: &AccountId, list: impl IntoIterator<Item = MessageRecord>) {
    commit(store, account, list.into_iter().map(Change::PutMessage)).await;
}

async fn find(store: &dyn Store, account: &AccountId, chat: &str) -> Option<ChatRecord> {
    let found = store.chat(account, chat).await.unwrap();
    let all = all(store, account).await;
    assert_eq!(all.iter().find(|record| record.chat == chat), found.as_ref(), "alone and in the list");
    found
}

async fn all(store: &dyn Store, account: &AccountId) -> Vec<ChatRecord> {
    store.chats(account, None, 500).await.unwrap().chats
}

async fn unread(store: &dyn Store, account: &AccountId, chat: &str) -> u64 {
    find(store, account, chat).await.unwrap().unread
}

async fn last(store: &dyn Store, account: &AccountId, chat: &str) -> (i64, Option<MessageKey>) {
    let chat = find(store, account, chat).await.unwrap();
    (chat.last_at, chat.last.map(|message| message.key))
}

/// All pages, as addresses.
async fn pages(store: &dyn Store, account: &AccountId, limit: u32) -> Vec<Vec<String>> {
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let page = store.chats(account, before.as_deref(), limit).await.unwrap();
        pages.push(page.chats.into_iter().map(|chat| chat.chat).collect());
        assert!(pages.len() < 1000, "the pages never end");
        match page.next {
            Some(next) => before = Some(next),
            None => return pages,
        }
    }
}

/// No account has the chats of another account, nor of one with the same name in another workspace.
pub async fn absent_chat_is_none(store: Arc<dyn Store>) {
    let a = account("a");
    assert_eq!(find(&*store, &a, "c").await, None);
    put(&*store, &a, [message("c", "1")]).await;
    for other in ["b", "w/a"].map(account) {
        assert_eq!(find(&*store, &other, "c").await, None);
        assert_eq!(pages(&*store, &other, 10).await, [[""; 0]]);
        commit(&*store, &other, [SetName { chat: "c".into(), name: Some("theirs".into()) }]).await;
        commit(
            &*store,
            &other,
            [MarkRead { chat: "c".into(), until: i64::MAX }, Delete { chat: "c".into() }],
        )
        .await;
        commit(&*store, &other, [Expire { before: i64::MAX, limit: 10 }]).await;
    }
    let found = find(&*store, &a, "c").await.unwrap();
    assert_eq!((found.name, found.unread, found.last), (None, 1, Some(message("c", "1"))));
}

/// The message sent last is the last one, in any order of arrival. Within a millisecond, the one that arrived later.
pub async fn chat_summary_follows_its_messages(store: Arc<dyn Store>) {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for (number, order) in orders.into_iter().enumerate() {
        let a = account(&format!("a{number}"));
        let mut latest = 0;
        for time in order {
            latest = latest.max(time);
            put(&*store, &a, [at("c", &time.to_string(), time), at("d", "other", 9)]).await;
            let chat = find(&*store, &a, "c").await.unwrap();
            assert_eq!(chat.last, Some(at("c", &latest.to_string(), latest)), "{order:?}");
            assert_eq!(chat.last_at, latest);
        }
        put(&*store, &a, [at("c", "again", 3), at("c", "b", 2), at("c", "3", 3), at("c", "again", 8)]).await;
        assert_eq!(last(&*store, &a, "c").await, (3, Some(message("c", "again").key)));
        commit(&*store, &a, [raise("c", "again", MessageStatus::Read)]).await;
        let status = find(&*store, &a, "c").await.unwrap().last.map(|message| message.status);
        assert_eq!(status, Some(MessageStatus::Read), "the message as it is now");
    }
    let negative = account("negative");
    put(&*store, &negative, [at("c", "1", i64::MIN)]).await;
    assert_eq!(last(&*store, &negative, "c").await, (i64::MIN, Some(message("c", "1").key)));
}

/// Messages of others, counted once each, until they are read.
pub async fn unread_messages_are_counted(store: Arc<dyn Store>) {
    use MessageStatus::{Delivered, Failed, Queued, Read, Sent};
    let a = account("a");
    let read = MessageRecord { status: Read, ..message("c", "read") };
    let failed = MessageRecord { status: Failed, ..message("c", "failed") };
    let queued = MessageRecord { status: Queued, ..message("c", "queued") };
    let list =
        [message("c", "1"), message("c", "2"), message("c", "1"), ours("c", "ours", 1), read, failed, queued];
    put(&*store, &a, list).await;
    put(&*store, &a, [message("c", "2"), message("d", "1")]).await;
    assert_eq!(unread(&*store, &a, "c").await, 3);
    for (change, expected) in [
        (raise("c", "1", Delivered), 3),
        (raise("c", "queued", Sent), 3),
        (raise("c", "ours", Read), 3),
        (raise("c", "absent", Read), 3),
        (raise("c", "1", Read), 2),
        (raise("c", "1", Read), 2),
        (raise("c", "2", Failed), 2),
        (raise("c", "queued", Read), 1),
        (raise("c", "read", Read), 1),
    ] {
        commit(&*store, &a, [change.clone()]).await;
        assert_eq!(unread(&*store, &a, "c").await, expected, "{change:?}");
    }
    assert_eq!(unread(&*store, &a, "d").await, 1);
}

/// Up to and including that time; ours and those of other chats stay as they are.
pub async fn chat_is_marked_read(store: Arc<dyn Store>) {
    let a = account("a");
    let mark = |until| MarkRead { chat: "c".into(), until };
    commit(&*store, &a, [mark(9)]).await;
    assert_eq!(find(&*store, &a, "c").await, None, "it makes no chat");
    let list = [at("c", "1", 1), at("c", "2", 2), at("c", "2 too", 2), ours("c", "ours", 2), at("c", "3", 3)];
    put(&*store, &a, list).await;
    put(&*store, &a, [at("d", "1", 1)]).await;
    for (until, expected) in [(0, 4), (2, 1), (2, 1), (i64::MAX, 0)] {
        commit(&*store, &a, [mark(until)]).await;
        assert_eq!(unread(&*store, &a, "c").await, expected, "until {until}");
    }
    let query = MessageQuery { chat: Some("c".into()), ..Default::default() };
    for message in store.messages(&a, &query).await.unwrap().messages {
        let expected = if message.from_me { MessageStatus::Queued } else { MessageStatus::Read };
        assert_eq!(message.status, expected, "{}", message.key.id);
    }
    assert_eq!(unread(&*store, &a, "d").await, 1);
    assert_eq!(find(&*store, &a, "d").await.unwrap().last.unwrap().status, MessageStatus::Delivered);
}

/// Every field, with any text. Writing one field leaves the others, and messages change none.
pub async fn chat_names_and_flags_come_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    for text in ODD_TEXTS {
        let plain = ChatRecord {
            chat: text.into(),
            name: Some(text.into()),
            unread: 0,
            archived: false,
            pinned: false,
            muted_until: None,
            last_at: 0,
            last: None,
        };
        let name = |name: Option<&str>| SetName { chat: text.into(), name: name.map(Into::into) };
        let flags =
            |archived, pinned, muted_until| SetFlags { chat: text.into(), archived, pinned, muted_until };
        commit(&*store, &a, [name(Some(text))]).await;
        assert_eq!(find(&*store, &a, text).await, Some(plain.clone()));
        commit(&*store, &a, [flags(true, false, Some(i64::MAX))]).await;
        let muted = ChatRecord { archived: true, muted_until: Some(i64::MAX), ..plain.clone() };
        assert_eq!(find(&*store, &a, text).await, Some(muted));
        commit(&*store, &a, [flags(false, true, None)]).await;
        put(&*store, &a, [at(text, "1", 5)]).await;
        let pinned =
            ChatRecord { pinned: true, unread: 1, last_at: 5, last: Some(at(text, "1", 5)), ..plain };
        assert_eq!(find(&*store, &a, text).await, Some(pinned.clone()));
        commit(&*store, &a, [name(None), flags(false, false, None)]).await;
        assert_eq!(find(&*store, &a, text).await, Some(ChatRecord { name: None, pinned: false, ..pinned }));
    }
    let b = account("b");
    commit(&*store, &b, [SetFlags { chat: "c".into(), archived: true, pinned: true, muted_until: None }])
        .await;
    let chat = find(&*store, &b, "c").await.unwrap();
    assert_eq!((chat.name, chat.archived, chat.pinned), (None, true, true), "made by its flags");
}

/// With its messages and all settings. A later message makes the chat again, without them.
pub async fn deleted_chat_removes_its_messages(store: Arc<dyn Store>) {
    let a = account("a");
    put(&*store, &a, [message("c", "1"), message("d", "1"), message("c", "2")]).await;
    commit(&*store, &a, [SetName { chat: "c".into(), name: Some("Ann".into()) }]).await;
    commit(&*store, &a, ["c", "absent"].map(|chat| Delete { chat: chat.into() })).await;
    assert_eq!(find(&*store, &a, "c").await, None);
    assert_eq!(store.message(&a, &message("c", "1").key).await.unwrap(), None);
    let left = store.messages(&a, &MessageQuery::default()).await.unwrap().messages;
    assert_eq!(left, [message("d", "1")]);
    assert_eq!(pages(&*store, &a, 10).await, [["d"]]);
    put(&*store, &a, [at("c", "1", 3)]).await;
    let anew = find(&*store, &a, "c").await.unwrap();
    assert_eq!((anew.name, anew.unread, anew.last), (None, 1, Some(at("c", "1", 3))));
}

/// The oldest first, of all chats, at most `limit`, and none of exactly that time. The chats stay.
pub async fn old_messages_expire(store: Arc<dyn Store>) {
    let a = account("a");
    let read = MessageRecord { status: MessageStatus::Read, ..at("c", "read", 2) };
    let list =
        [at("c", "1", 1), read, at("d", "3", 3), at("c", "4", 4), ours("d", "ours", 5), at("c", "10", 10)];
    put(&*store, &a, list).await;
    put(&*store, &account("b"), [at("c", "1", 1)]).await;
    let expire = async |before, limit| {
        commit(&*store, &a, [Expire { before, limit }]).await;
        let all = store.messages(&a, &MessageQuery::default()).await.unwrap().messages;
        all.into_iter().rev().map(|message| message.key.id).collect::<Vec<_>>()
    };
    assert_eq!(expire(10, 0).await.len(), 6);
    assert_eq!(expire(1, 9).await.len(), 6);
    assert_eq!(expire(10, 2).await, ["3", "4", "ours", "10"]);
    assert_eq!((unread(&*store, &a, "c").await, unread(&*store, &a, "d").await), (2, 1));
    assert_eq!(expire(4, 9).await, ["4", "ours", "10"]);
    assert_eq!(unread(&*store, &a, "d").await, 0);
    assert_eq!(expire(10, 9).await, ["10"]);
    assert_eq!(last(&*store, &a, "c").await, (10, Some(message("c", "10").key)));
    assert_eq!(unread(&*store, &a, "c").await, 1);
    assert_eq!(last(&*store, &a, "d").await, (5, None), "its last message was as old");
    assert_eq!(store.message(&a, &message("d", "ours").key).await.unwrap(), None);
    assert_eq!(expire(11, u32::MAX).await, [""; 0]);
    assert_eq!(pages(&*store, &a, 10).await, [["c", "d"]]);
    assert_eq!(all(&*store, &account("b")).await[0].unread, 1);
    // Any message that comes now is the last one.
    put(&*store, &a, [at("c", "older", 7)]).await;
    assert_eq!(last(&*store, &a, "c").await, (7, Some(message("c", "older").key)));
    assert_eq!(unread(&*store, &a, "c").await, 1);
}

/// By the time of the last message, then by address in byte order; those without one come behind.
pub async fn chats_are_latest_first(store: Arc<dyn Store>) {
    let a = account("a");
    put(&*store, &a, [at("b", "1", 5), at("B", "1", 5), at("z", "1", 9), at("a.b", "1", -5), at("", "1", 5)])
        .await;
    commit(&*store, &a, ["y", "x"].map(|chat| SetName { chat: chat.into(), name: None })).await;
    let order = ["z", "", "B", "b", "x", "y", "a.b"];
    assert_eq!(pages(&*store, &a, 10).await, [order]);
    assert_eq!(pages(&*store, &a, 7).await, [order]);
    assert_eq!(pages(&*store, &a, 1).await.concat(), order);
    assert_eq!(pages(&*store, &a, 3).await, [&order[..3], &order[3..6], &order[6..]]);
    put(&*store, &a, [at("a.b", "2", 10), at("z", "0", 8)]).await;
    assert_eq!(pages(&*store, &a, 10).await, [["a.b", "z", "", "B", "b", "x", "y"]]);
    for text in ODD_TEXTS {
        put(&*store, &account("odd"), [at(text, "1", 5)]).await;
    }
    let mut sorted = ODD_TEXTS.map(str::to_owned);
    sorted.sort_unstable();
    assert_eq!(pages(&*store, &account("odd"), 1).await.concat(), sorted);
}

/// No limit gives 50; the largest is 500. An invalid cursor is an error.
pub async fn chat_pages_are_bounded(store: Arc<dyn Store>) {
    let a = account("a");
    put(&*store, &a, (0..=500).map(|number| message(&number.to_string(), "1"))).await;
    for (limit, expected) in [(0, 50), (1, 1), (500, 500), (501, 500), (u32::MAX, 500)] {
        assert_eq!(store.chats(&a, None, limit).await.unwrap().chats.len(), expected, "{limit}");
    }
    for cursor in ["", "x", "1", "\0", "1; DROP TABLE chat", "99999999999999999999999999.c", "x.c"] {
        bad_cursor(store.chats(&a, Some(cursor), 10)).await;
    }
}

/// A reader of pages sees each unmoved chat once. A chat that gets a message meanwhile has moved to the front.
pub async fn chat_pages_are_stable_while_chats_move(store: Arc<dyn Store>) {
    let a = account("a");
    let name = |number: i64| format!("{number:02}");
    put(&*store, &a, (0..12).map(|number| at(&name(number), "1", number))).await;
    let first = store.chats(&a, None, 3).await.unwrap();
    // 05 would be on the next page, 11 was on the first, and one is new.
    put(&*store, &a, [at("05", "2", 100), at("11", "2", 101), at("new", "1", 102)]).await;
    let (mut seen, mut before) = (Vec::new(), first.next);
    while let Some(cursor) = before {
        let page = store.chats(&a, Some(&cursor), 3).await.unwrap();
        seen.extend(page.chats.into_iter().map(|chat| chat.chat));
        before = page.next;
    }
    let first: Vec<_> = first.chats.into_iter().map(|chat| chat.chat).collect();
    assert_eq!(first, ["11", "10", "09"]);
    assert_eq!(seen, ["08", "07", "06", "04", "03", "02", "01", "00"]);
    assert_eq!(pages(&*store, &a, 3).await[0], ["new", "11", "05"]);
    // The chat that the cursor names is gone: the next page still starts behind its place.
    let cursor = store.chats(&a, None, 4).await.unwrap().next.unwrap();
    commit(&*store, &a, [Delete { chat: "10".into() }]).await;
    let page = store.chats(&a, Some(&cursor), 2).await.unwrap();
    assert_eq!(page.chats.into_iter().map(|chat| chat.chat).collect::<Vec<_>>(), ["09", "08"]);
}

/// Many tasks write messages, receipts, marks and expiry at once. The summary still matches the messages.
pub async fn chat_summary_survives_concurrent_writers(store: Arc<dyn Store>) {
    let a = account("a");
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_i64 {
        let (store, a) = (store.clone(), a.clone());
        tasks.spawn(async move {
            for number in 0..12_i64 {
                let (id, time) = (format!("{task} {number}"), 100 * number + task);
                put(&*store, &a, [at("c", &id, time)]).await;
                match (task, number % 4) {
                    (0, _) => commit(&*store, &a, [MarkRead { chat: "c".into(), until: time - 300 }]).await,
                    (1, 3) => commit(&*store, &a, [Expire { before: time - 600, limit: 5 }]).await,
                    (_, 1) => commit(&*store, &a, [raise("c", &id, MessageStatus::Read)]).await,
                    _ => {}
                }
            }
        });
    }
    tasks.join_all().await;
    let query = MessageQuery { chat: Some("c".into()), limit: 500, ..Default::default() };
    let messages = store.messages(&a, &query).await.unwrap().messages;
    let chat = find(&*store, &a, "c").await.unwrap();
    let expected = messages.iter().filter(|message| message.status < MessageStatus::Read).count();
    assert_eq!(chat.unread, expected as u64);
    assert_eq!((chat.last_at, chat.last.as_ref()), (1107, messages.first()));
}

/// A chat is deleted and its messages expire while others come in: no message lacks its chat, and no summary is wrong.
pub async fn chat_summary_survives_removals_under_writes(store: Arc<dyn Store>) {
    let a = account("a");
    for round in 0..30 {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4_i64 {
            let (store, a) = (store.clone(), a.clone());
            tasks.spawn(async move {
                for number in 0..3_i64 {
                    put(&*store, &a, [at("c", &format!("{round} {task} {number}"), 10 * number + task)])
                        .await;
                }
            });
        }
        let removal = if round % 2 == 0 {
            Delete { chat: "c".into() }
        } else {
            Expire { before: i64::MAX, limit: 100 }
        };
        while !tasks.is_empty() {
            commit(&*store, &a, [removal.clone()]).await;
            tasks.join_next().await.unwrap().unwrap();
        }
        let query = MessageQuery { chat: Some("c".into()), limit: 500, ..Default::default() };
        let messages = store.messages(&a, &query).await.unwrap().messages;
        let chat = find(&*store, &a, "c").await;
        let summary = chat.as_ref().map(|chat| (chat.unread, chat.last.as_ref()));
        if messages.is_empty() {
            assert!(summary.is_none_or(|summary| summary == (0, None)), "round {round}: {summary:?}");
        } else {
            assert_eq!(summary, Some((messages.len() as u64, messages.first())), "round {round}");
        }
    }
}
