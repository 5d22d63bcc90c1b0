//! Two chats that turn out to be one person's.
use std::sync::Arc;

use super::{
    contact::{consent, contact, put as put_contact, suppress, write},
    conversation::{conversation, found, seen, step},
    flow::put as put_flow,
    samples::{account, commit, lid, message, outgoing, pn, sent, workspace},
};
use crate::{
    AccountId, Change, ChatChange, ContactRecord, Content, ConversationRecord, ConversationStatus,
    MessageKey, MessageQuery, MessageRecord, MessageStatus, Store,
};

const LID: &str = "77@lid";
const PN: &str = "4915@s.whatsapp.net";

fn merge(from: &str, into: &str) -> ChatChange {
    ChatChange::Merge { from: from.into(), into: into.into() }
}

async fn merged(store: &dyn Store, account: &AccountId) {
    commit(store, account, [merge(LID, PN)]).await;
}

/// From the other, who is named by `sender`.
fn theirs(chat: &str, sender: &str, id: &str, timestamp: i64) -> MessageRecord {
    let key = MessageKey { chat: chat.into(), sender: sender.into(), id: id.into() };
    MessageRecord { key, timestamp, ..message(chat, id) }
}

fn ours(chat: &str, id: &str, timestamp: i64, status: MessageStatus) -> MessageRecord {
    MessageRecord { from_me: true, status, ..theirs(chat, "me", id, timestamp) }
}

async fn put(store: &dyn Store, account: &AccountId, list: impl IntoIterator<Item = MessageRecord>) {
    commit(store, account, list.into_iter().map(Change::PutMessage)).await;
}

/// Sender, id and status, newest first.
async fn messages(
    store: &dyn Store,
    account: &AccountId,
    chat: &str,
) -> Vec<(String, String, MessageStatus)> {
    let query = MessageQuery { chat: Some(chat.into()), limit: 500, ..Default::default() };
    let page = store.messages(account, &query).await.unwrap();
    page.messages.into_iter().map(|message| (message.key.sender, message.key.id, message.status)).collect()
}

/// In their order, by the address of the chat that stays, with their files; groups keep the sender a message came with.
pub async fn merged_chat_has_the_messages_of_both(store: Arc<dyn Store>) {
    use MessageStatus::{Delivered, Sent};
    let (store, a) = (&*store, account("a"));
    let media = crate::MediaRef { secret: "secret".into(), ..Default::default() };
    let with_file = MessageRecord { media: Some(media.clone()), ..theirs(LID, LID, "file", 3) };
    let group = theirs("g@g.us", LID, "group", 9);
    put(store, &a, [theirs(PN, PN, "1", 1), theirs(PN, LID, "5", 5), ours(LID, "2", 2, Sent)]).await;
    put(store, &a, [with_file, theirs(PN, PN, "4", 4), group.clone(), theirs("other", LID, "x", 1)]).await;
    merged(store, &a).await;
    let their = |id: &str| (PN.to_owned(), id.to_owned(), Delivered);
    let expected = vec![their("5"), their("4"), their("file"), ("me".into(), "2".into(), Sent), their("1")];
    assert_eq!(messages(store, &a, PN).await, expected);
    assert_eq!(messages(store, &a, LID).await, []);
    assert_eq!(store.chat(&a, LID).await.unwrap(), None);
    let file = store.message(&a, &theirs(PN, PN, "file", 3).key).await.unwrap().unwrap();
    assert_eq!(file.media, Some(media));
    assert_eq!(store.message(&a, &group.key).await.unwrap(), Some(group));
    assert_eq!(messages(store, &a, "other").await.len(), 1);
    // A later message is the last one, and repeating the merge changes nothing.
    merged(store, &a).await;
    assert_eq!(messages(store, &a, PN).await, expected);
}

