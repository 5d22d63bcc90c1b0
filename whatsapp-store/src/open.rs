//! A backend by its URL.
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, Store};

/// Opens the backend that a URL names, whichever of these this build has:
///
/// - `memory:` keeps everything until the store is dropped.
/// - `sqlite:path` or `sqlite://path` keeps it in a file: `sqlite://bot.db` beside where the program runs,
///   `sqlite:///var/lib/bot.db` anywhere. The path is taken as it stands, without escapes and options.
///
/// # Errors
/// [`ErrorKind::UnknownBackend`] when the URL names none, with a list of what this build has; otherwise as the backend's
/// own `open`.
#[cfg_attr(not(feature = "sqlite"), allow(clippy::unused_async))]
pub async fn open(url: &str) -> Result<Arc<dyn Store>> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    let place = rest.strip_prefix("//").unwrap_or(rest);
    match (scheme, place) {
        #[cfg(feature = "memory")]
        ("memory", "") => Ok(Arc::new(crate::memory::MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        ("sqlite", path) if !matches!(path, "" | ":memory:") && !path.contains('?') => {
            Ok(Arc::new(crate::sqlite::SqliteStore::open(path).await?))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Error {
    let known: Vec<&str> = vec![
        #[cfg(feature = "memory")]
        "memory:",
        #[cfg(feature = "sqlite")]
        "sqlite://path (without options)",
    ];
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::new(ErrorKind::UnknownBackend, "opening the store").because(format!("this build has: {known}"))
}
