//! Runs the conformance list against the example of a custom backend.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#[path = "../examples/own_backend.rs"]
mod example;

use std::sync::Arc;

use whatsapp_store::{Store, conformance_tests, memory::MemoryStore};

async fn cached_store() -> (Arc<dyn Store>, ()) {
    (Arc::new(example::Cached::new(Arc::new(MemoryStore::new()))), ())
}

conformance_tests!(own_backend, cached_store);
