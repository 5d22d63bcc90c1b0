use std::sync::Arc;

use super::contact::{contact, pages, put, set, write};
use super::samples::bad_cursor;
use crate::{ContactChange, ContactQuery, ContactRecord, Store, WorkspaceId};

/// In the order asked for, with gaps and repetitions.
pub async fn contacts_by_phone_keep_the_order_asked(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let with = |id: &str, phone: &str| ContactRecord { phone: Some(phone.into()), ..contact(id, 0) };
    let (one, two) = (with("a", "2"), with("b", "1"));
    write(&*store, &w, [&one, &two].map(put)).await;
    let asked = ["1", "3", "2", "1", "1@lid", "a\0b"].map(String::from);
    let found = store.contacts_by_phone(&w, &asked).await.unwrap();
    assert_eq!(found, [Some(two.clone()), None, Some(one), Some(two), None, None]);
}

/// Newest first, then by id, falling; with a tag as without; an invalid cursor is an error.
pub async fn contact_pages_are_newest_first(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    for (number, (id, at)) in [("b", 1), ("c", 3), ("a", 3), ("d", -2), ("e.1", 2)].into_iter().enumerate() {
        let tags = if number == 1 { set(&["u"]) } else { set(&["t"]) };
        write(&*store, &w, [put(&ContactRecord { tags, ..contact(id, at) })]).await;
    }
    let all = ContactQuery { limit: 2, ..Default::default() };
    assert_eq!(pages(&*store, &w, &all).await, [vec!["c", "a"], vec!["e.1", "b"], vec!["d"]]);
    let tagged = ContactQuery { tag: Some("t".into()), ..all.clone() };
    assert_eq!(pages(&*store, &w, &tagged).await, [["a", "e.1"], ["b", "d"]]);
    let absent = ContactQuery { tag: Some("T".into()), ..all.clone() };
    assert_eq!(pages(&*store, &w, &absent).await, [[""; 0]]);
    for cursor in ["", "x", "x.y", "'; DROP TABLE contact", "\0", "99999999999999999999.a"] {
        let query = ContactQuery { before: Some(cursor.into()), ..all.clone() };
        bad_cursor(store.contacts(&w, &query)).await;
    }
    // A contact that is made between two pages neither repeats nor hides others.
    let first = store.contacts(&w, &all).await.unwrap();
    write(&*store, &w, [put(&contact("new", 9)), ContactChange::Delete { id: "a".into() }]).await;
    let query = ContactQuery { before: first.next, ..all };
    assert_eq!(pages(&*store, &w, &query).await, [vec!["e.1", "b"], vec!["d"]]);
}

/// Starts of words of the name, and the start of the number, in any script.
pub async fn contacts_are_found_by_words(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let people = [
        ("1", "Ann Smith", Some("4915112345"), false),
        ("2", "anna-lena MÜLLER", None, true),
        ("3", "李小龍", Some("8613800"), false),
        ("4", "100% O'Neil_x", None, false),
        ("5", "", Some("15"), true),
    ];
    for (number, (id, name, phone, out)) in people.into_iter().enumerate() {
        let contact = ContactRecord {
            name: name.into(),
            phone: phone.map(Into::into),
            opted_out_at: out.then_some(1),
            tags: set(&["t"]),
            ..contact(id, number as i64)
        };
        write(&*store, &w, [put(&contact)]).await;
    }
    let found = [
        ("ann", vec!["2", "1"]),
        ("SMI an", vec!["1"]),
        ("nn", vec![]),
        ("müll", vec!["2"]),
        ("len mül ann", vec!["2"]),
        ("龍", vec!["3"]),
        ("+49 (151) 1", vec!["1"]),
        ("15", vec!["5"]),
        ("ann 49", vec!["1"]),
        ("ann 48", vec![]),
        ("%", vec![]),
        ("neil", vec!["4"]),
        ("x", vec!["4"]),
        ("a\0", vec!["2", "1"]),
        ("", vec![]),
        ("+", vec![]),
    ];
    for (words, ids) in found {
        for tag in [None, Some("t".to_owned())] {
            let query = ContactQuery { words: Some(words.into()), tag, ..Default::default() };
            assert_eq!(pages(&*store, &w, &query).await.concat(), ids, "{words:?}");
        }
    }
    for (opted_out, ids) in [(true, ["5", "2"].to_vec()), (false, ["4", "3", "1"].to_vec())] {
        let query = ContactQuery { opted_out: Some(opted_out), limit: 2, ..Default::default() };
        assert_eq!(pages(&*store, &w, &query).await.concat(), ids);
    }
    let query = ContactQuery { opted_out: Some(true), words: Some("an".into()), ..Default::default() };
    assert_eq!(pages(&*store, &w, &query).await.concat(), ["2"]);
    // The new name is found; the old one is not.
    write(&*store, &w, [put(&ContactRecord { name: "Bea".into(), ..contact("1", 0) })]).await;
    for (words, ids) in [("smith", &[][..]), ("4915", &[]), ("be", &["1"])] {
        let query = ContactQuery { words: Some(words.into()), ..Default::default() };
        assert_eq!(pages(&*store, &w, &query).await.concat(), ids, "{words:?}");
    }
}
