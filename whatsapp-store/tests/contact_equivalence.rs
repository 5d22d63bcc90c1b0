//! SQLite and PostgreSQL read random changes of contacts as memory does.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use postgres_server::Schema;
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::select,
};
use whatsapp_store::{
    AudienceFilter, Change, Changes, Consent, ContactChange, ContactQuery, ContactRecord, Error, Store,
    Suppression, WorkspaceId, memory::MemoryStore, postgres::PostgresStore, sqlite::SqliteStore,
};

/// Few of each, so that changes meet.
const TEXTS: [&str; 6] = ["a", "b", "A", "", "x\0'🦀", "x\u{1}\u{1}'🦀"];
const PHONES: [&str; 4] = ["1", "2", "3", "+4"];
const LIDS: [&str; 3] = ["1@lid", "2@lid", "3"];
const NAMES: [&str; 5] = ["Ann Smith", "anna", "李小龍", "", "12 ÄB_%"];
const SEARCHES: [&str; 5] = ["an", "smith an", "龍", "(1)2", "äb"];

fn text() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_map(String::from)
}

fn texts() -> impl Strategy<Value = BTreeSet<String>> {
    btree_set(text(), 0..3)
}

fn fields() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..3)
}

fn at() -> std::ops::Range<i64> {
    0..8
}

fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    // The last is wrong, and rare.
    option::of(prop_oneof![30 => select(&all[..all.len() - 1]), 1 => select(&all[all.len() - 1..])])
        .prop_map(|one| one.map(String::from))
}

fn address() -> impl Strategy<Value = String> {
    select(vec!["1", "2", "3", "1@lid", "2@lid"]).prop_map(String::from)
}

fn consent() -> impl Strategy<Value = Consent> {
    (text(), text(), at(), option::of(text())).prop_map(|(scope, source, at, evidence)| Consent {
        scope,
        source,
        at,
        evidence,
    })
}

fn contact() -> impl Strategy<Value = ContactRecord> {
    let who = (text(), one_of(&PHONES), one_of(&LIDS), select(&NAMES[..]), texts(), fields());
    let when = (option::of(consent()), option::of(at()), option::of(at()), option::of(text()), at(), at());
    (who, when).prop_map(|((id, phone, lid, name, tags, fields), when)| {
        let (consent, opted_out_at, last_seen_at, time_zone, created_at, updated_at) = when;
        ContactRecord {
            id,
            phone,
            lid,
            name: name.into(),
            tags,
            fields,
            consent,
            opted_out_at,
            last_seen_at,
            time_zone,
            created_at,
            updated_at,
        }
    })
}

fn change() -> impl Strategy<Value = ContactChange> {
    prop_oneof![
        6 => contact().prop_map(|contact| ContactChange::Put(Box::new(contact))),
        2 => text().prop_map(|id| ContactChange::Delete { id }),
        2 => (text(), texts(), at()).prop_map(|(id, tags, at)| ContactChange::AddTags { id, tags, at }),
        2 => (text(), texts(), at()).prop_map(|(id, tags, at)| ContactChange::RemoveTags { id, tags, at }),
        2 => (text(), text(), option::of(text()), at())
            .prop_map(|(id, name, value, at)| ContactChange::SetField { id, name, value, at }),
        2 => (text(), consent()).prop_map(|(id, consent)| ContactChange::RecordConsent { id, consent }),
        2 => (text(), at()).prop_map(|(id, at)| ContactChange::OptOut { id, at }),
        2 => (text(), at()).prop_map(|(id, at)| ContactChange::Seen { id, at }),
        2 => (address(), text(), at())
            .prop_map(|(address, reason, at)| ContactChange::Suppress(Suppression { address, reason, at })),
        1 => (address(), consent())
            .prop_map(|(address, consent)| ContactChange::Unsuppress { address, consent }),
    ]
}

fn filter() -> impl Strategy<Value = AudienceFilter> {
    let scope = option::weighted(0.3, text());
    (texts(), texts(), texts(), fields(), option::weighted(0.3, at()), scope).prop_map(
        |(all_tags, any_tags, none_tags, fields, last_seen_after, consent_scope)| AudienceFilter {
            all_tags,
            any_tags,
            none_tags,
            fields: fields.into_iter().take(1).collect(),
            last_seen_after,
            consent_scope,
        },
    )
}

