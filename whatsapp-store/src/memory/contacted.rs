use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{ContactedChange, ContactedStore, Result, Scope, WorkspaceId};

/// Notes: by time, sender and person, and by person, time and sender.
#[derive(Default)]
pub(super) struct ContactedPeople {
    by_time: BTreeSet<(i64, String, u64)>,
    by_person: BTreeSet<(u64, i64, String)>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: ContactedChange) {
    let contacted = state.contacted.entry(scope.workspace().clone()).or_default();
    match change {
        ContactedChange::Note { sender, people } => {
            for (person, at) in people {
                contacted.by_time.insert((at, sender.clone(), person));
                contacted.by_person.insert((person, at, sender.clone()));
            }
        }
        ContactedChange::Trim { before, limit } => contacted.trim(before, limit),
    }
}

impl ContactedPeople {
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

    fn contacted_by(&self, sender: &str, since: i64) -> Vec<(u64, i64)> {
        let notes = self.by_time.range((since, String::new(), 0)..).filter(|(_, by, _)| by == sender);
        // The later time comes later, and stays.
        notes.map(|(at, _, person)| (*person, *at)).collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    fn times_contacted(&self, people: &[u64], since: i64) -> Vec<(u64, i64)> {
        let people: BTreeSet<_> = people.iter().copied().collect();
        let times = people.into_iter().flat_map(|person| {
            let notes = self.by_person.range((person, since, String::new())..);
            notes.take_while(move |(of, _, _)| *of == person).map(|(person, at, _)| (*person, *at))
        });
        times.collect()
    }
}

#[async_trait]
impl ContactedStore for MemoryStore {
    async fn contacted_by(
        &self,
        workspace: &WorkspaceId,
        sender: &str,
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        Ok(state
            .contacted
            .get(workspace)
            .map(|contacted| contacted.contacted_by(sender, since))
            .unwrap_or_default())
    }

    async fn times_contacted(
        &self,
        workspace: &WorkspaceId,
        people: &[u64],
        since: i64,
    ) -> Result<Vec<(u64, i64)>> {
        let state = self.state.read();
        Ok(state
            .contacted
            .get(workspace)
            .map(|contacted| contacted.times_contacted(people, since))
            .unwrap_or_default())
    }

    async fn outdated_contacted(&self, before: i64) -> Result<Vec<WorkspaceId>> {
        let state = self.state.read();
        let outdated =
            |contacted: &ContactedPeople| contacted.by_time.first().is_some_and(|(at, _, _)| *at < before);
        let found = state.contacted.iter().filter(|(_, contacted)| outdated(contacted));
        Ok(found.map(|(workspace, _)| workspace.clone()).collect())
    }
}