/// The message in the chat that stays is kept, with the higher status of both.
pub async fn merge_keeps_one_message_of_each_key(store: Arc<dyn Store>) {
    use MessageStatus::{Delivered, Failed, Queued, Read, Sent};
    let (store, a) = (&*store, account("a"));
    let cases = [
        ("read", Delivered, Read, Read),
        ("unread", Read, Delivered, Read),
        ("failed", Queued, Failed, Failed),
        ("sent after all", Failed, Sent, Sent),
        ("not failed", Sent, Failed, Sent),
    ];
    for (id, stays, ends, _) in cases {
        put(store, &a, [ours(PN, id, 1, stays), ours(LID, id, 2, ends)]).await;
    }
    // Under three names for one sender.
    let said = |chat: &str, sender: &str, status| MessageRecord { status, ..theirs(chat, sender, "m", 9) };
    put(store, &a, [said(PN, PN, Delivered), said(PN, LID, Delivered), said(LID, LID, Read)]).await;
    put(store, &a, [said(LID, PN, Delivered)]).await;
    merged(store, &a).await;
    for (id, _, _, expected) in cases {
        let found = store.message(&a, &ours(PN, id, 0, Queued).key).await.unwrap().unwrap();
        assert_eq!((found.timestamp, found.status), (1, expected), "{id}");
    }
    assert_eq!(messages(store, &a, PN).await.len(), cases.len() + 1);
    let found = store.message(&a, &theirs(PN, PN, "m", 0).key).await.unwrap().unwrap();
    assert_eq!(found.status, Read);
    assert_eq!(store.chat(&a, PN).await.unwrap().unwrap().unread, 0);
}

/// Unread count, last message, and the user's settings.
pub async fn merged_chat_has_the_summary_of_both(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let name = |chat: &str, name: &str| ChatChange::SetName { chat: chat.into(), name: Some(name.into()) };
    let flags = |chat: &str, archived, pinned, muted_until| ChatChange::SetFlags {
        chat: chat.into(),
        archived,
        pinned,
        muted_until,
    };
    let newest = theirs(LID, LID, "newest", 8);
    put(store, &a, [theirs(PN, PN, "1", 5), newest.clone(), theirs(LID, LID, "2", 3)]).await;
    commit(store, &a, [name(LID, "by LID"), flags(LID, true, true, Some(3)), flags(PN, false, false, None)])
        .await;
    merged(store, &a).await;
    let chat = store.chat(&a, PN).await.unwrap().unwrap();
    assert_eq!((chat.unread, chat.last_at), (3, 8));
    assert_eq!(chat.last.map(|last| last.key), Some(theirs(PN, PN, "newest", 0).key));
    assert_eq!(chat.name.as_deref(), Some("by LID"), "it had none");
    assert_eq!((chat.archived, chat.pinned, chat.muted_until), (false, true, Some(3)));
    // And follows later messages.
    put(store, &a, [theirs(PN, PN, "later", 9), theirs(PN, PN, "earlier", 7)]).await;
    let chat = store.chat(&a, PN).await.unwrap().unwrap();
    assert_eq!((chat.unread, chat.last_at), (5, 9));

    // What is set stays.
    let b = account("b");
    put(store, &b, [theirs(LID, LID, "1", 1)]).await;
    commit(store, &b, [name(LID, "by LID"), flags(LID, true, false, Some(3))]).await;
    commit(store, &b, [name(PN, "by number"), flags(PN, true, true, Some(9))]).await;
    merged(store, &b).await;
    let chat = store.chat(&b, PN).await.unwrap().unwrap();
    assert_eq!((chat.name.as_deref(), chat.muted_until), (Some("by number"), Some(9)));
    assert_eq!((chat.archived, chat.pinned, chat.unread), (true, true, 1));

    // The only chat there is stays as it is, under the other address.
    let c = account("c");
    commit(store, &c, [name(LID, "by LID"), flags(LID, true, false, None)]).await;
    merged(store, &c).await;
    let chat = store.chat(&c, PN).await.unwrap().unwrap();
    assert_eq!((chat.name.as_deref(), chat.archived, chat.last), (Some("by LID"), true, None));
}

/// Messages are found by their words in the chat that stays.
pub async fn merged_messages_are_found_by_words(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let text = |chat: &str, id: &str, text: &str| MessageRecord {
        content: Content::text(text),
        ..theirs(chat, chat, id, 1)
    };
    let list = [text(LID, "1", "red apple"), text(PN, "2", "green apple"), text(LID, "2", "blue plum")];
    put(store, &a, list).await;
    merged(store, &a).await;
    for (words, chat, expected) in [
        ("apple", Some(PN), vec!["2", "1"]),
        ("red", None, vec!["1"]),
        ("apple", Some(LID), vec![]),
        ("plum", None, vec![]), // The twin of the green one.
    ] {
        let query = MessageQuery {
            chat: chat.map(Into::into),
            words: Some(words.into()),
            limit: 10,
            ..Default::default()
        };
        let page = store.messages(&a, &query).await.unwrap();
        let ids: Vec<_> = page.messages.into_iter().map(|message| message.key.id).collect();
        assert_eq!(ids, expected, "{words} in {chat:?}");
    }
}