/// All that can be read of a workspace. As JSON, since `Debug` hides what matters here.
async fn read(store: &dyn Store, workspace: &WorkspaceId, filters: &[AudienceFilter]) -> Vec<String> {
    let mut all = Vec::new();
    let json = |contacts: &[ContactRecord]| serde_json::to_string(contacts).unwrap();
    for phone in PHONES {
        all.push(json(store.contact_by_phone(workspace, phone).await.unwrap().as_slice()));
    }
    for lid in LIDS {
        all.push(json(store.contact_by_lid(workspace, lid).await.unwrap().as_slice()));
    }
    let queries = TEXTS.map(|tag| ContactQuery { tag: Some(tag.into()), ..Default::default() });
    let searches = SEARCHES.map(|words| ContactQuery { words: Some(words.into()), ..Default::default() });
    let out =
        [None, Some(true), Some(false)].map(|opted_out| ContactQuery { opted_out, ..Default::default() });
    for mut query in queries.into_iter().chain(searches).chain(out) {
        query.limit = 2;
        loop {
            let page = store.contacts(workspace, &query).await.unwrap();
            for contact in &page.contacts {
                assert_eq!(store.contact(workspace, &contact.id).await.unwrap().as_ref(), Some(contact));
            }
            all.push(format!("{query:?} {}", json(&page.contacts)));
            match page.next {
                Some(next) => query.before = Some(next),
                None => break,
            }
        }
    }
    all.push(format!("{:?}", store.contact_tags(workspace).await.unwrap()));
    all.push(serde_json::to_string(&store.suppressions(workspace, None, 50).await.unwrap()).unwrap());
    for filter in filters {
        let counts = store.audience_counts(workspace, filter).await.unwrap();
        let audience = store.audience_page(workspace, filter, None, 50).await.unwrap();
        assert_eq!(counts.eligible, audience.len() as u64, "{filter:?}");
        let behind = audience.first().map(|first| &*first.id);
        let rest = store.audience_page(workspace, filter, behind, 50).await.unwrap();
        assert_eq!(rest, audience.get(1..).unwrap_or_default(), "{filter:?}");
        all.push(format!("{filter:?} {counts:?} {}", json(&audience)));
    }
    all
}

#[test]
fn databases_read_contacts_as_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (folder, schema) = (tempfile::tempdir().unwrap(), Schema::new());
    // All cases share one file and one schema; each case has its own workspace.
    let stores: [Arc<dyn Store>; 2] = runtime.block_on(async {
        let sqlite = SqliteStore::open(folder.path().join("bot.db")).await.unwrap();
        let postgres = PostgresStore::open(&schema.url()).await.unwrap();
        [Arc::new(sqlite) as Arc<dyn Store>, Arc::new(postgres)]
    });
    static CASE: AtomicU32 = AtomicU32::new(0);
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() };
    proptest!(config, |(commits in vec(vec(change(), 1..6), 1..12), filters in vec(filter(), 4))| {
        let case = CASE.fetch_add(1, Ordering::Relaxed);
        let workspace: WorkspaceId = format!("case-{case}").parse().unwrap();
        runtime.block_on(same(&stores, &workspace, commits, &filters))?;
    });
    runtime.block_on(async {
        for store in stores {
            store.close().await;
        }
    });
}

async fn same(
    stores: &[Arc<dyn Store>],
    workspace: &WorkspaceId,
    commits: Vec<Vec<ContactChange>>,
    filters: &[AudienceFilter],
) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    for list in commits {
        let list = list.into_iter().map(Change::Contact).collect();
        let changes = Changes { list, ..Changes::new(workspace.clone()) };
        let expected = memory.commit(changes.clone()).await.map_err(|error: Error| error.kind());
        for store in stores {
            let result = store.commit(changes.clone()).await.map_err(|error| error.kind());
            prop_assert_eq!(result, expected);
        }
    }
    let expected = read(&memory, workspace, filters).await;
    for store in stores {
        prop_assert_eq!(&read(&**store, workspace, filters).await, &expected);
    }
    Ok(())
}
