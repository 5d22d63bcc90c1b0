use std::sync::Arc;

use super::samples::{account, commit, message, one_of_each};
use crate::{AccountId, Change, ChatChange, Content, MediaKind, MessageQuery, MessageRecord, Store};

fn text(chat: &str, id: &str, text: &str) -> Change {
    Change::PutMessage(MessageRecord { content: Content::text(text), ..message(chat, id) })
}

/// All pages, as ids.
async fn pages(
    store: &dyn Store,
    account: &AccountId,
    chat: Option<&str>,
    words: &str,
    limit: u32,
) -> Vec<Vec<String>> {
    let mut query =
        MessageQuery { chat: chat.map(Into::into), words: Some(words.into()), before: None, limit };
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

async fn found(store: &dyn Store, account: &AccountId, words: &str) -> Vec<String> {
    pages(store, account, None, words, 500).await.concat()
}

/// All of them, in any order, and the last as the start of one.
pub async fn messages_are_found_by_their_words(store: Arc<dyn Store>) {
    let a = account("a");
    let texts = [
        "Your order #1234 was shipped",
        "Order paid, not shipped yet",
        "reorder",
        "ÜBERWEISUNG erhalten: it's (fine) & done",
        "订单已发货",
        "नमस्ते दुनिया",
        "",
        "... !?",
    ];
    commit(&*store, &a, texts.iter().enumerate().map(|(id, words)| text("c", &id.to_string(), words))).await;
    for (words, expected) in [
        ("order", &["1", "0"][..]),
        ("ORDER", &["1", "0"]),
        ("shipped order", &["1", "0"]),
        ("order 12", &["0"]),
        ("ord", &["1", "0"]),
        ("ord shipped", &[]),
        ("order paid absent", &[]),
        ("absent", &[]),
        ("  order,,,ship!", &["1", "0"]),
        ("über", &["3"]),
        ("Ü", &["3"]),
        ("s it", &["3"]),
        ("done FINE", &["3"]),
        ("发货", &["4"]),
        ("货", &["4"]),
        ("दुनि", &["5"]),
        ("1234", &["0"]),
        ("234", &[]),
    ] {
        assert_eq!(found(&*store, &a, words).await, expected, "{words}");
    }
    for other in ["b", "w/a"].map(account) {
        assert_eq!(found(&*store, &other, "order").await, [""; 0]);
    }
}

/// Operators of a database are plain text here, and a search without words finds nothing.
pub async fn searches_accept_any_text(store: Arc<dyn Store>) {
    let a = account("a");
    commit(&*store, &a, [text("c", "1", "and not near or"), text("c", "2", "o'neill words a1")]).await;
    for (words, expected) in [
        ("NOT", &["1"][..]),
        ("AND OR NOT NEAR", &["1"]),
        ("near(or", &["1"]),
        ("\"o'neill\"", &["2"]),
        ("' & ! | <-> :* ( a", &["2", "1"]),
        ("words:a1*", &["2"]),
        ("words:*", &["2"]),
        ("word^", &["2"]),
        ("", &[]),
        (" ", &[]),
        ("\0", &[]),
        ("%", &[]),
        ("_", &[]),
        ("*", &[]),
        ("'", &[]),
        ("\"", &[]),
        ("🦀", &[]),
        ("'; DROP TABLE message; --", &[]),
        ("a\0b", &[]),
        ("not\0ne", &["1"]),
    ] {
        assert_eq!(found(&*store, &a, words).await, expected, "{words:?}");
    }
}

/// However long or many words are.
pub async fn long_texts_are_found_by_their_words(store: Arc<dyn Store>) {
    let a = account("a");
    let (long, other) = ("x".repeat(3000), "ü".repeat(3000));
    let many: String = (0..3000).map(|number| format!("w{number} ")).collect();
    commit(&*store, &a, [text("c", "1", &format!("{long} short {other}")), text("c", "2", &many)]).await;
    assert_eq!(found(&*store, &a, &long).await, ["1"]);
    assert_eq!(found(&*store, &a, &format!("{other} {long}")).await, ["1"]);
    assert_eq!(found(&*store, &a, "xxx").await, ["1"]);
    assert_eq!(found(&*store, &a, "w2999 w0").await, ["2"]);
    assert_eq!(found(&*store, &a, &many).await, ["2"]);
}

/// Only text is searched. A message that is put again is found under its first text.
pub async fn only_text_is_searched(store: Arc<dyn Store>) {
    let a = account("a");
    let contents = [
        Content::Contact { name: "word".into(), vcard: "word".into() },
        Content::Poll { question: "word".into(), options: vec!["word".into()], selectable: 1 },
        Content::Unsupported { kind: "word".into() },
    ];
    let others = contents.into_iter().enumerate().map(|(id, content)| {
        Change::PutMessage(MessageRecord {
            content,
            push_name: Some("word".into()),
            ..message("c", &id.to_string())
        })
    });
    commit(&*store, &a, others).await;
    commit(&*store, &a, [text("word", "text", "a word"), text("word", "text", "another")]).await;
    assert_eq!(found(&*store, &a, "word").await, ["text"]);
    let (kind, caption) = (MediaKind::Image, Some("a caption".to_owned()));
    let (mime, name) = ("word".to_owned(), Some("word".to_owned()));
    let content = Content::Media { kind, mime, size: 1, name, caption, seconds: None };
    let picture = MessageRecord { content, ..message("c", "picture") };
    commit(&*store, &a, [Change::PutMessage(picture)]).await;
    assert_eq!(found(&*store, &a, "word").await, ["text"]);
    assert_eq!(found(&*store, &a, "caption").await, ["picture"]);
    assert_eq!(found(&*store, &a, "another").await, [""; 0]);
}

/// Newest first, of one chat or of all. Messages that do not match do not shorten a page.
pub async fn search_results_are_paged(store: Arc<dyn Store>) {
    let a = account("a");
    for number in 0..20 {
        let (chat, words) =
            (if number % 2 == 0 { "c" } else { "d" }, if number % 5 == 0 { "no" } else { "yes" });
        let mut put = message(chat, &number.to_string());
        put.timestamp = 100 - number;
        put.content = Content::text(words);
        commit(&*store, &a, [Change::PutMessage(put)]).await;
    }
    let all = ["1", "2", "3", "4", "6", "7", "8", "9", "11", "12", "13", "14", "16", "17", "18", "19"];
    assert_eq!(pages(&*store, &a, None, "yes", 500).await, [all]);
    assert_eq!(pages(&*store, &a, None, "ye", 16).await, [all]);
    assert_eq!(pages(&*store, &a, None, "yes", 5).await.len(), 4);
    assert_eq!(pages(&*store, &a, None, "yes", 5).await.concat(), all);
    let of_chat = ["2", "4", "6", "8", "12", "14", "16", "18"];
    assert_eq!(pages(&*store, &a, Some("c"), "yes", 3).await, [&of_chat[..3], &of_chat[3..6], &of_chat[6..]]);
    assert_eq!(pages(&*store, &a, Some("e"), "yes", 3).await, [[""; 0]]);
    let query = MessageQuery { words: Some("yes".into()), before: Some("x".into()), ..Default::default() };
    super::samples::bad_cursor(store.messages(&a, &query)).await;
}

/// By deleting the chat, by age, or with everything. A later message in the same place has its own words.
pub async fn removed_messages_are_not_found(store: Arc<dyn Store>) {
    let a = account("a");
    let old = MessageRecord { timestamp: 1, content: Content::text("word old"), ..message("d", "old") };
    let list = [text("c", "1", "word one"), Change::PutMessage(old), text("e", "2", "word two")];
    commit(&*store, &a, list).await;
    assert_eq!(found(&*store, &a, "word").await, ["2", "1", "old"]);
    commit(&*store, &a, [ChatChange::Delete { chat: "c".into() }]).await;
    assert_eq!(found(&*store, &a, "word").await, ["2", "old"]);
    commit(&*store, &a, [ChatChange::Expire { before: 2, limit: 9 }]).await;
    assert_eq!(found(&*store, &a, "word").await, ["2"]);
    commit(&*store, &a, one_of_each(&a)).await;
    commit(&*store, &a, [Change::DeleteSession]).await;
    assert_eq!(found(&*store, &a, "word").await, [""; 0]);
    commit(&*store, &a, [text("c", "1", "another"), text("d", "old", "text"), text("e", "2", "here")]).await;
    assert_eq!(found(&*store, &a, "word").await, [""; 0]);
    assert_eq!(found(&*store, &a, "ano").await, ["1"]);
}