/// In their order. Messages that were sent stay unchanged.
pub async fn queued_messages_go_to_the_merged_chat(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let to =
        |chat: &str, message: crate::OutgoingMessage| crate::OutgoingMessage { chat: chat.into(), ..message };
    let list = [to(LID, outgoing("1", 2)), to(PN, outgoing("2", 1)), to(LID, sent("3", 1)), outgoing("4", 3)];
    commit(store, &a, list.clone().map(Change::PutOutgoing)).await;
    merged(store, &a).await;
    let queued = store.queued(&a, 10).await.unwrap();
    assert_eq!(queued, [to(PN, outgoing("2", 1)), to(PN, outgoing("1", 2)), outgoing("4", 3)]);
    assert_eq!(store.outgoing(&a, "3").await.unwrap(), Some(to(LID, sent("3", 1))));
}

/// The live one, then the later one; its revision is above both. Inputs noted for either count.
pub async fn merged_chat_has_one_conversation(store: Arc<dyn Store>) {
    use ConversationStatus::{Ended, Waiting};
    let (store, a) = (&*store, account("a"));
    let of = |chat: &str, status, updated_at, flow: &str| ConversationRecord {
        status,
        updated_at,
        flow: flow.into(),
        ..conversation(chat, 1)
    };
    for (number, (ends, stays, expected)) in [
        (Some((Waiting, 1)), Some((Ended, 9)), ("ends", 2)),
        (Some((Ended, 9)), Some((Waiting, 1)), ("stays", 1)),
        (Some((Waiting, 9)), Some((Waiting, 1)), ("ends", 2)),
        (Some((Waiting, 1)), Some((Waiting, 1)), ("stays", 1)),
        (Some((Waiting, 1)), None, ("ends", 2)),
        (None, Some((Ended, 1)), ("stays", 1)),
    ]
    .into_iter()
    .enumerate()
    {
        let (from, into) = (format!("{number}@lid"), format!("{number}@s.whatsapp.net"));
        let ends = ends.map(|(status, at)| of(&from, status, at, "ends"));
        let stays = stays.map(|(status, at)| of(&into, status, at, "stays"));
        put_flow(store, ends.into_iter().chain(stays).map(step).collect::<Vec<_>>()).await;
        commit(store, &a, [merge(&from, &into)]).await;
        assert_eq!(found(store, &from).await, None, "case {number}");
        let kept = found(store, &into).await.unwrap();
        assert_eq!((kept.flow.as_str(), kept.revision, kept.chat), (expected.0, expected.1, into));
    }
    put_flow(store, [seen(LID, "1", 1), seen(PN, "1", 2), seen(LID, "2", 3)]).await;
    merged(store, &a).await;
    assert!(store.input_seen(&a, PN, "1").await.unwrap() && store.input_seen(&a, PN, "2").await.unwrap());
    assert!(!store.input_seen(&a, LID, "1").await.unwrap());
    assert_eq!(store.oldest_input(&workspace("default")).await.unwrap(), Some(2));
    // What was due stays due.
    let due = ConversationRecord { wake_at: Some(5), ..conversation(LID, 1) };
    put_flow(store, [step(due)]).await;
    merged(store, &a).await;
    let claimed = store.claim_due_conversations(&workspace("default"), 5, 9, 10).await.unwrap();
    assert_eq!(claimed.into_iter().map(|record| record.chat).collect::<Vec<_>>(), [PN]);
}

