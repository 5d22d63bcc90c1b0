use std::sync::Arc;

use bytes::Bytes;

use super::samples::bad_cursor;
use super::samples::{ODD_TEXTS, account, bytes, commit, message};
use crate::{
    AccountId, Button, Change, ChatChange, Content, ListRow, ListSection, MediaKind, MediaRef, MenuKind,
    MessageKey, MessageQuery, MessageRecord, MessageStatus, Source, Store,
};

async fn find(store: &dyn Store, account: &AccountId, key: &MessageKey) -> Option<MessageRecord> {
    store.message(account, key).await.unwrap()
}

/// All pages, as ids.
async fn pages(store: &dyn Store, account: &AccountId, chat: Option<&str>, limit: u32) -> Vec<Vec<String>> {
    let mut query = MessageQuery { chat: chat.map(Into::into), words: None, before: None, limit };
    let mut pages = Vec::new();
    loop {
        let page = store.messages(account, &query).await.unwrap();
        pages.push(page.messages.into_iter().map(|message| message.key.id).collect());
        assert!(pages.len() < 1000, "the pages never end");
        match page.next {
            Some(next) => query.before = Some(next),
            None => return pages,
        }
    }
}

/// Neither under its key nor in a list.
pub async fn absent_message_is_none(store: Arc<dyn Store>) {
    let a = account("a");
    assert_eq!(find(&*store, &a, &message("c", "1").key).await, None);
    assert_eq!(pages(&*store, &a, None, 10).await, [[""; 0]]);
    assert_eq!(pages(&*store, &a, Some("c"), 10).await, [[""; 0]]);
}

/// Every field and every type of content.
pub async fn message_comes_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    let (name, address) = (Some("Bar".to_owned()), Some("1, Road".to_owned()));
    let contents = [
        Content::text("hello"),
        Content::Location { latitude: -0.125, longitude: 151.25, name, address },
        Content::Location { latitude: 90.0, longitude: -180.0, name: None, address: None },
        Content::Contact { name: "Ann".into(), vcard: "BEGIN:VCARD\r\nEND:VCARD".into() },
        Content::Reaction { emoji: "👍🏽".into(), message_id: "1".into() },
        Content::Reaction { emoji: String::new(), message_id: "1".into() },
        Content::Poll {
            question: "?".into(),
            options: vec!["a".into(), String::new()],
            selectable: u32::MAX,
        },
        Content::Media {
            kind: MediaKind::Voice,
            mime: "audio/ogg; codecs=opus".into(),
            size: u64::MAX,
            name: Some("a.ogg".into()),
            caption: Some("hear".into()),
            seconds: Some(3),
        },
        Content::Buttons {
            text: "?".into(),
            footer: Some("f".into()),
            buttons: vec![Button { id: "a".into(), title: "A".into() }],
        },
        Content::List {
            text: "?".into(),
            footer: None,
            button: "Open".into(),
            sections: vec![ListSection {
                title: Some("s".into()),
                rows: vec![ListRow { id: "r".into(), title: "R".into(), description: Some("d".into()) }],
            }],
        },
        Content::Choice { of: MenuKind::List, id: "r".into(), title: "R".into() },
        Content::Unsupported { kind: "event_message".into() },
    ];
    let mut written: Vec<_> = contents
        .into_iter()
        .enumerate()
        .map(|(number, content)| MessageRecord { content, ..message("c", &number.to_string()) })
        .collect();
    let ours = MessageRecord {
        from_me: true,
        timestamp: i64::MIN,
        status: MessageStatus::Queued,
        source: Source::Offline,
        push_name: Some(String::new()),
        ..message("c", "ours")
    };
    written.push(ours);
    commit(&*store, &a, written.iter().cloned().map(Change::PutMessage)).await;
    for message in &written {
        assert_eq!(find(&*store, &a, &message.key).await.as_ref(), Some(message));
    }
    // "ours" is the oldest; of the others, sent at one time, the last one written comes first.
    let count = written.len() - 1;
    written[..count].reverse();
    assert_eq!(store.messages(&a, &MessageQuery::default()).await.unwrap().messages, written);
}

/// Putting it again changes neither the record nor its place.
pub async fn message_is_inserted_once(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, ["1", "2"].map(|id| Change::PutMessage(message("c", id)))).await;
    commit(&*store, &a, [Change::RaiseStatus(message("c", "1").key, MessageStatus::Read)]).await;
    let again = MessageRecord { content: Content::text("other"), timestamp: 1, ..message("c", "1") };
    commit(&*store, &a, [Change::PutMessage(again.clone()), Change::PutMessage(again)]).await;
    let first = MessageRecord { status: MessageStatus::Read, ..message("c", "1") };
    assert_eq!(find(&*store, &a, &first.key).await, Some(first));
    assert_eq!(pages(&*store, &a, None, 10).await, [["2", "1"]]);
}

