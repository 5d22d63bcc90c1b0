use std::sync::Arc;

use super::samples::bad_cursor;
use super::samples::{ODD_TEXTS, account};
use crate::{AuditChange, AuditEntry, AuditQuery, Change, Changes, Scope, SessionRecord, Store, WorkspaceId};

fn entry(at: i64, actor: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        at,
        actor: actor.into(),
        action: "changed".into(),
        subject: subject.into(),
        details: format!("{{\"at\":{at}}}"),
    }
}

async fn append(store: &dyn Store, scope: impl Into<Scope>, entries: impl IntoIterator<Item = AuditEntry>) {
    let list = entries.into_iter().map(|entry| Change::Audit(AuditChange::Append(entry))).collect();
    store.commit(Changes { list, ..Changes::new(scope) }).await.unwrap();
}

async fn trim(store: &dyn Store, workspace: &WorkspaceId, before: i64) {
    let list = vec![Change::Audit(AuditChange::Trim { before })];
    store.commit(Changes { list, ..Changes::new(workspace.clone()) }).await.unwrap();
}

async fn pages(store: &dyn Store, workspace: &WorkspaceId, query: &AuditQuery) -> Vec<Vec<AuditEntry>> {
    let (mut query, mut pages) = (query.clone(), Vec::new());
    loop {
        let page = store.audit(workspace, &query).await.unwrap();
        pages.push(page.entries);
        assert!(pages.len() < 1000, "the pages never end");
        match page.next {
            Some(next) => query.before = Some(next),
            None => return pages,
        }
    }
}

fn of(actor: Option<&str>, subject: Option<&str>, limit: u32) -> AuditQuery {
    AuditQuery { actor: actor.map(Into::into), subject: subject.map(Into::into), before: None, limit }
}

/// Every field, with text of any kind, found by its actor and its subject.
pub async fn audit_entries_come_back_as_written(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    assert_eq!(store.audit(&w, &AuditQuery::default()).await.unwrap(), Default::default());
    let entries: Vec<_> = ODD_TEXTS
        .iter()
        .map(|text| AuditEntry {
            at: i64::MIN,
            actor: (*text).into(),
            action: (*text).into(),
            subject: format!("{text}!"),
            details: (*text).into(),
        })
        .collect();
    append(&*store, w.clone(), entries.clone()).await;
    let newest: Vec<_> = entries.iter().rev().cloned().collect();
    assert_eq!(pages(&*store, &w, &of(None, None, 5)).await.concat(), newest);
    for entry in entries {
        let (actor, subject) = (Some(&*entry.actor), Some(&*entry.subject));
        for query in [of(actor, None, 5), of(None, subject, 5), of(actor, subject, 5)] {
            assert_eq!(pages(&*store, &w, &query).await, [[entry.clone()]]);
        }
        assert_eq!(pages(&*store, &w, &of(subject, actor, 5)).await.concat(), []);
    }
}

/// By time, then the last appended; filters do not shorten pages; equal entries are two; an invalid cursor is an error.
pub async fn audit_pages_are_newest_first(store: Arc<dyn Store>) {
    let w = WorkspaceId::default();
    let entries =
        [entry(5, "a", "x"), entry(9, "b", "x"), entry(5, "a", "y"), entry(5, "b", "x"), entry(5, "b", "x")];
    append(&*store, w.clone(), entries.clone()).await;
    let [first, newest, other, same, again] = entries;
    let all = [newest.clone(), again.clone(), same.clone(), other.clone(), first.clone()];
    for limit in 1..=5 {
        let pages = pages(&*store, &w, &of(None, None, limit)).await;
        assert_eq!(pages.concat(), all);
        assert_eq!(pages.len(), 5_usize.div_ceil(limit as usize));
    }
    let of_b = [newest.clone(), again, same];
    assert_eq!(pages(&*store, &w, &of(Some("b"), None, 2)).await.concat(), of_b);
    assert_eq!(pages(&*store, &w, &of(Some("b"), Some("x"), 2)).await.concat(), of_b);
    assert_eq!(pages(&*store, &w, &of(None, Some("y"), 1)).await, [[other]]);
    assert_eq!(pages(&*store, &w, &of(Some("a"), Some("x"), 1)).await, [[first]]);
    for cursor in ["", "x", "1", "1.x", ".", "\0", "99999999999999999999.1"] {
        let query = AuditQuery { before: Some(cursor.into()), ..Default::default() };
        bad_cursor(store.audit(&w, &query)).await;
    }
    let page = store.audit(&w, &of(None, None, 1)).await.unwrap();
    append(&*store, w.clone(), [entry(10, "c", "z")]).await;
    let query = AuditQuery { before: page.next, ..of(None, None, 9) };
    assert_eq!(pages(&*store, &w, &query).await, [&all[1..]]);
}

/// Only by age, and only in its workspace. An entry of an account's commit belongs to the workspace and outlives the account.
pub async fn audit_entries_expire_only_by_age(store: Arc<dyn Store>) {
    let a = account("one/a");
    let (one, two): (WorkspaceId, WorkspaceId) = ("one".parse().unwrap(), "two".parse().unwrap());
    append(&*store, a.clone(), [entry(1, "a", "x"), entry(2, "a", "x"), entry(3, "a", "x")]).await;
    append(&*store, two.clone(), [entry(1, "a", "x")]).await;
    let session = SessionRecord { ..super::samples::session("one/a", 1) };
    let list = vec![Change::PutSession(session), Change::DeleteSession];
    store.commit(Changes { list, ..Changes::new(a) }).await.unwrap();
    trim(&*store, &one, 2).await;
    let left = pages(&*store, &one, &AuditQuery::default()).await.concat();
    assert_eq!(left, [entry(3, "a", "x"), entry(2, "a", "x")]);
    assert_eq!(pages(&*store, &two, &AuditQuery::default()).await, [[entry(1, "a", "x")]]);
    // In the order given.
    let trim = Change::Audit(AuditChange::Trim { before: 100 });
    let put = |at| Change::Audit(AuditChange::Append(entry(at, "system", "audit")));
    store.commit(Changes { list: vec![put(98), trim, put(99)], ..Changes::new(one.clone()) }).await.unwrap();
    assert_eq!(pages(&*store, &one, &AuditQuery::default()).await, [[entry(99, "system", "audit")]]);
}
