use std::sync::Arc;

use super::contact::{consent, contact, pages, put, read, set, suppress, try_write, write};
use crate::{ContactChange, ContactQuery, ContactRecord, ErrorKind, Result, Store, Suppression, WorkspaceId};

/// An ambiguous number would be written to in spite of a suppression.
pub async fn addresses_have_one_form(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    for wrong in ["", "+1", "1 2", "1234567890123456", "1\0", "a"] {
        let contact = ContactRecord { phone: Some(wrong.into()), ..contact("1", 0) };
        let error = try_write(&*store, &w, [put(&contact)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong:?}");
        let error = try_write(&*store, &w, [suppress(wrong, 1)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong:?}");
        assert!(store.suppressed(&w, &[wrong.into()]).await.unwrap().is_empty());
    }
    for wrong in ["", "1", "@lid", "1:2@lid", "1@s.whatsapp.net"] {
        let contact = ContactRecord { lid: Some(wrong.into()), ..contact("1", 0) };
        let error = try_write(&*store, &w, [put(&contact)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong:?}");
    }
    assert_eq!(read(&*store, &w, "1").await, None);
}

/// The newest suppression stays, and only a newer consent ends it.
pub async fn only_a_newer_consent_ends_a_suppression(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let end = |at| ContactChange::Unsuppress { address: "1".into(), consent: consent("marketing", at) };
    let all = async || store.suppressions(&w, None, 10).await.unwrap();
    let kind = |result: Result<()>| result.map_err(|error| error.kind());
    let held =
        |address: &str, reason: &str, at| Suppression { address: address.into(), reason: reason.into(), at };
    write(&*store, &w, [suppress("1", 10), suppress("7@lid", 5)]).await;
    let (older, newer) = (held("1", "older\0", 9), held("1", "newer\0", 11));
    write(&*store, &w, [ContactChange::Suppress(older)]).await;
    assert_eq!(all().await, [held("1", "stop", 10), held("7@lid", "stop", 5)]);
    write(&*store, &w, [ContactChange::Suppress(newer.clone())]).await;
    assert_eq!(kind(try_write(&*store, &w, [end(10)]).await), Err(ErrorKind::Invalid));
    assert_eq!(kind(try_write(&*store, &w, [end(11)]).await), Err(ErrorKind::Invalid));
    assert_eq!(all().await, [newer, held("7@lid", "stop", 5)]);
    assert_eq!(kind(try_write(&*store, &w, [suppress("1", 20), end(12)]).await), Err(ErrorKind::Invalid));
    write(&*store, &w, [end(12), end(1)]).await;
    assert_eq!(all().await, [held("7@lid", "stop", 5)]);
    write(&*store, &w, [suppress("1", 20), end(21)]).await;
    let asked = ["1", "7@lid", "2", "7@lid"].map(String::from);
    assert_eq!(store.suppressed(&w, &asked).await.unwrap(), ["7@lid"]);
    write(&*store, &w, (1..=5).map(|n| suppress(&n.to_string(), 1))).await;
    let page =
        |suppressions: Vec<Suppression>| -> Vec<_> { suppressions.into_iter().map(|s| s.address).collect() };
    assert_eq!(page(store.suppressions(&w, None, 2).await.unwrap()), ["1", "2"]);
    assert_eq!(page(store.suppressions(&w, Some("2"), 9).await.unwrap()), ["3", "4", "5", "7@lid"]);
}

/// The contact is removed; its opt-out stays as a suppression.
pub async fn deleted_contact_leaves_its_suppressions(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let with = |id: &str, phone: &str, opted_out_at| ContactRecord {
        phone: Some(phone.into()),
        lid: Some(format!("{phone}@lid")),
        tags: set(&["t"]),
        opted_out_at,
        ..contact(id, 0)
    };
    write(&*store, &w, [put(&with("a", "1", Some(9))), put(&with("b", "2", None)), suppress("2", 5)]).await;
    write(&*store, &w, ["a", "b", "c"].map(|id| ContactChange::Delete { id: id.into() })).await;
    let held =
        |address: &str, reason: &str, at| Suppression { address: address.into(), reason: reason.into(), at };
    let expected = [
        held("1", Suppression::OPTED_OUT, 9),
        held("1@lid", Suppression::OPTED_OUT, 9),
        held("2", "stop", 5),
    ];
    assert_eq!(store.suppressions(&w, None, 10).await.unwrap(), expected);
    assert_eq!(pages(&*store, &w, &ContactQuery::default()).await, [[""; 0]]);
    assert_eq!(store.contact_by_phone(&w, "1").await.unwrap(), None);
    assert_eq!(store.contact_tags(&w).await.unwrap(), []);
    write(&*store, &w, [put(&contact("a", 7))]).await;
    assert_eq!(read(&*store, &w, "a").await, Some(contact("a", 7)));
    // As the changes before it leave the contact.
    let changes = [
        put(&with("c", "3", None)),
        ContactChange::OptOut { id: "c".into(), at: 4 },
        ContactChange::Delete { id: "c".into() },
        ContactChange::Unsuppress { address: "3".into(), consent: consent("s", 4) },
    ];
    assert_eq!(try_write(&*store, &w, changes).await.unwrap_err().kind(), ErrorKind::Invalid);
}
