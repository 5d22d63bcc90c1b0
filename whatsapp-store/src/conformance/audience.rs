use std::sync::Arc;

use super::{
    contact::{consent, contact, put, set, suppress, write},
    samples::ODD_TEXTS,
};
use crate::{AudienceCounts, AudienceFilter, ContactChange, ContactRecord, Store, WorkspaceId};

/// Can be written to.
fn reachable(id: &str, phone: u64) -> ContactRecord {
    ContactRecord { phone: Some(phone.to_string()), ..contact(id, 0) }
}

/// All of it, page by page.
async fn audience(
    store: &dyn Store,
    workspace: &WorkspaceId,
    filter: &AudienceFilter,
    limit: u32,
) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    loop {
        let page =
            store.audience_page(workspace, filter, ids.last().map(String::as_str), limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return ids;
        }
        for contact in page {
            assert_eq!(store.contact(workspace, &contact.id).await.unwrap().as_ref(), Some(&contact));
            ids.push(contact.id);
        }
        assert!(ids.len() < 1000, "it never ends");
    }
}

/// What each condition finds, alone and together.
pub async fn audience_matches_its_filter(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let people = [
        ("1", set(&["a", "b"]), [("city", "Rome"), ("vip", "1")].to_vec(), Some(10)),
        ("2", set(&["a"]), [("city", "rome")].to_vec(), Some(20)),
        ("3", set(&["b", "c"]), [("city", "Rome"), ("x", "city")].to_vec(), None),
        ("4", set(&[]), [].to_vec(), Some(30)),
        ("5", set(&["A"]), [("Rome", "city")].to_vec(), Some(i64::MIN)),
    ];
    for (number, (id, tags, fields, last_seen_at)) in people.into_iter().enumerate() {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let agreed = (number % 2 == 0).then(|| consent("marketing", 1));
        let contact =
            ContactRecord { tags, fields, last_seen_at, consent: agreed, ..reachable(id, number as u64 + 1) };
        write(&*store, &w, [put(&contact)]).await;
    }
    let all = AudienceFilter::default;
    let fields = |pairs: &[(&str, &str)]| AudienceFilter {
        fields: pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..all()
    };
    let found = [
        (all(), vec!["1", "2", "3", "4", "5"]),
        (AudienceFilter { all_tags: set(&["a"]), ..all() }, vec!["1", "2"]),
        (AudienceFilter { all_tags: set(&["a", "b"]), ..all() }, vec!["1"]),
        (AudienceFilter { all_tags: set(&["a", "x"]), ..all() }, vec![]),
        (AudienceFilter { any_tags: set(&["a", "c", "x"]), ..all() }, vec!["1", "2", "3"]),
        (AudienceFilter { none_tags: set(&["a", "x"]), ..all() }, vec!["3", "4", "5"]),
        (
            AudienceFilter {
                all_tags: set(&["b"]),
                any_tags: set(&["a", "c"]),
                none_tags: set(&["a"]),
                ..all()
            },
            vec!["3"],
        ),
        (fields(&[("city", "Rome")]), vec!["1", "3"]),
        (fields(&[("city", "Rome"), ("vip", "1")]), vec!["1"]),
        (fields(&[("city", "")]), vec![]),
        (AudienceFilter { all_tags: set(&["b"]), ..fields(&[("x", "city")]) }, vec!["3"]),
        (AudienceFilter { last_seen_after: Some(10), ..all() }, vec!["2", "4"]),
        (AudienceFilter { last_seen_after: Some(i64::MIN), ..all() }, vec!["1", "2", "4"]),
        (AudienceFilter { consent_scope: Some("marketing".into()), ..all() }, vec!["1", "3", "5"]),
        (AudienceFilter { consent_scope: Some("Marketing".into()), ..all() }, vec![]),
    ];
    for (filter, ids) in found {
        for limit in [1, 2, 100] {
            assert_eq!(audience(&*store, &w, &filter, limit).await, ids, "{filter:?}");
        }
        let counts = store.audience_counts(&w, &filter).await.unwrap();
        assert_eq!(counts.eligible, ids.len() as u64, "{filter:?}");
    }
}

