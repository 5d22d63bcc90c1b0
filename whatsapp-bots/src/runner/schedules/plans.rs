//! Which bots have schedules: read out of a version once, and kept without the version.
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use whatsapp_store::{Error as StoreError, WorkspaceId};

use super::super::{Shared, catalog::Published};
use crate::Schedule;

/// The schedules of a published bot.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) bot: String,
    /// May it start conversations?
    pub(super) enabled: bool,
    pub(super) schedules: Arc<[Schedule]>,
}

/// The schedules of published versions, by workspace.
#[derive(Default)]
pub(super) struct Plans(HashMap<WorkspaceId, HashMap<Published, Arc<[Schedule]>>>);

impl Plans {
    /// The bots of a workspace that have schedules, as they are published now.
    pub(super) async fn of(
        &mut self,
        shared: &Shared,
        workspace: &WorkspaceId,
    ) -> Result<Vec<Plan>, StoreError> {
        let heads = shared.catalog.heads(&*shared.store, workspace, |_| true).await?;
        let known = self.0.remove(workspace).unwrap_or_default();
        let (mut fresh, mut plans) = (HashMap::new(), Vec::new());
        for head in heads {
            let Some(published) = Published::of(&head) else { continue };
            let schedules = match known.get(&published) {
                Some(known) => known.clone(),
                None => {
                    let compiled = shared.catalog.compiled(&*shared.store, workspace, &published).await?;
                    compiled.iter().flat_map(|compiled| compiled.schedules()).cloned().collect()
                }
            };
            if !schedules.is_empty() {
                let plan = Plan { bot: head.id, enabled: head.enabled, schedules: schedules.clone() };
                plans.push(plan);
            }
            fresh.insert(published, schedules);
        }
        self.0.insert(workspace.clone(), fresh);
        Ok(plans)
    }

    /// Forgets all other workspaces.
    pub(super) fn keep_only(&mut self, workspaces: &BTreeSet<WorkspaceId>) {
        self.0.retain(|workspace, _| workspaces.contains(workspace));
    }
}
