//! A backend by its URL.
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, Store};

/// Opens the backend that a URL names: `memory:` (gone when the program ends), or `sqlite:path` / `sqlite://path`.
///
/// # Errors
/// [`ErrorKind::UnknownBackend`] when this build has none of that scheme; otherwise as the backend's own `open`.
pub async fn open(url: &str) -> Result<Arc<dyn Store>> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let path = rest.strip_prefix("//").unwrap_or(rest);
    match (scheme, path) {
        #[cfg(feature = "memory")]
        ("memory", "") => Ok(Arc::new(crate::memory::MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        ("sqlite", path) if !path.is_empty() => Ok(Arc::new(crate::sqlite::SqliteStore::open(path).await?)),
        _ => {
            let message = format!("this build has: {}", backends().join(", "));
            Err(Error::new(ErrorKind::UnknownBackend, "opening the store").because(message))
        }
    }
}

fn backends() -> Vec<&'static str> {
    vec![
        #[cfg(feature = "memory")]
        "memory:",
        #[cfg(feature = "sqlite")]
        "sqlite://path",
    ]
}