/// The same id in another chat or from another sender is another message.
pub async fn messages_differ_by_chat_sender_and_id(store: Arc<dyn Store>) {
    let a = account("a");
    let mut messages =
        [("c", "s", "1"), ("d", "s", "1"), ("c", "t", "1"), ("c", "s", "2")].map(|(chat, sender, id)| {
            let mut message = message(chat, id);
            message.key.sender = sender.into();
            message.content = Content::text(format!("{chat}{sender}{id}"));
            message
        });
    commit(&*store, &a, messages.clone().map(Change::PutMessage)).await;
    let key = messages[2].key.clone();
    messages[2].status = MessageStatus::Read;
    commit(&*store, &a, [Change::RaiseStatus(key, MessageStatus::Read)]).await;
    for message in messages {
        assert_eq!(find(&*store, &a, &message.key).await, Some(message));
    }
}

/// Every status over every other, as [`MessageStatus::rises_to`] has it; and a receipt for an unknown message is fine.
pub async fn status_only_rises(store: Arc<dyn Store>) {
    use MessageStatus::{Delivered, Failed, Queued, Read, Sent};
    const ALL: [MessageStatus; 5] = [Queued, Sent, Delivered, Read, Failed];
    let a = account("a");
    for (from, to) in ALL.iter().flat_map(|from| ALL.map(|to| (*from, to))) {
        let message = MessageRecord { status: from, ..message("c", &format!("{from:?} {to:?}")) };
        let key = message.key.clone();
        commit(&*store, &a, [Change::PutMessage(message), Change::RaiseStatus(key.clone(), to)]).await;
        let expected = match (from, to) {
            (Queued, to) => to,
            (from, Failed) => from,
            (Failed, to) => to,
            (from, to) => from.max(to),
        };
        assert_eq!(find(&*store, &a, &key).await.unwrap().status, expected, "{to:?} over {from:?}");
    }
    let absent = message("c", "absent").key;
    commit(&*store, &a, [Change::RaiseStatus(absent.clone(), Read)]).await;
    assert_eq!(find(&*store, &a, &absent).await, None);
}

/// By the time they were sent, then by insertion. Only the sole page may be empty.
pub async fn pages_are_newest_first(store: Arc<dyn Store>) {
    let a = account("a");
    for (id, timestamp) in [("3", 50), ("1", 10), ("4", 99), ("2", 10)] {
        commit(&*store, &a, [Change::PutMessage(MessageRecord { timestamp, ..message("c", id) })]).await;
    }
    assert_eq!(pages(&*store, &a, None, 10).await, [["4", "3", "2", "1"]]);
    assert_eq!(pages(&*store, &a, None, 4).await, [["4", "3", "2", "1"]]);
    assert_eq!(pages(&*store, &a, None, 3).await, [vec!["4", "3", "2"], vec!["1"]]);
    assert_eq!(pages(&*store, &a, None, 2).await, [["4", "3"], ["2", "1"]]);
    assert_eq!(pages(&*store, &a, None, 1).await, [["4"], ["3"], ["2"], ["1"]]);
}

/// The others in between do not shorten a page.
pub async fn pages_of_one_chat(store: Arc<dyn Store>) {
    let a = account("a");
    let chats = ["c", "d", "d", "c", "d", "c", "c"];
    let messages =
        chats.iter().enumerate().map(|(number, chat)| Change::PutMessage(message(chat, &number.to_string())));
    commit(&*store, &a, messages).await;
    assert_eq!(pages(&*store, &a, Some("c"), 3).await, [vec!["6", "5", "3"], vec!["0"]]);
    assert_eq!(pages(&*store, &a, Some("d"), 3).await, [["4", "2", "1"]]);
    assert_eq!(pages(&*store, &a, Some("e"), 3).await, [[""; 0]]);
    assert_eq!(pages(&*store, &a, None, 7).await.len(), 1);
}

/// No limit gives 50; the largest is 500.
pub async fn page_limits_are_bounded(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, (0..=500).map(|number| Change::PutMessage(message("c", &number.to_string())))).await;
    let mut lengths = Vec::new();
    for limit in [0, 1, 500, 501, u32::MAX] {
        let page = store.messages(&a, &MessageQuery { limit, ..Default::default() }).await.unwrap();
        lengths.push(page.messages.len());
        assert!(page.next.is_some());
    }
    assert_eq!(lengths, [50, 1, 500, 500, 500]);
}

/// Whatever a stranger puts in a URL.
pub async fn foreign_cursors_are_refused(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, [Change::PutMessage(message("c", "1"))]).await;
    for cursor in ["", "x", "1; DROP TABLE message", "\0", "99999999999999999999999999", "1.x", "1."] {
        let query = MessageQuery { before: Some(cursor.into()), ..Default::default() };
        bad_cursor(store.messages(&a, &query)).await;
    }
}

