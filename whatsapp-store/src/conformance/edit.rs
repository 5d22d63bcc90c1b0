//! Messages that their senders edit and delete.
use std::sync::Arc;

use super::samples::{account, commit, message};
use crate::{
    AccountId, Change, ChatChange, Content, MediaKind, MediaRef, MessageEdit, MessageKey, MessageQuery,
    MessageRecord, MessageStatus, Store,
};

fn edit(key: &MessageKey, text: &str, at: i64) -> Change {
    Change::EditMessage(MessageEdit { key: key.clone(), content: Content::text(text), at })
}

fn deletion(key: &MessageKey, at: i64) -> Change {
    Change::EditMessage(MessageEdit { key: key.clone(), content: Content::Deleted { at }, at })
}

async fn read(store: &dyn Store, key: &MessageKey) -> MessageRecord {
    store.message(&account("a"), key).await.unwrap().unwrap()
}

async fn found(store: &dyn Store, account: &AccountId, words: &str) -> usize {
    let query = MessageQuery { words: Some(words.into()), ..MessageQuery::default() };
    store.messages(account, &query).await.unwrap().messages.len()
}

async fn unread(store: &dyn Store, chat: &str) -> u64 {
    store.chat(&account("a"), chat).await.unwrap().map_or(0, |chat| chat.unread)
}

/// In pages, in searches and in the summary of its chat; once, whatever comes again; and the newest one counts.
pub async fn edited_message_has_its_new_content(store: Arc<dyn Store>) {
    let a = account("a");
    let first = MessageRecord { content: Content::text("old words"), ..message("c", "1") };
    let key = &first.key;
    commit(&*store, &a, [Change::PutMessage(first.clone())]).await;
    commit(&*store, &a, [edit(key, "new words", 50)]).await;
    let edited = MessageRecord { content: Content::text("new words"), edited_at: Some(50), ..first.clone() };
    assert_eq!(read(&*store, key).await, edited);
    let older = edit(key, "older words", 40);
    commit(&*store, &a, [older, Change::PutMessage(first.clone()), edit(key, "new words", 50)]).await;
    assert_eq!(read(&*store, key).await, edited);
    let query = MessageQuery { chat: Some("c".into()), ..MessageQuery::default() };
    assert_eq!(store.messages(&a, &query).await.unwrap().messages, std::slice::from_ref(&edited));
    assert_eq!((found(&*store, &a, "old").await, found(&*store, &a, "new words").await), (0, 1));
    let chat = store.chat(&a, "c").await.unwrap().unwrap();
    assert_eq!((chat.unread, chat.last_at, chat.last), (1, first.timestamp, Some(edited)));
    commit(&*store, &a, [edit(key, "", 60)]).await;
    assert_eq!((read(&*store, key).await.edited_at, found(&*store, &a, "words").await), (Some(60), 0));
}

/// Nothing of it is left but that it was there; for good, and it is not unread.
pub async fn deleted_message_leaves_a_trace(store: Arc<dyn Store>) {
    let a = account("a");
    let media = MediaRef { secret: "secret".into(), name: Some("secret.pdf".into()), ..MediaRef::default() };
    let first = MessageRecord {
        content: Content::text("some words"),
        media: Some(media),
        quoted: Some("0".into()),
        ..message("c", "1")
    };
    let (key, other) = (&first.key, message("c", "2"));
    commit(&*store, &a, [Change::PutMessage(first.clone()), Change::PutMessage(other.clone())]).await;
    commit(&*store, &a, [edit(key, "other words", 50), deletion(key, 60)]).await;
    let left = MessageRecord {
        content: Content::Deleted { at: 60 },
        media: None,
        quoted: None,
        status: MessageStatus::Read,
        ..first.clone()
    };
    assert_eq!(read(&*store, key).await, left);
    assert_eq!((found(&*store, &a, "words").await, unread(&*store, "c").await), (0, 1));
    for again in [deletion(key, 70), edit(key, "words", 80), Change::PutMessage(first.clone())] {
        commit(&*store, &a, [again]).await;
        assert_eq!(read(&*store, key).await, left);
    }
    commit(&*store, &a, [deletion(&other.key, 60), deletion(&other.key, 60)]).await;
    let chat = store.chat(&a, "c").await.unwrap().unwrap();
    assert_eq!((chat.unread, chat.last.map(|last| last.content)), (0, Some(Content::Deleted { at: 60 })));
    // Ours keeps its status.
    let ours = MessageRecord { from_me: true, status: MessageStatus::Sent, ..message("c", "3") };
    commit(&*store, &a, [Change::PutMessage(ours.clone()), deletion(&ours.key, 60)]).await;
    assert_eq!(read(&*store, &ours.key).await.status, MessageStatus::Sent);
}

/// The sender is in the key: of another sender, chat or account it is another message.
pub async fn only_its_sender_edits_a_message(store: Arc<dyn Store>) {
    let (a, first) = (account("a"), message("c", "1"));
    commit(&*store, &a, [Change::PutMessage(first.clone())]).await;
    let key = &first.key;
    let others = [
        MessageKey { sender: "other".into(), ..key.clone() },
        MessageKey { chat: "d".into(), ..key.clone() },
        MessageKey { id: "2".into(), ..key.clone() },
    ];
    for other in &others {
        commit(&*store, &a, [edit(other, "x", 50), deletion(other, 51)]).await;
        assert_eq!(store.message(&a, other).await.unwrap(), None, "none is made");
    }
    commit(&*store, &account("b"), [deletion(key, 50)]).await;
    assert_eq!(read(&*store, key).await, first);
    assert_eq!(store.chat(&a, "d").await.unwrap(), None);
}

