use std::{collections::BTreeMap, sync::Arc};

use super::samples::{ODD_TEXTS, account};
use crate::{
    AccountId, Change, Changes, Consent, ContactChange, ContactQuery, ContactRecord, ErrorKind, Result,
    Scope, Store, Suppression, TagCount, WorkspaceId,
};

pub(super) fn contact(id: &str, created_at: i64) -> ContactRecord {
    ContactRecord { id: id.into(), created_at, updated_at: created_at, ..ContactRecord::default() }
}

pub(super) fn consent(scope: &str, at: i64) -> Consent {
    Consent { scope: scope.into(), source: "form".into(), at, evidence: None }
}

pub(super) fn put(contact: &ContactRecord) -> ContactChange {
    ContactChange::Put(Box::new(contact.clone()))
}

pub(super) fn suppress(address: &str, at: i64) -> ContactChange {
    ContactChange::Suppress(Suppression { address: address.into(), reason: "stop".into(), at })
}

pub(super) async fn try_write(
    store: &dyn Store,
    workspace: &WorkspaceId,
    list: impl IntoIterator<Item = ContactChange>,
) -> Result<()> {
    let list = list.into_iter().map(Change::Contact).collect();
    store.commit(Changes { list, ..Changes::new(workspace.clone()) }).await
}

pub(super) async fn write(
    store: &dyn Store,
    workspace: &WorkspaceId,
    list: impl IntoIterator<Item = ContactChange>,
) {
    try_write(store, workspace, list).await.unwrap();
}

pub(super) async fn read(store: &dyn Store, workspace: &WorkspaceId, id: &str) -> Option<ContactRecord> {
    store.contact(workspace, id).await.unwrap()
}

/// All pages, as ids.
pub(super) async fn pages(
    store: &dyn Store,
    workspace: &WorkspaceId,
    query: &ContactQuery,
) -> Vec<Vec<String>> {
    let (mut query, mut pages) = (query.clone(), Vec::new());
    loop {
        let page = store.contacts(workspace, &query).await.unwrap();
        pages.push(page.contacts.into_iter().map(|contact| contact.id).collect());
        assert!(pages.len() < 1000, "the pages never end");
        match page.next {
            Some(next) => query.before = Some(next),
            None => return pages,
        }
    }
}

pub(super) fn set(tags: &[&str]) -> std::collections::BTreeSet<String> {
    tags.iter().map(ToString::to_string).collect()
}

/// By none of its names.
pub async fn absent_contact_is_none(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    assert_eq!(read(&*store, &w, "1").await, None);
    assert_eq!(store.contact_by_phone(&w, "1").await.unwrap(), None);
    assert_eq!(store.contact_by_lid(&w, "1@lid").await.unwrap(), None);
    assert_eq!(store.contacts_by_phone(&w, &["1".into()]).await.unwrap(), [None]);
    assert_eq!(store.contacts_by_phone(&w, &[]).await.unwrap(), []);
    assert_eq!(pages(&*store, &w, &ContactQuery::default()).await, [[""; 0]]);
    assert_eq!(store.contact_tags(&w).await.unwrap(), []);
    let absent = || "1".to_owned();
    let changes = [
        ContactChange::Delete { id: absent() },
        ContactChange::AddTags { id: absent(), tags: set(&["t"]), at: 1 },
        ContactChange::SetField { id: absent(), name: "n".into(), value: Some("v".into()), at: 1 },
        ContactChange::RecordConsent { id: absent(), consent: consent("s", 1) },
        ContactChange::OptOut { id: absent(), at: 1 },
        ContactChange::Seen { id: absent(), at: 1 },
        ContactChange::Unsuppress { address: absent(), consent: consent("s", 1) },
    ];
    write(&*store, &w, changes).await;
    assert_eq!(read(&*store, &w, "1").await, None);
    assert_eq!(store.contact_tags(&w).await.unwrap(), []);
}

