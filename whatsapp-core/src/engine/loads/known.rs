//! Records of one kind, those known to be absent included.
use std::{borrow::Borrow, hash::Hash};

use super::Cache;

/// A cache that follows the rule of the working set: an answer fills a gap and never replaces what is there.
#[derive(Debug)]
pub(super) struct Known<K, V>(Cache<K, Option<V>>);

impl<K: Hash + Eq, V> Known<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// Present, or known to be absent?
    pub(super) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains(key)
    }

    /// The store's record, unless a newer one is known.
    pub(super) fn answer(&mut self, key: K, value: Option<V>) {
        if !self.0.contains(&key) {
            self.0.put(key, value);
        }
    }

    pub(super) fn put(&mut self, key: K, value: Option<V>) {
        self.0.put(key, value);
    }

    /// The record; `None` when it is absent or not known.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).and_then(Option::as_mut)
    }

    /// Takes the record out; its place stays known.
    pub(super) fn take<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).and_then(Option::take)
    }

    /// As [`Known::get`], without counting as use.
    pub(super) fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.peek(key).and_then(Option::as_ref)
    }

    pub(super) fn forget(&mut self, which: impl FnMut(&K) -> bool) {
        self.0.forget(which);
    }

    /// Memory and store agree: records that were not used lately may go.
    pub(super) fn age(&mut self) {
        self.0.age();
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