/// A reader of pages sees each message that was there at the start once, and no message that comes in meanwhile.
pub async fn pages_are_stable_while_messages_come_in(store: Arc<dyn Store>) {
    const BEFORE: usize = 120;
    let a = account("a");
    let chat = |number: usize| if number.is_multiple_of(3) { "d" } else { "c" };
    let put = move |number: usize| Change::PutMessage(message(chat(number), &number.to_string()));
    commit(&*store, &a, (0..BEFORE).map(put)).await;
    let writing = tokio::spawn({
        let (store, a) = (store.clone(), a.clone());
        async move {
            for number in BEFORE..2 * BEFORE {
                commit(&*store, &a, [put(number)]).await;
            }
        }
    });
    let expected = |first: usize| (0..=first).rev().filter(|n| chat(*n) == "c").map(|n| n.to_string());
    loop {
        let ended = writing.is_finished();
        let seen = pages(&*store, &a, Some("c"), 7).await.concat();
        let first = seen.first().unwrap().parse().unwrap();
        assert!(first >= BEFORE - 2, "a message that was there at the start is missing");
        assert_eq!(seen, expected(first).collect::<Vec<_>>());
        if ended {
            break;
        }
    }
    writing.await.unwrap();
}

/// Every field of a file and the id of what is answered, whatever the text; from the phone's history too.
pub async fn message_with_a_file_comes_back_as_written(store: Arc<dyn Store>) {
    let a = account("a");
    let mut written = Vec::new();
    for (number, text) in ODD_TEXTS.into_iter().enumerate() {
        let media = MediaRef {
            mime: text.into(),
            size: u64::MAX - number as u64,
            name: (number % 2 == 0).then(|| text.to_owned()),
            place: text.into(),
            secret: if number == 0 { Bytes::new() } else { bytes() },
        };
        let plain = message("c", &number.to_string());
        let source = Source::History;
        written.push(MessageRecord { quoted: Some(text.into()), media: Some(media), source, ..plain });
    }
    let answer = MessageRecord { quoted: Some("1".into()), ..message("c", "answer") };
    let file = MessageRecord { media: Some(MediaRef::default()), ..message("c", "file") };
    written.extend([answer, file]);
    commit(&*store, &a, written.iter().cloned().map(Change::PutMessage)).await;
    for message in &written {
        assert_eq!(find(&*store, &a, &message.key).await.as_ref(), Some(message));
    }
    let last = store.chat(&a, "c").await.unwrap().and_then(|chat| chat.last);
    assert_eq!(last.as_ref(), written.last(), "in the chat's summary");
    written.reverse();
    assert_eq!(store.messages(&a, &MessageQuery::default()).await.unwrap().messages, written);
}

/// Of all chats of the account, and of no other.
pub async fn oldest_message_is_reported(store: Arc<dyn Store>) {
    let (a, other) = (account("a"), account("w/a"));
    let put = |id: &str, timestamp| Change::PutMessage(MessageRecord { timestamp, ..message(id, id) });
    commit(&*store, &other, [put("1", i64::MIN)]).await;
    assert_eq!(store.oldest_message(&a).await.unwrap(), None);
    for (id, timestamp, oldest) in [("1", 5, 5), ("2", 9, 5), ("3", -7, -7)] {
        commit(&*store, &a, [put(id, timestamp)]).await;
        assert_eq!(store.oldest_message(&a).await.unwrap(), Some(oldest));
    }
    commit(&*store, &a, [ChatChange::Expire { before: 6, limit: 9 }]).await;
    assert_eq!(store.oldest_message(&a).await.unwrap(), Some(9));
    commit(&*store, &a, [ChatChange::Delete { chat: "2".into() }]).await;
    assert_eq!(store.oldest_message(&a).await.unwrap(), None);
    assert_eq!(store.oldest_message(&other).await.unwrap(), Some(i64::MIN));
}

/// Chat and messages agree on the last message, in whatever order concurrent writers come.
pub async fn chats_agree_on_the_last_of_concurrent_messages(store: Arc<dyn Store>) {
    const TASKS: usize = 8;
    let a = account("a");
    for round in 0..25 {
        let commits = (0..TASKS).map(|task| {
            let (store, a, id) = (store.clone(), a.clone(), format!("{round} {task}"));
            tokio::spawn(async move { commit(&*store, &a, [Change::PutMessage(message("c", &id))]).await })
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap();
        }
        let page = store.messages(&a, &MessageQuery { limit: 1, ..Default::default() }).await.unwrap();
        let chat = store.chat(&a, "c").await.unwrap().unwrap();
        assert_eq!(chat.last.map(|last| last.key), page.messages.first().map(|last| last.key.clone()));
        assert_eq!(chat.unread, (round + 1) * TASKS as u64);
    }
}
