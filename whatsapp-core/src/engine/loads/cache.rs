//! A bounded map that forgets entries that were not used lately.
use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Two generations: when the young one is full it becomes the old one, and the former old one is dropped.
/// Used entries move to the young one. Ageing happens only on [`Cache::age`], so the caller decides when
/// it holds nothing unsaved.
#[derive(Debug)]
pub(in crate::engine) struct Cache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub(in crate::engine) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    pub(in crate::engine) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    pub(in crate::engine) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.young.contains_key(key)
            && let Some((key, value)) = self.old.remove_entry(key)
        {
            self.young.insert(key, value);
        }
        self.young.get_mut(key)
    }

    pub(in crate::engine) fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(in crate::engine) fn put(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(in crate::engine) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(in crate::engine) fn age(&mut self) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Removes entries that the caller no longer trusts.
    pub(in crate::engine) fn forget(&mut self, mut which: impl FnMut(&K) -> bool) {
        self.young.retain(|key, _| !which(key));
        self.old.retain(|key, _| !which(key));
    }

    pub(in crate::engine) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_entries_stay_and_others_are_dropped() {
        let mut cache = Cache::new(2);
        cache.put("a", 1);
        cache.put("b", 2);
        cache.age();
        assert_eq!(cache.get("a"), Some(&mut 1));
        cache.put("c", 3);
        assert!(cache.contains("b"));
        cache.age();
        assert!(cache.contains("a") && cache.contains("c") && !cache.contains("b"));
        cache.put("a", 9);
        assert_eq!(cache.peek("a"), Some(&9));
        assert_eq!(cache.remove("a"), Some(9));
        assert!(!cache.contains("a"));
    }
}