/// Each contact is left out for its first reason, and counted there.
pub async fn audience_counts_each_excluded_contact_once(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let tagged = |contact: ContactRecord| ContactRecord { tags: set(&["t"]), ..contact };
    let agreed = |contact: ContactRecord| ContactRecord { consent: Some(consent("s", 1)), ..contact };
    let people = [
        tagged(agreed(contact("no address", 0))),
        tagged(agreed(reachable("fine", 1))),
        tagged(agreed(ContactRecord { lid: Some("9@lid".into()), ..contact("fine by lid", 0) })),
        tagged(agreed(ContactRecord { opted_out_at: Some(5), ..reachable("out", 2) })),
        tagged(agreed(ContactRecord { opted_out_at: Some(5), ..reachable("out and suppressed", 3) })),
        tagged(reachable("suppressed, no consent", 4)),
        tagged(agreed(ContactRecord { lid: Some("5@lid".into()), ..reachable("lid suppressed", 5) })),
        tagged(reachable("no consent", 6)),
        tagged(ContactRecord { consent: Some(consent("other", 1)), ..reachable("other consent", 7) }),
        agreed(reachable("no tag", 8)),
        ContactRecord { opted_out_at: Some(5), ..reachable("out, no tag", 10) },
    ];
    write(&*store, &w, people.iter().map(put)).await;
    write(&*store, &w, ["3", "4", "5@lid", "99"].map(|address| suppress(address, 1))).await;
    let mut filter =
        AudienceFilter { consent_scope: Some("s".into()), all_tags: set(&["t"]), ..Default::default() };
    assert_eq!(audience(&*store, &w, &filter, 1).await, ["fine", "fine by lid"]);
    let expected = AudienceCounts { unreachable: 1, suppressed: 3, opted_out: 1, no_consent: 2, eligible: 2 };
    assert_eq!(store.audience_counts(&w, &filter).await.unwrap(), expected);
    filter.consent_scope = None;
    let expected = AudienceCounts { no_consent: 0, eligible: 4, ..expected };
    assert_eq!(store.audience_counts(&w, &filter).await.unwrap(), expected);
    filter.all_tags.clear();
    let expected = AudienceCounts { opted_out: 2, eligible: 5, ..expected };
    assert_eq!(store.audience_counts(&w, &filter).await.unwrap(), expected);
    // Another workspace has none of them.
    let other: WorkspaceId = "other".parse().unwrap();
    assert_eq!(store.audience_counts(&other, &filter).await.unwrap(), AudienceCounts::default());
    assert_eq!(audience(&*store, &other, &filter, 9).await, [""; 0]);
    // The audience follows the contacts as they are now.
    let end = ContactChange::Unsuppress { address: "3".into(), consent: consent("s", 7) };
    let again = ContactChange::RecordConsent { id: "out and suppressed".into(), consent: consent("s", 7) };
    write(&*store, &w, [end, again, suppress("9@lid", 1)]).await;
    let filter = AudienceFilter { consent_scope: Some("s".into()), ..Default::default() };
    assert_eq!(audience(&*store, &w, &filter, 9).await, ["fine", "no tag", "out and suppressed"]);
}

/// Ids, tags and fields of any text: in byte order, found one by one.
pub async fn audience_handles_any_text(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    for (number, text) in ODD_TEXTS.iter().enumerate() {
        let contact = ContactRecord {
            tags: set(&[text]),
            fields: [((*text).into(), (*text).into())].into(),
            consent: Some(consent(text, 1)),
            ..reachable(text, number as u64)
        };
        write(&*store, &w, [put(&contact)]).await;
    }
    let mut sorted = ODD_TEXTS;
    sorted.sort_unstable();
    assert_eq!(audience(&*store, &w, &AudienceFilter::default(), 1).await, sorted);
    for text in ODD_TEXTS {
        let filters = [
            AudienceFilter { all_tags: set(&[text]), ..Default::default() },
            AudienceFilter { any_tags: set(&[text]), ..Default::default() },
            AudienceFilter { fields: [(text.into(), text.into())].into(), ..Default::default() },
            AudienceFilter { consent_scope: Some(text.into()), ..Default::default() },
        ];
        for filter in filters {
            assert_eq!(audience(&*store, &w, &filter, 5).await, [text], "{filter:?}");
        }
        let filter = AudienceFilter { none_tags: set(&[text]), ..Default::default() };
        let others: Vec<_> = sorted.into_iter().filter(|other| *other != text).collect();
        assert_eq!(audience(&*store, &w, &filter, 5).await, others);
    }
}