/// As if they had come in the right order.
pub async fn edit_waits_for_its_message(store: Arc<dyn Store>) {
    let a = account("a");
    let put = |id: &str| {
        Change::PutMessage(MessageRecord { content: Content::text("old words"), ..message("c", id) })
    };
    let key = |id: &str| message("c", id).key;
    let early = [edit(&key("1"), "new words", 50), edit(&key("1"), "older words", 40)];
    commit(&*store, &a, early).await;
    let early = [deletion(&key("2"), 60), edit(&key("2"), "new words", 70), deletion(&key("2"), 80)];
    commit(&*store, &a, early).await;
    assert_eq!(unread(&*store, "c").await, 0);
    commit(&*store, &a, [put("1"), put("2"), put("3")]).await;
    let first = read(&*store, &key("1")).await;
    assert_eq!((first.content, first.edited_at), (Content::text("new words"), Some(50)));
    let second = read(&*store, &key("2")).await;
    assert_eq!((second.content, second.status), (Content::Deleted { at: 60 }, MessageStatus::Read));
    assert_eq!((unread(&*store, "c").await, found(&*store, &a, "old").await), (2, 1));
    assert_eq!(found(&*store, &a, "new").await, 1);
}

/// What waited is gone with the chat, with the time, and with the session.
pub async fn edits_do_not_wait_for_ever(store: Arc<dyn Store>) {
    const DAY: i64 = 24 * 3_600_000;
    let a = account("a");
    let key = message("c", "1").key;
    let put = || Change::PutMessage(MessageRecord { content: Content::text("old"), ..message("c", "1") });
    let content = async || {
        commit(&*store, &a, [put()]).await;
        let content = read(&*store, &key).await.content;
        commit(&*store, &a, [ChatChange::Delete { chat: "c".into() }]).await;
        content
    };
    commit(&*store, &a, [edit(&key, "new", DAY), ChatChange::Delete { chat: "c".into() }.into()]).await;
    assert_eq!(content().await, Content::text("old"), "the chat was deleted");
    commit(&*store, &a, [edit(&key, "new", DAY)]).await;
    commit(&*store, &a, [ChatChange::Expire { before: DAY, limit: 1 }]).await;
    assert_eq!(content().await, Content::text("new"), "not before its time");
    commit(&*store, &a, [edit(&key, "new", DAY)]).await;
    commit(&*store, &a, [ChatChange::Expire { before: DAY + 1, limit: 1 }]).await;
    assert_eq!(content().await, Content::text("old"), "expired");
    commit(&*store, &a, [edit(&key, "new", DAY), edit(&message("d", "1").key, "x", 32 * DAY)]).await;
    assert_eq!(content().await, Content::text("old"), "another came a month later");
    commit(&*store, &a, [edit(&key, "new", 40 * DAY), Change::DeleteSession]).await;
    assert_eq!(content().await, Content::text("old"), "the session was deleted");
}

/// An edit brings a caption, not another file.
pub async fn edited_file_stays(store: Arc<dyn Store>) {
    let a = account("a");
    let file = |caption: Option<&str>, mime: &str| Content::Media {
        kind: MediaKind::Image,
        mime: mime.into(),
        size: 7,
        name: None,
        caption: caption.map(Into::into),
        seconds: None,
    };
    let media = MediaRef { place: "/v/1".into(), secret: "secret".into(), ..MediaRef::default() };
    let content = file(Some("old"), "image/jpeg");
    let first = MessageRecord { content, media: Some(media), ..message("c", "1") };
    commit(&*store, &a, [Change::PutMessage(first.clone())]).await;
    let edits =
        [(Content::text("one"), Some("one")), (file(Some("two"), ""), Some("two")), (file(None, ""), None)];
    for (at, (content, caption)) in (50..).zip(edits) {
        commit(&*store, &a, [Change::EditMessage(MessageEdit { key: first.key.clone(), content, at })]).await;
        let content = file(caption, "image/jpeg");
        let expected = MessageRecord { content, edited_at: Some(at), ..first.clone() };
        assert_eq!(read(&*store, &first.key).await, expected);
    }
}

/// What waited under either address is found under the one that stays.
pub async fn waiting_edits_follow_a_merge(store: Arc<dyn Store>) {
    let a = account("a");
    let key = |chat: &str, id: &str| MessageKey { chat: chat.into(), sender: chat.into(), id: id.into() };
    let put = |chat: &str, id: &str| {
        Change::PutMessage(MessageRecord {
            key: key(chat, id),
            content: Content::text("old"),
            ..message(chat, id)
        })
    };
    let merge = ChatChange::Merge { from: "77@lid".into(), into: "1@s.whatsapp.net".into() };
    commit(&*store, &a, [put("1@s.whatsapp.net", "1"), edit(&key("77@lid", "1"), "new", 50)]).await;
    commit(
        &*store,
        &a,
        [edit(&key("77@lid", "2"), "new", 50), edit(&key("1@s.whatsapp.net", "2"), "newer", 60)],
    )
    .await;
    commit(&*store, &a, [merge]).await;
    commit(&*store, &a, [put("1@s.whatsapp.net", "2")]).await;
    let first = read(&*store, &key("1@s.whatsapp.net", "1")).await;
    assert_eq!((first.content, first.edited_at), (Content::text("new"), Some(50)));
    assert_eq!(read(&*store, &key("1@s.whatsapp.net", "2")).await.content, Content::text("newer"));
}
