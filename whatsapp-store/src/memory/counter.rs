use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{CounterChange, CounterPoint, CounterRange, CounterStore, Result, Scope, Step, WorkspaceId};

/// What buckets hold: by name, step, start and account.
#[derive(Default)]
pub(super) struct Counters {
    buckets: BTreeMap<(String, Step, i64, Option<String>), i64>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: CounterChange) {
    state.counters.entry(scope.workspace().clone()).or_default().apply(change);
}

impl Counters {
    fn apply(&mut self, change: CounterChange) {
        match change {
            CounterChange::Add { name, account, at, by } => {
                for step in Step::ALL {
                    let bucket = (name.clone(), step, step.start_of(at), account.clone());
                    let value = self.buckets.entry(bucket).or_default();
                    *value = value.saturating_add(by);
                }
            }
            CounterChange::Trim { step, before } => {
                self.buckets.retain(|(_, of, start, _), _| *of != step || *start >= before);
            }
        }
    }

    fn series(&self, name: &str, range: &CounterRange) -> Vec<CounterPoint> {
        let mut points = BTreeMap::new();
        let first = (name.to_owned(), range.step, range.from, None);
        let buckets = self.buckets.range(first..).take_while(|((of, step, start, _), _)| {
            of == name && *step == range.step && *start < range.until
        });
        for ((_, _, start, account), value) in buckets {
            if range.account.is_none() || range.account == *account {
                *points.entry(*start).or_default() += value;
            }
        }
        points.into_iter().map(|(at, value)| CounterPoint { at, value }).collect()
    }
}

#[async_trait]
impl CounterStore for MemoryStore {
    async fn series(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        range: &CounterRange,
    ) -> Result<Vec<CounterPoint>> {
        let state = self.state.read();
        Ok(state.counters.get(workspace).map(|counters| counters.series(name, range)).unwrap_or_default())
    }

    async fn totals(
        &self,
        workspace: &WorkspaceId,
        names: &[String],
        range: &CounterRange,
    ) -> Result<Vec<i64>> {
        let state = self.state.read();
        let total = |name: &String| {
            let points = state.counters.get(workspace).map(|counters| counters.series(name, range));
            points.unwrap_or_default().iter().map(|point| point.value).sum()
        };
        Ok(names.iter().map(total).collect())
    }
}
