//! Every backend does what the conformance list asks for: one line each.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use std::sync::Arc;

use tempfile::TempDir;
use whatsapp_store::{Store, conformance_tests, memory::MemoryStore, sqlite::SqliteStore};

async fn memory_store() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn sqlite_store() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("bot.db")).await.unwrap();
    (Arc::new(store), folder)
}

conformance_tests!(memory, memory_store);
conformance_tests!(sqlite, sqlite_store);