/// Every field, by every name, with text of any kind.
pub async fn contact_comes_back_as_written(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let written: Vec<_> = ODD_TEXTS
        .iter()
        .enumerate()
        .map(|(number, text)| ContactRecord {
            id: (*text).into(),
            phone: Some(format!("49{number}")),
            lid: Some(format!("{number}@lid")),
            name: format!("{text} name"),
            tags: ODD_TEXTS[..number].iter().map(ToString::to_string).collect(),
            fields: ODD_TEXTS[..number].iter().map(|name| ((*name).into(), (*text).into())).collect(),
            consent: Some(Consent {
                scope: (*text).into(),
                source: (*text).into(),
                at: -5,
                evidence: (number % 2 == 0).then(|| (*text).into()),
            }),
            opted_out_at: (number % 3 == 0).then_some(number as i64),
            last_seen_at: (number % 2 == 1).then_some(i64::MAX),
            time_zone: Some((*text).into()),
            created_at: number as i64,
            updated_at: i64::MIN,
        })
        .collect();
    write(&*store, &w, written.iter().map(put)).await;
    for contact in &written {
        assert_eq!(read(&*store, &w, &contact.id).await.as_ref(), Some(contact));
        let (phone, lid) = (contact.phone.as_deref().unwrap(), contact.lid.as_deref().unwrap());
        assert_eq!(store.contact_by_phone(&w, phone).await.unwrap().as_ref(), Some(contact));
        assert_eq!(store.contact_by_lid(&w, lid).await.unwrap().as_ref(), Some(contact));
    }
    let newest: Vec<_> = written.iter().rev().cloned().collect();
    assert_eq!(store.contacts(&w, &ContactQuery::default()).await.unwrap().contacts, newest);
    for (number, tag) in ODD_TEXTS.iter().enumerate() {
        let query = ContactQuery { tag: Some((*tag).into()), ..Default::default() };
        let tagged = store.contacts(&w, &query).await.unwrap().contacts;
        assert_eq!(tagged, newest[..newest.len() - number - 1], "{tag:?}");
    }
    let bare = contact("bare", 99);
    write(&*store, &w, [put(&bare)]).await;
    assert_eq!(read(&*store, &w, "bare").await, Some(bare));
}

/// What a second Put keeps of the first, and what not.
pub async fn put_contact_keeps_newer_consent_and_opt_out(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let first = ContactRecord {
        phone: Some("1".into()),
        lid: Some("1@lid".into()),
        tags: set(&["a", "b"]),
        fields: [("f".into(), "v".into())].into(),
        consent: Some(consent("marketing", 10)),
        opted_out_at: Some(20),
        last_seen_at: Some(30),
        time_zone: Some("UTC".into()),
        ..contact("1", 5)
    };
    let second = ContactRecord { phone: Some("2".into()), tags: set(&["b", "c"]), ..contact("1", 50) };
    write(&*store, &w, [put(&first), put(&second)]).await;
    let expected = ContactRecord {
        created_at: 5,
        consent: first.consent.clone(),
        opted_out_at: Some(20),
        last_seen_at: Some(30),
        ..second.clone()
    };
    assert_eq!(read(&*store, &w, "1").await, Some(expected.clone()));
    assert_eq!(store.contact_by_phone(&w, "1").await.unwrap(), None);
    assert_eq!(store.contact_by_lid(&w, "1@lid").await.unwrap(), None);
    let tags = store.contact_tags(&w).await.unwrap();
    assert_eq!(tags, ["b", "c"].map(|tag| TagCount { tag: tag.into(), contacts: 1 }));
    // A newer consent, as a newer import has it.
    let third = ContactRecord { consent: Some(consent("marketing", 21)), ..second };
    write(&*store, &w, [put(&third)]).await;
    let (consent, updated_at) = (third.consent.clone(), 51);
    let expected = ContactRecord { consent, opted_out_at: None, updated_at, ..expected };
    assert_eq!(read(&*store, &w, "1").await, Some(expected));
}

