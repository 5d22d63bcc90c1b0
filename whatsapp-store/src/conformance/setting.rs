use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::samples::{ODD_TEXTS, bytes, commit, workspace};
use crate::{SettingChange, Store, WorkspaceId};

fn put(name: &str, value: impl Into<Bytes>) -> SettingChange {
    SettingChange::Put { name: name.into(), value: value.into() }
}

fn seed(name: &str, value: impl Into<Bytes>) -> SettingChange {
    SettingChange::Seed { name: name.into(), value: value.into() }
}

fn delete(name: &str) -> SettingChange {
    SettingChange::Delete { name: name.into() }
}

async fn read(store: &dyn Store, workspace: &WorkspaceId, name: &str) -> Option<Bytes> {
    store.setting(workspace, name).await.unwrap()
}

/// Any bytes under any name. A later value replaces an earlier one.
pub async fn setting_comes_back_as_written(store: Arc<dyn Store>) {
    let w = workspace("w");
    assert_eq!(read(&*store, &w, "absent").await, None);
    for (place, name) in ODD_TEXTS.into_iter().enumerate() {
        commit(&*store, &w, [put(name, "old"), put(name, format!("value {place}"))]).await;
    }
    for (place, name) in ODD_TEXTS.into_iter().enumerate() {
        assert_eq!(read(&*store, &w, name).await, Some(format!("value {place}").into()), "{name:?}");
    }
    for value in [Bytes::new(), bytes(), Bytes::from(vec![0; 100_000])] {
        commit(&*store, &w, [put("a", value.clone())]).await;
        assert_eq!(read(&*store, &w, "a").await, Some(value));
    }
    commit(&*store, &w, [delete("a"), delete("absent")]).await;
    assert_eq!(read(&*store, &w, "a").await, None);
    assert!(read(&*store, &w, "A").await.is_some(), "names differ by case");
}

/// Also an empty one, and one of the same commit.
pub async fn seed_never_replaces_a_setting(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, [seed("a", ""), seed("a", "later"), put("b", "put"), seed("b", "later")]).await;
    commit(&*store, &w, [seed("a", "later"), seed("b", "later")]).await;
    assert_eq!(read(&*store, &w, "a").await, Some(Bytes::new()));
    assert_eq!(read(&*store, &w, "b").await, Some("put".into()));
    commit(&*store, &w, [delete("a"), seed("a", "anew"), put("b", "anew")]).await;
    assert_eq!(read(&*store, &w, "a").await, Some("anew".into()));
    assert_eq!(read(&*store, &w, "b").await, Some("anew".into()));
}

/// Each node reads the same after its own commit, and goes on reading it.
pub async fn concurrent_seeds_agree(store: Arc<dyn Store>) {
    let mut nodes = JoinSet::new();
    for node in 0..16 {
        let store = store.clone();
        nodes.spawn(async move {
            let w = workspace("w");
            commit(&*store, &w, [seed("key", format!("drawn by {node}"))]).await;
            read(&*store, &w, "key").await.unwrap()
        });
    }
    let found = nodes.join_all().await;
    assert!(found.iter().all(|value| *value == found[0]), "{found:?}");
    assert_eq!(read(&*store, &workspace("w"), "key").await.as_ref(), Some(&found[0]));
}

/// Their names alone would be the same.
pub async fn settings_of_workspaces_are_separate(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    commit(&*store, &w, [put("a", "of w")]).await;
    commit(&*store, &v, [seed("a", "of v"), delete("b")]).await;
    assert_eq!(read(&*store, &w, "a").await, Some("of w".into()));
    commit(&*store, &w, [delete("a")]).await;
    assert_eq!(read(&*store, &w, "a").await, None);
    assert_eq!(read(&*store, &v, "a").await, Some("of v".into()));
}

/// By the beginning of their names, in order, a page at a time; a name that is longer or has another case is another.
pub async fn settings_are_listed_by_prefix(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    let names = ["a", "a/", "a/1", "a/2", "a/é", "A/3", "a0", "b", "a/%", "a/_"];
    commit(&*store, &w, names.map(|name| put(name, name.to_owned()))).await;
    commit(&*store, &v, [put("a/9", "of v")]).await;
    let page = async |prefix: &str, after: Option<&str>, limit| {
        let found = store.settings(&w, prefix, after, limit).await.unwrap();
        assert!(found.iter().all(|(name, value)| name.as_bytes() == &value[..]));
        found.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(page("a/", None, 100).await, ["a/", "a/%", "a/1", "a/2", "a/_", "a/é"]);
    assert_eq!(page("a/", Some("a/%"), 2).await, ["a/1", "a/2"]);
    assert_eq!(page("a/é", None, 100).await, ["a/é"]);
    assert_eq!(page("", Some("a0"), 100).await, ["b"]);
    assert_eq!(page("c", None, 100).await, Vec::<String>::new());
}
