//! What is being asked of the service for many messages at once: device lists, prekey bundles.
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{jid::Jid, time::Timestamp};

/// A failed fetch is tried again after so long.
const PAUSE: Duration = Duration::from_secs(5);

/// Addresses wanted, under way, or waiting after a failure.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    wanted: BTreeSet<Jid>,
    under_way: BTreeSet<Jid>,
    paused: HashMap<Jid, Timestamp>,
}

impl Fetches {
    /// Somebody needs it.
    pub(super) fn want(&mut self, jid: Jid) {
        if !self.under_way.contains(&jid) && !self.paused.contains_key(&jid) {
            self.wanted.insert(jid);
        }
    }

    /// What to ask for now; it is under way from here on.
    pub(super) fn take(&mut self, most: usize) -> Vec<Jid> {
        let batch: Vec<_> = self.wanted.iter().take(most).cloned().collect();
        for jid in &batch {
            self.wanted.remove(jid);
            self.under_way.insert(jid.clone());
        }
        batch
    }

    /// An answer came for these.
    pub(super) fn done<'a>(&mut self, jids: impl IntoIterator<Item = &'a Jid>) {
        for jid in jids {
            self.under_way.remove(jid);
        }
    }

    /// No answer, or an error.
    pub(super) fn failed(&mut self, jids: &[Jid], now: Timestamp) {
        self.done(jids);
        self.paused.extend(jids.iter().map(|jid| (jid.clone(), now + PAUSE)));
    }

    /// Pauses that are over. `true` when any is.
    pub(super) fn resume(&mut self, now: Timestamp) -> bool {
        self.paused.extract_if(|_, until| *until <= now).count() > 0
    }

    /// The connection is gone: nothing is under way any more.
    pub(super) fn disconnected(&mut self) {
        *self = Self::default();
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.paused.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_once_and_pauses_after_failure() {
        let now = Timestamp::from_secs(9);
        let (a, b) = (Jid::pn("1"), Jid::pn("2"));
        let mut fetches = Fetches::default();
        fetches.want(a.clone());
        fetches.want(a.clone());
        fetches.want(b.clone());
        assert_eq!(fetches.take(10), [a.clone(), b.clone()]);
        fetches.want(a.clone());
        assert!(fetches.take(10).is_empty(), "under way");
        fetches.done([&b]);
        fetches.failed(std::slice::from_ref(&a), now);
        fetches.want(a.clone());
        assert!(fetches.take(10).is_empty(), "paused");
        assert!(!fetches.resume(now));
        assert!(fetches.resume(fetches.next_timeout().unwrap()));
        fetches.want(a.clone());
        assert_eq!(fetches.take(10), [a]);
    }
}
