use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{ReachChange, ReachStore, Result, Scope, WorkspaceId};

/// Person, time and sender.
pub(super) type Reached = BTreeSet<(u64, i64, String)>;

pub(super) fn apply(state: &mut State, scope: &Scope, change: ReachChange) {
    let reached = state.reached.entry(scope.workspace().clone()).or_default();
    match change {
        ReachChange::Note { sender, people } => {
            reached.extend(people.into_iter().map(|(person, at)| (person, at, sender.clone())));
        }
        ReachChange::Trim { before, limit } => {
            let old: Vec<_> =
                reached.iter().filter(|(_, at, _)| *at < before).take(limit as usize).cloned().collect();
            for old in old {
                reached.remove(&old);
            }
        }
    }
}

#[async_trait]
impl ReachStore for MemoryStore {
    async fn reached_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        let all = state.reached.get(workspace).into_iter().flatten();
        let theirs = all.filter(|(_, at, by)| by == sender && *at >= since);
        // By time within each person: the last one stays.
        let last: BTreeMap<_, _> = theirs.map(|(person, at, _)| (*person, *at)).collect();
        Ok(last.into_iter().collect())
    }

    async fn times_reached(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        let people: BTreeSet<_> = people.iter().collect();
        let all = state.reached.get(workspace).into_iter().flatten();
        let theirs = all.filter(|(person, at, _)| people.contains(person) && *at >= since);
        Ok(theirs.map(|(person, at, _)| (*person, *at)).collect())
    }
}
