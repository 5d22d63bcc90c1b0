use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{MemoryStore, State};
use crate::{AccountId, AppStateChange, AppStateStore, AppStateVersion, Result, Scope};

/// Settings that the server keeps for all devices.
#[derive(Default)]
pub(super) struct AppState {
    versions: HashMap<String, AppStateVersion>,
    keys: HashMap<Bytes, Bytes>,
    macs: HashMap<String, HashMap<Bytes, Bytes>>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: AppStateChange) {
    if let Some(account) = state.account_of(scope) {
        account.app_state.apply(change);
    }
}

impl AppState {
    fn apply(&mut self, change: AppStateChange) {
        match change {
            AppStateChange::PutVersion(version) => {
                self.versions.insert(version.collection.clone(), version);
            }
            AppStateChange::PutKey { id, key } => drop(self.keys.insert(id, key)),
            AppStateChange::PutMac { collection, index, value } => {
                self.macs.entry(collection).or_default().insert(index, value);
            }
            AppStateChange::DeleteMac { collection, index } => {
                self.macs.entry(collection).or_default().remove(&index);
            }
            AppStateChange::Reset { collection } => {
                self.versions.remove(&collection);
                self.macs.remove(&collection);
            }
        }
    }
}

#[async_trait]
impl AppStateStore for MemoryStore {
    async fn app_state(&self, account: &AccountId, collection: &str) -> Result<Option<AppStateVersion>> {
        Ok(self.read(account, |account| account.app_state.versions.get(collection).cloned()))
    }

    async fn app_state_key(&self, account: &AccountId, id: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.read(account, |account| account.app_state.keys.get(id).cloned()))
    }

    async fn app_state_macs(
        &self,
        account: &AccountId,
        collection: &str,
        indexes: &[Bytes],
    ) -> Result<Vec<Option<Bytes>>> {
        let macs = self.read(account, |account| account.app_state.macs.get(collection).cloned());
        let macs = macs.unwrap_or_default();
        Ok(indexes.iter().map(|index| macs.get(index).cloned()).collect())
    }
}
