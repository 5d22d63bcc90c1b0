use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{MemoryStore, State};
use crate::{Change, Result, Scope, SettingChange, SettingStore, WorkspaceId, revision};

/// Values by name.
pub(super) type Settings = HashMap<String, Bytes>;

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(state: &State, scope: &Scope, list: &[Change]) -> Result<()> {
    let stored = |name: &str| state.settings.get(scope.workspace()).and_then(|settings| settings.get(name));
    let mut ahead: HashMap<&str, Option<&Bytes>> = HashMap::new();
    for change in list {
        let Change::Setting(change) = change else { continue };
        match change {
            SettingChange::Expect { name, value } => {
                let now = ahead.get(name.as_str()).copied().unwrap_or_else(|| stored(name));
                revision::check(now, value.as_ref(), "changing a setting")?;
            }
            SettingChange::Put { name, value } => drop(ahead.insert(name, Some(value))),
            SettingChange::Seed { name, value } => {
                let now = ahead.get(name.as_str()).copied().unwrap_or_else(|| stored(name));
                ahead.insert(name, now.or(Some(value)));
            }
            SettingChange::Delete { name } => drop(ahead.insert(name, None)),
        }
    }
    Ok(())
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: SettingChange) {
    let settings = state.settings.entry(scope.workspace().clone()).or_default();
    match change {
        SettingChange::Expect { .. } => {}
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