/// Tags, fields, signs of life; twice is as good as once.
pub async fn contact_changes_one_by_one(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let id = || "1".to_owned();
    write(&*store, &w, [put(&contact("1", 5)), put(&contact("2", 5))]).await;
    let field = |name: &str, value: Option<&str>, at| ContactChange::SetField {
        id: id(),
        name: name.into(),
        value: value.map(Into::into),
        at,
    };
    for _ in 0..2 {
        let changes = [
            ContactChange::AddTags { id: id(), tags: set(&["a", "b", "a\0"]), at: 7 },
            ContactChange::RemoveTags { id: id(), tags: set(&["b", "x"]), at: 6 },
            field("f\0", Some("v\u{1}\0"), 7),
            field("g", Some("v"), 7),
            field("g", None, 8),
            field("h", None, 8),
            ContactChange::Seen { id: id(), at: 90 },
            ContactChange::Seen { id: id(), at: 80 },
        ];
        write(&*store, &w, changes).await;
        let found = read(&*store, &w, "1").await.unwrap();
        assert!(found.updated_at >= 8, "it rises with each of them");
        let expected = ContactRecord {
            tags: set(&["a", "a\0"]),
            fields: [("f\0".into(), "v\u{1}\0".into())].into(),
            last_seen_at: Some(90),
            updated_at: found.updated_at,
            ..contact("1", 5)
        };
        assert_eq!(found, expected);
        let tags = store.contact_tags(&w).await.unwrap();
        assert_eq!(tags, ["a", "a\0"].map(|tag| TagCount { tag: tag.into(), contacts: 1 }));
    }
    assert_eq!(read(&*store, &w, "2").await, Some(contact("2", 5)));
}

/// The newer one counts. In the same moment, the opt-out wins.
pub async fn newer_of_consent_and_opt_out_wins(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    write(&*store, &w, [put(&contact("1", 0))]).await;
    let agree =
        |at: i64| ContactChange::RecordConsent { id: "1".into(), consent: consent(&at.to_string(), at) };
    let out = |at| ContactChange::OptOut { id: "1".into(), at };
    let steps = [
        (agree(10), Some(10), None),
        (out(9), Some(10), None),
        (out(10), Some(10), Some(10)),
        (out(12), Some(10), Some(12)),
        (out(11), Some(10), Some(12)),
        (agree(11), Some(11), Some(12)),
        (agree(12), Some(12), Some(12)),
        (agree(13), Some(13), None),
        (agree(5), Some(13), None),
        (out(12), Some(13), None),
    ];
    for (number, (change, agreed, opted_out)) in steps.into_iter().enumerate() {
        write(&*store, &w, [change]).await;
        let contact = read(&*store, &w, "1").await.unwrap();
        let expected = agreed.map(|at: i64| consent(&at.to_string(), at));
        assert_eq!((contact.consent, contact.opted_out_at), (expected, opted_out), "step {number}");
    }
}

/// The second writer fails with its whole commit. Earlier changes of the same commit count.
pub async fn contacts_do_not_share_an_address(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let with = |id: &str, phone: Option<&str>, lid: Option<&str>| {
        put(&ContactRecord { phone: phone.map(Into::into), lid: lid.map(Into::into), ..contact(id, 0) })
    };
    write(&*store, &w, [with("1", Some("1"), Some("1@lid")), with("2", Some("2"), None)]).await;
    let conflicts = [
        vec![with("3", Some("1"), None)],
        vec![with("3", None, Some("1@lid"))],
        vec![with("2", Some("1"), None)],
        vec![with("2", Some("2"), Some("1@lid"))],
        vec![with("3", Some("3"), None), with("4", Some("3"), None)],
        // The second contact gives the number up too late.
        vec![with("1", Some("2"), None), with("2", Some("1"), None)],
    ];
    for changes in conflicts {
        let shown = format!("{changes:?}");
        let error = try_write(&*store, &w, changes).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{shown}");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("1@lid") && !text.contains("\"1\""), "{text}");
        }
    }
    assert_eq!(read(&*store, &w, "3").await, None);
    assert_eq!(read(&*store, &w, "2").await.unwrap().phone.as_deref(), Some("2"));
    let exchange = [
        with("1", None, Some("1@lid")),
        with("2", Some("1"), None),
        with("1", Some("2"), Some("1@lid")),
        ContactChange::Delete { id: "2".into() },
        with("3", Some("1"), None),
    ];
    write(&*store, &w, exchange).await;
    assert_eq!(store.contact_by_phone(&w, "2").await.unwrap().unwrap().id, "1");
    assert_eq!(store.contact_by_phone(&w, "1").await.unwrap().unwrap().id, "3");
    // Any number of contacts may have none.
    write(&*store, &w, ["5", "6"].map(|id| with(id, None, None))).await;
}

