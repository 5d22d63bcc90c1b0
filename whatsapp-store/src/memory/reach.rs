use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{ReachChange, ReachStore, Result, Scope, WorkspaceId};

/// Notes: by time, sender and person, and by person, time and sender.
#[derive(Default)]
pub(super) struct Reach {
    by_time: BTreeSet<(i64, String, u64)>,
    by_person: BTreeSet<(u64, i64, String)>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: ReachChange) {
    let reach = state.reach.entry(scope.workspace().clone()).or_default();
    match change {
        ReachChange::Note { sender, people } => {
            for (person, at) in people {
                reach.by_time.insert((at, sender.clone(), person));
                reach.by_person.insert((person, at, sender.clone()));
            }
        }
        ReachChange::Trim { before, limit } => reach.trim(before, limit),
    }
}

impl Reach {
    fn trim(&mut self, before: i64, limit: u32) {
        for _ in 0..limit {
            let Some((at, sender, person)) = self.by_time.pop_first() else { return };
            if at >= before {
                self.by_time.insert((at, sender, person));
                return;
            }
            self.by_person.remove(&(person, at, sender));
        }
    }

    fn reached_by(&self, sender: &str, since: i64) -> Vec<(u64, i64)> {
        let notes = self.by_time.range((since, String::new(), 0)..).filter(|(_, by, _)| by == sender);
        // The later time comes later, and stays.
        notes.map(|(at, _, person)| (*person, *at)).collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    fn times_reached(&self, people: &[u64], since: i64) -> Vec<(u64, i64)> {
        let people: BTreeSet<_> = people.iter().copied().collect();
        let times = people.into_iter().flat_map(|person| {
            let notes = self.by_person.range((person, since, String::new())..);
            notes.take_while(move |(of, _, _)| *of == person).map(|(person, at, _)| (*person, *at))
        });
        times.collect()
    }
}

#[async_trait]
impl ReachStore for MemoryStore {
    async fn reached_by(&self, workspace: &WorkspaceId, sender: &str, since: i64) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        Ok(state.reach.get(workspace).map(|reach| reach.reached_by(sender, since)).unwrap_or_default())
    }

    async fn times_reached(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        Ok(state.reach.get(workspace).map(|reach| reach.times_reached(people, since)).unwrap_or_default())
    }

    async fn outdated_reach(&self, before: i64) -> Result<Vec<WorkspaceId>> {
        let state = self.state.read();
        let outdated = |reach: &Reach| reach.by_time.first().is_some_and(|(at, _, _)| *at < before);
        let found = state.reach.iter().filter(|(_, reach)| outdated(reach));
        Ok(found.map(|(workspace, _)| workspace.clone()).collect())
    }
}
