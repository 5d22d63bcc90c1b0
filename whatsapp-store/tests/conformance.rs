//! Runs the conformance list against every backend: one line each.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use std::sync::Arc;

use postgres_server::{Schema, postgres_url};
use tempfile::TempDir;
use whatsapp_store::{
    Keyring, Store, conformance_tests, memory::MemoryStore, postgres::PostgresStore, sqlite::SqliteStore,
};

async fn memory_store() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn sqlite_store() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("bot.db")).await.unwrap();
    (Arc::new(store), folder)
}

async fn postgres_store() -> (Arc<dyn Store>, Schema) {
    let schema = Schema::new();
    (Arc::new(PostgresStore::open(&schema.url()).await.unwrap()), schema)
}

/// Sealed secrets change nothing else.
async fn sealed_store() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::parse(&"5a".repeat(32)).unwrap();
    let store = SqliteStore::open_sealed(folder.path().join("bot.db"), keyring).await.unwrap();
    (Arc::new(store), folder)
}

conformance_tests!(memory, memory_store);
conformance_tests!(sqlite, sqlite_store);
conformance_tests!(sqlite_sealed, sealed_store);
conformance_tests!(postgres, postgres_store);

#[test]
fn the_server_is_named() {
    assert!(postgres_url().starts_with("postgres"));
}