/// The same ids, numbers and tags in two of them; a commit of an account writes to its workspace.
pub async fn contacts_of_workspaces_are_separate(store: Arc<dyn Store>) {
    let (one, two): (WorkspaceId, WorkspaceId) = ("one".parse().unwrap(), "two".parse().unwrap());
    let of = |workspace: &WorkspaceId| ContactRecord {
        phone: Some("1".into()),
        lid: Some("1@lid".into()),
        name: workspace.to_string(),
        tags: set(&["t", workspace.as_str()]),
        ..contact("1", 0)
    };
    write(&*store, &one, [put(&of(&one)), suppress("1", 1)]).await;
    let account = AccountId::new(two.clone(), "a").unwrap();
    let list = vec![Change::Contact(put(&of(&two))), Change::Contact(suppress("2", 1))];
    store.commit(Changes { list, ..Changes::new(Scope::Account(account)) }).await.unwrap();
    for (workspace, suppressed) in [(&one, "1"), (&two, "2")] {
        assert_eq!(read(&*store, workspace, "1").await, Some(of(workspace)));
        assert_eq!(store.contact_by_phone(workspace, "1").await.unwrap(), Some(of(workspace)));
        assert_eq!(store.contact_by_lid(workspace, "1@lid").await.unwrap(), Some(of(workspace)));
        assert_eq!(
            store.contacts(workspace, &ContactQuery::default()).await.unwrap().contacts,
            [of(workspace)]
        );
        let names: Vec<_> =
            store.contact_tags(workspace).await.unwrap().into_iter().map(|tag| tag.tag).collect();
        assert_eq!(names, of(workspace).tags.into_iter().collect::<Vec<_>>());
        let asked = ["1", "2"].map(String::from);
        assert_eq!(store.suppressed(workspace, &asked).await.unwrap(), [suppressed]);
    }
    write(&*store, &one, [ContactChange::Delete { id: "1".into() }]).await;
    assert_eq!(read(&*store, &one, "1").await, None);
    assert_eq!(read(&*store, &two, "1").await, Some(of(&two)));
}

/// Many tasks write the same contact at once: no change is lost.
pub async fn concurrent_contact_changes_lose_nothing(store: Arc<dyn Store>) {
    const TASKS: i64 = 8;
    let w = WorkspaceId::default();
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (store, w) = (store.clone(), w.clone());
            tokio::spawn(async move {
                let id = || "1".to_owned();
                let first =
                    ContactRecord { phone: Some("1".into()), opted_out_at: Some(number), ..contact("1", 5) };
                write(&*store, &w, [put(&first)]).await;
                for round in 0..5 {
                    let tag = format!("{number}.{round}");
                    let changes = [
                        ContactChange::AddTags { id: id(), tags: set(&[&tag]), at: 1 },
                        ContactChange::SetField { id: id(), name: tag, value: Some("v".into()), at: 1 },
                        ContactChange::Seen { id: id(), at: number },
                    ];
                    write(&*store, &w, changes).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let contact = read(&*store, &w, "1").await.unwrap();
    // A Put replaces tags and fields. Only later changes of its own task are sure to follow it.
    assert_eq!((contact.opted_out_at, contact.last_seen_at), (Some(TASKS - 1), Some(TASKS - 1)));
    let counted: BTreeMap<_, _> =
        store.contact_tags(&w).await.unwrap().into_iter().map(|tag| (tag.tag, tag.contacts)).collect();
    assert_eq!(counted.keys().cloned().collect::<Vec<_>>(), contact.tags.iter().cloned().collect::<Vec<_>>());
    assert_eq!(contact.fields.keys().collect::<Vec<_>>(), contact.tags.iter().collect::<Vec<_>>());
    assert!(counted.values().all(|count| *count == 1));
}

/// Many contacts want one number: one gets it, and the others get an error.
pub async fn concurrent_contacts_do_not_share_a_number(store: Arc<dyn Store>) {
    let w = account("a").workspace().clone();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (store, w) = (store.clone(), w.clone());
            tokio::spawn(async move {
                let id = number.to_string();
                let wants = ContactRecord { phone: Some("1".into()), ..contact(&id, 0) };
                let result = try_write(&*store, &w, [put(&contact(&id, 0)), put(&wants)]).await;
                result.map(|()| id).map_err(|error| error.kind())
            })
        })
        .collect();
    let mut got = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(id) => got.push(id),
            Err(kind) => assert_eq!(kind, ErrorKind::Conflict),
        }
    }
    assert_eq!(got.len(), 1);
    let owner = store.contact_by_phone(&w, "1").await.unwrap().unwrap();
    assert_eq!(owner.id, got[0]);
    assert_eq!(pages(&*store, &w, &ContactQuery::default()).await.concat(), got);
}
