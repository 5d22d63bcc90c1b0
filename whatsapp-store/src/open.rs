//! A backend by its URL.
use std::sync::Arc;

use crate::{Error, ErrorKind, Result, Store};

/// Opens the backend that a URL names, if this build has it:
///
/// - `memory:` keeps everything until the store is dropped.
/// - `sqlite:path` or `sqlite://path` keeps it in a file: `sqlite://bot.db` in the working directory,
///   `sqlite:///var/lib/bot.db` anywhere. The path is taken as it stands, without escapes and options.
/// - `postgres://user:password@host/database` keeps it on a server; the options are those of
///   `postgres::PostgresStore::open`.
///
/// # Errors
/// [`ErrorKind::UnknownBackend`] when the URL names no backend of this build, with a list of those that it has; otherwise as
/// the backend's own `open`.
#[cfg_attr(not(any(feature = "sqlite", feature = "postgres")), allow(clippy::unused_async))]
pub async fn open(url: &str) -> Result<Arc<dyn Store>> {
    match parts(url) {
        #[cfg(feature = "memory")]
        ("memory", "") => Ok(Arc::new(crate::memory::MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        ("sqlite", path) if is_path(path) => Ok(Arc::new(crate::sqlite::SqliteStore::open(path).await?)),
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", _) => Ok(Arc::new(crate::postgres::PostgresStore::open(url).await?)),
        _ => Err(unknown()),
    }
}

/// As [`open`], with keys that secrets are sealed with at rest. A store in memory has no use for them.
///
/// # Errors
/// As [`open`], and [`ErrorKind::WrongKey`] when the keys are not those that the database was written with.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub async fn open_sealed(url: &str, keyring: crate::Keyring) -> Result<Arc<dyn Store>> {
    match parts(url) {
        #[cfg(feature = "sqlite")]
        ("sqlite", path) if is_path(path) => {
            Ok(Arc::new(crate::sqlite::SqliteStore::open_sealed(path, keyring).await?))
        }
        #[cfg(feature = "postgres")]
        ("postgres" | "postgresql", _) => {
            Ok(Arc::new(crate::postgres::PostgresStore::open_sealed(url, keyring).await?))
        }
        _ => open(url).await,
    }
}

/// The scheme, and what follows its colon and slashes.
fn parts(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    (scheme, rest.strip_prefix("//").unwrap_or(rest))
}

#[cfg(feature = "sqlite")]
fn is_path(path: &str) -> bool {
    !matches!(path, "" | ":memory:") && !path.contains('?')
}

fn unknown() -> Error {
    let known: Vec<&str> = vec![
        #[cfg(feature = "memory")]
        "memory:",
        #[cfg(feature = "sqlite")]
        "sqlite://path (without options)",
        #[cfg(feature = "postgres")]
        "postgres://user@host/database",
    ];
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::new(ErrorKind::UnknownBackend, "opening the store").because(format!("this build has: {known}"))
}
