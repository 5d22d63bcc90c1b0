use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{MemoryStore, State};
use crate::{Result, Scope, SettingChange, SettingStore, WorkspaceId};

/// Values by name.
pub(super) type Settings = HashMap<String, Bytes>;

pub(super) fn apply(state: &mut State, scope: &Scope, change: SettingChange) {
    let settings = state.settings.entry(scope.workspace().clone()).or_default();
    match change {
        SettingChange::Put { name, value } => drop(settings.insert(name, value)),
        SettingChange::Seed { name, value } => drop(settings.entry(name).or_insert(value)),
        SettingChange::Delete { name } => drop(settings.remove(&name)),
    }
}

#[async_trait]
impl SettingStore for MemoryStore {
    async fn setting(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Bytes>> {
        let state = self.state.read();
        Ok(state.settings.get(workspace).and_then(|settings| settings.get(name).cloned()))
    }
}