/// One contact with both addresses, unless one of two has another there.
pub async fn merge_joins_contacts(store: Arc<dyn Store>) {
    let store = &*store;
    let by_number = ContactRecord {
        phone: Some("4915".into()),
        tags: ["n".to_owned()].into(),
        fields: [("f".to_owned(), "number".to_owned())].into(),
        last_seen_at: Some(5),
        ..contact("number", 3)
    };
    let by_lid = ContactRecord {
        lid: Some(LID.into()),
        name: "Ann".into(),
        tags: ["l".to_owned()].into(),
        fields: [("f".to_owned(), "lid".to_owned()), ("g".to_owned(), "lid".to_owned())].into(),
        consent: Some(consent("news", 4)),
        opted_out_at: Some(6),
        last_seen_at: Some(2),
        ..contact("lid", 9)
    };
    let agreed = |at| ContactRecord { consent: Some(consent("later", at)), ..by_number.clone() };
    for (name, list, id, opted_out) in [
        ("number", vec![by_number.clone()], "number", None),
        ("lid", vec![by_lid.clone()], "lid", Some(6)),
        ("both", vec![by_number.clone(), by_lid.clone()], "number", Some(6)),
        ("agreed", vec![agreed(7), by_lid.clone()], "number", None),
        ("agreed-before", vec![agreed(5), by_lid.clone()], "number", Some(6)),
    ] {
        let a = account(&format!("{name}/a"));
        write(store, a.workspace(), list.iter().map(put_contact)).await;
        merged(store, &a).await;
        let found = store.contact_by_phone(a.workspace(), "4915").await.unwrap().unwrap();
        assert_eq!(store.contact_by_lid(a.workspace(), LID).await.unwrap().as_ref(), Some(&found));
        assert_eq!((found.id.as_str(), found.opted_out_at), (id, opted_out), "{name}");
        if list.len() == 2 {
            assert_eq!(store.contact(a.workspace(), "lid").await.unwrap(), None);
            assert_eq!((found.name.as_str(), found.last_seen_at), ("Ann", Some(5)));
            assert_eq!(found.tags, ["l".to_owned(), "n".to_owned()].into());
            assert_eq!((&*found.fields["f"], &*found.fields["g"]), ("number", "lid"));
            let tags = store.contact_tags(a.workspace()).await.unwrap();
            assert_eq!(tags.iter().map(|tag| tag.contacts).collect::<Vec<_>>(), [1, 1]);
        }
    }
    // Two people are not made one.
    let a = account("two/a");
    let another = ContactRecord { lid: Some("88@lid".into()), ..by_number };
    write(store, a.workspace(), [put_contact(&another), put_contact(&by_lid)]).await;
    merged(store, &a).await;
    assert_eq!(store.contact(a.workspace(), "number").await.unwrap(), Some(another));
    assert!(store.contact(a.workspace(), "lid").await.unwrap().is_some());
    assert_eq!(store.suppressions(a.workspace(), None, 10).await.unwrap(), []);
}

/// Whichever of the two was suppressed, and in either direction of the merge. A group's address belongs to no person.
pub async fn merge_shares_suppressions(store: Arc<dyn Store>) {
    let store = &*store;
    for (name, suppressed) in [("number", vec!["4915"]), ("lid", vec![LID]), ("both", vec!["4915", LID])] {
        for (from, into) in [(LID, PN), (PN, LID)] {
            let a = account(&format!("{name}-{}/a", from.len()));
            write(store, a.workspace(), suppressed.iter().map(|address| suppress(address, 3))).await;
            commit(store, &a, [merge(from, into), merge("1@g.us", "4915@s.whatsapp.net")]).await;
            let all = store.suppressions(a.workspace(), None, 10).await.unwrap();
            let all: Vec<_> = all.iter().map(|one| (&*one.address, &*one.reason, one.at)).collect();
            assert_eq!(all, [("4915", "stop", 3), (LID, "stop", 3)], "{name}");
        }
    }
}

/// An unknown chat, and a chat merged into itself. Other accounts are left alone.
pub async fn merge_of_an_absent_chat_changes_nothing(store: Arc<dyn Store>) {
    let (store, a, b) = (&*store, account("a"), account("b"));
    merged(store, &a).await;
    assert_eq!(store.chats(&a, None, 10).await.unwrap().chats, []);
    put(store, &a, [theirs(PN, PN, "1", 1)]).await;
    put(store, &b, [theirs(LID, LID, "1", 1)]).await;
    let before = store.chats(&a, None, 10).await.unwrap();
    commit(store, &a, [merge(LID, PN), merge(PN, PN)]).await;
    assert_eq!(store.chats(&a, None, 10).await.unwrap(), before);
    // Nor does its conversation end, also where it goes on in the same commit.
    put_flow(store, [step(conversation(PN, 1))]).await;
    commit(store, &a, [Change::from(merge(PN, PN)), step(conversation(PN, 2)).into()]).await;
    assert_eq!(found(store, PN).await.unwrap().revision, 2);
    assert_eq!(messages(store, &b, LID).await.len(), 1);
    assert_eq!(store.people(&a, &[lid("77"), pn("4915")]).await.unwrap(), [None, None]);
}
