use std::{
    collections::{BTreeMap, HashMap},
    future::poll_fn,
    task::{Poll, Waker},
};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{Error, ErrorKind, EventChange, EventRecord, EventStore, Result, Scope, WorkspaceId};

/// The outbox. An event's position is its number, from 1.
#[derive(Default)]
pub(super) struct Events {
    list: BTreeMap<u64, EventRecord>,
    last_number: u64,
    consumers: HashMap<String, u64>,
    waiting: Vec<Waker>,
}

pub(super) fn check(change: &EventChange) -> Result<()> {
    match change {
        EventChange::Passed { position, .. } => parse(position).map(drop),
        _ => Ok(()),
    }
}

fn parse(position: &str) -> Result<u64> {
    position.parse().map_err(|_| {
        Error::new(ErrorKind::Invalid, "reading events").because("the position is none of this store's")
    })
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: EventChange) {
    state.events.apply(scope, change);
}

impl Events {
    fn apply(&mut self, scope: &Scope, change: EventChange) {
        match change {
            EventChange::Put(event) => {
                self.last_number += 1;
                let record = EventRecord {
                    position: self.last_number.to_string(),
                    workspace: scope.workspace().clone(),
                    account: scope.account().cloned(),
                    key: event.key,
                    data: event.data,
                    at: event.at,
                };
                self.list.insert(self.last_number, record);
                self.waiting.drain(..).for_each(Waker::wake);
            }
            EventChange::Passed { consumer, position } => {
                self.consumers.insert(consumer, parse(&position).unwrap_or_default());
            }
            EventChange::Forget { consumer } => drop(self.consumers.remove(&consumer)),
            EventChange::Trim { before } => {
                let passed = self.consumers.values().min().copied().unwrap_or(u64::MAX);
                self.list.retain(|number, event| event.at >= before || *number > passed);
            }
        }
    }

    pub(super) fn delete_workspace(&mut self, workspace: &WorkspaceId) {
        self.list.retain(|_, event| event.workspace != *workspace);
    }

    fn after(&self, position: Option<&str>) -> Result<impl Iterator<Item = &EventRecord>> {
        let after = position.map_or(Ok(0), parse)?;
        Ok(self.list.range(after.saturating_add(1)..).map(|(_, event)| event))
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn all_events(&self, after: Option<&str>, limit: u32) -> Result<Vec<EventRecord>> {
        Ok(self.state.read().events.after(after)?.take(limit as usize).cloned().collect())
    }

    async fn events(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EventRecord>> {
        let state = self.state.read();
        let events = state.events.after(after)?.filter(|event| event.workspace == *workspace);
        Ok(events.take(limit as usize).cloned().collect())
    }

    async fn last_event(&self) -> Result<Option<String>> {
        Ok(self.state.read().events.list.keys().next_back().map(ToString::to_string))
    }

    async fn is_ahead(&self, position: &str) -> Result<bool> {
        let position = parse(position)?;
        let events = &self.state.read().events;
        let known = events.list.keys().next_back().into_iter().chain(events.consumers.values()).max();
        Ok(known.is_none_or(|known| *known < position))
    }

    async fn passed(&self, consumer: &str) -> Result<Option<String>> {
        Ok(self.state.read().events.consumers.get(consumer).map(ToString::to_string))
    }

    async fn consumers(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let consumers = &self.state.read().events.consumers;
        let found = consumers.iter().filter(|(name, _)| name.starts_with(prefix));
        let mut found: Vec<_> = found.map(|(name, number)| (name.clone(), number.to_string())).collect();
        found.sort();
        Ok(found)
    }

    async fn new_events(&self, after: Option<&str>) -> Result<()> {
        poll_fn(|context| {
            let events = &mut self.state.write().events;
            match events.after(after).map(|mut events| events.next().is_some()) {
                Ok(false) => {
                    // A future that is polled again while nothing happens waits once.
                    if !events.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        events.waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
                Ok(true) => Poll::Ready(Ok(())),
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }
}
