//! The store, and what is known of its health: a disk that is full or damaged is told, and not only found by who looks into the log.
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use whatsapp_store::{Changes, Error, ErrorKind, Result, Store, delegate_store};

use crate::error::ApiError;

/// What is wrong with the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ailment {
    /// The kind of the last failure.
    pub kind: ErrorKind,
    /// It, in words.
    pub reason: String,
}

impl From<Ailment> for ApiError {
    fn from(ailment: Ailment) -> Self {
        match ailment.kind {
            ErrorKind::Full => Self::no_room(ailment.reason),
            _ => Self::unavailable(ailment.reason),
        }
    }
}

/// What a store was last found to suffer from. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct StoreHealth(Arc<Mutex<Option<Ailment>>>);

impl StoreHealth {
    /// What is wrong, if anything is.
    pub fn ailment(&self) -> Option<Ailment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, error: &Error) {
        let kind = error.kind();
        if matches!(kind, ErrorKind::Full | ErrorKind::Corrupt | ErrorKind::Unreachable | ErrorKind::Other) {
            let mut ailment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Damage does not heal: only a restart with a sound file ends it.
            if ailment.as_ref().is_none_or(|known| known.kind != ErrorKind::Corrupt) {
                *ailment = Some(Ailment { kind, reason: error.to_string() });
            }
        }
    }

    fn wrote(&self) {
        let mut ailment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ailment.as_ref().is_some_and(|known| known.kind != ErrorKind::Corrupt) {
            *ailment = None;
        }
    }
}

/// A store that notes its failures.
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    health: StoreHealth,
}

impl fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl WatchedStore {
    /// Watches a store.
    pub const fn new(inner: Arc<dyn Store>, health: StoreHealth) -> Self {
        Self { inner, health }
    }

    fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.inspect_err(|error| self.health.note(error))
    }
}

delegate_store!(WatchedStore => inner, through note);

#[async_trait]
impl Store for WatchedStore {
    async fn commit(&self, changes: Changes) -> Result<()> {
        // A commit of nothing shows nothing.
        let writes = !changes.list.is_empty();
        let outcome = self.note(self.inner.commit(changes).await);
        if writes && outcome.is_ok() {
            self.health.wrote();
        }
        outcome
    }

    async fn reseal(&self, limit: u32) -> Result<u64> {
        self.note(self.inner.reseal(limit).await)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{AccountId, SessionStore, WorkspaceId, memory::MemoryStore};

    use super::*;

    #[tokio::test]
    async fn failures_are_noted_until_a_write_succeeds() {
        let health = StoreHealth::default();
        let store = WatchedStore::new(Arc::new(MemoryStore::new()), health.clone());
        let error = |kind| Error::new(kind, "writing");
        assert!(store.note::<()>(Err(error(ErrorKind::Conflict))).is_err());
        assert_eq!(health.ailment(), None, "nothing of the store's");
        assert!(store.note::<()>(Err(error(ErrorKind::Full))).is_err());
        assert_eq!(health.ailment().unwrap().kind, ErrorKind::Full);
        store.all_sessions().await.unwrap();
        assert!(health.ailment().is_some(), "reading says nothing of room");
        let account = AccountId::new(WorkspaceId::default(), "a").unwrap();
        store.commit(Changes::new(account.clone())).await.unwrap();
        assert!(health.ailment().is_some(), "nor does a commit of nothing");
        let mut changes = Changes::new(account.clone());
        changes.push(whatsapp_store::Change::DeleteDevice);
        store.commit(changes.clone()).await.unwrap();
        assert_eq!(health.ailment(), None);
        assert!(store.note::<()>(Err(error(ErrorKind::Corrupt))).is_err());
        store.commit(changes).await.unwrap();
        assert_eq!(health.ailment().unwrap().kind, ErrorKind::Corrupt);
    }
}
