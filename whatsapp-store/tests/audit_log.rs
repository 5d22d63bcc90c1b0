//! The databases themselves refuse to change an entry of the audit log.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use postgres_server::Schema;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use whatsapp_store::{
    AuditChange, AuditEntry, AuditQuery, Changes, Store, WorkspaceId, postgres::PostgresStore,
    sqlite::SqliteStore,
};

const CHANGE: &str = "UPDATE audit SET actor = 'somebody else'";
const REFUSAL: &str = "entries of the audit log never change";

fn entry() -> AuditEntry {
    AuditEntry {
        at: 1,
        actor: "user/7".into(),
        action: "campaign.started".into(),
        subject: "campaign/1".into(),
        details: "{}".into(),
    }
}

async fn append(store: &dyn Store) {
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(AuditChange::Append(entry()));
    store.commit(changes).await.unwrap();
}

async fn assert_unchanged(store: &dyn Store) {
    let page = store.audit(&WorkspaceId::default(), &AuditQuery::default()).await.unwrap();
    assert_eq!(page.entries, [entry()]);
}

#[tokio::test]
async fn sqlite_refuses_to_change_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let store = SqliteStore::open(&path).await.unwrap();
    append(&store).await;
    let mut aside = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let error = sqlx::query(CHANGE).execute(&mut aside).await.unwrap_err();
    assert!(error.to_string().contains(REFUSAL), "{error}");
    aside.close().await.unwrap();
    assert_unchanged(&store).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_refuses_to_change_an_entry() {
    let schema = Schema::new();
    let store = PostgresStore::open(&schema.url()).await.unwrap();
    append(&store).await;
    let mut aside = schema.connect().await;
    let error = sqlx::query(CHANGE).execute(&mut aside).await.unwrap_err();
    assert!(error.to_string().contains(REFUSAL), "{error}");
    aside.close().await.unwrap();
    assert_unchanged(&store).await;
    store.close().await;
}
