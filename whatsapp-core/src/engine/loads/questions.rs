//! The questions for the store: each record once, and in batches.
use std::collections::{BTreeSet, VecDeque};

use whatsapp_store::{MessageKey, PersonAddress, SignalKey};

use crate::engine::Query;

/// Records in one question.
const BATCH: usize = 256;

/// Questions that were not asked yet.
#[derive(Debug, Default)]
pub(super) struct Questions {
    people: BTreeSet<PersonAddress>,
    signal: BTreeSet<SignalKey>,
    single: VecDeque<Query>,
}

impl Questions {
    pub(super) fn person(&mut self, address: PersonAddress) {
        self.people.insert(address);
    }

    pub(super) fn signal(&mut self, key: SignalKey) {
        self.signal.insert(key);
    }

    pub(super) fn message(&mut self, key: MessageKey) {
        self.once(Query::Message(key));
    }

    pub(super) fn record(&mut self, key: MessageKey) {
        self.once(Query::Record(key));
    }

    pub(super) fn outgoing(&mut self, id: &str) {
        self.once(Query::Outgoing(id.to_owned()));
    }

    pub(super) fn queue(&mut self, limit: u32) {
        self.once(Query::Queued(limit));
    }

    fn once(&mut self, query: Query) {
        if !self.single.contains(&query) {
            self.single.push_back(query);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.signal.is_empty() && self.single.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<Query> {
        let people = batch(&mut self.people);
        if !people.is_empty() {
            return Some(Query::People(people));
        }
        let keys = batch(&mut self.signal);
        if !keys.is_empty() {
            return Some(Query::Signal(keys));
        }
        self.single.pop_front()
    }
}

fn batch<T: Ord>(set: &mut BTreeSet<T>) -> Vec<T> {
    std::iter::from_fn(|| set.pop_first()).take(BATCH).collect()
}
