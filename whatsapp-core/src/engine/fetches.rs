//! Requests to the server that serve many messages at once: device lists, prekey bundles.
//!
//! A failed fetch is retried after a pause that doubles each time. When the server reports too many requests, the whole
//! kind pauses, and continues in smaller requests.
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use rand::Rng;

use super::backoff;
use crate::{jid::Jid, stanza::iq::RATE_OVERLIMIT, time::Timestamp};

/// The pause after the first failure; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// Addresses in one request, at the most and after many refusals.
const MOST_PER_REQUEST: usize = 256;
const LEAST_PER_REQUEST: usize = 16;
/// The largest number of pauses that are remembered.
const MOST_PAUSED: usize = 10_000;

/// How often in a row something failed, and until when it pauses.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: Timestamp,
}

impl Pause {
    /// `jitter` as [`backoff::jitter`] returns it.
    fn fail(&mut self, now: Timestamp, jitter: f64) {
        let pause = backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, self.failures);
        self.failures = self.failures.saturating_add(1);
        self.until = now + pause.mul_f64(1.0 + jitter);
    }
}

/// Addresses wanted, under way, or pausing after a failure.
#[derive(Debug)]
pub(super) struct Fetches {
    wanted: BTreeSet<Jid>,
    under_way: BTreeSet<Jid>,
    paused: HashMap<Jid, Pause>,
    /// A pause of the whole kind.
    kind: Pause,
    per_request: usize,
}

impl Default for Fetches {
    fn default() -> Self {
        Self {
            wanted: BTreeSet::new(),
            under_way: BTreeSet::new(),
            paused: HashMap::new(),
            kind: Pause::default(),
            per_request: MOST_PER_REQUEST,
        }
    }
}

impl Fetches {
    /// Notes that an address is wanted.
    pub(super) fn want(&mut self, now: Timestamp, jid: Jid) {
        let paused = self.paused.get(&jid).is_some_and(|pause| now < pause.until);
        if !self.under_way.contains(&jid) && !paused {
            self.wanted.insert(jid);
        }
    }

    /// The addresses of the next request; they are under way from here on.
    pub(super) fn take(&mut self, now: Timestamp) -> Vec<Jid> {
        if now < self.kind.until {
            return Vec::new();
        }
        let batch: Vec<_> = self.wanted.iter().take(self.per_request).cloned().collect();
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
            self.paused.remove(jid);
        }
        self.answered(&[]);
    }

    /// A request for these was answered, whatever the answer says about each.
    pub(super) fn answered(&mut self, jids: &[Jid]) {
        for jid in jids {
            self.under_way.remove(jid);
        }
        (self.kind, self.per_request) = (Pause::default(), (self.per_request * 2).min(MOST_PER_REQUEST));
    }

    /// This one was not answered. Returns how often that happened in a row.
    pub(super) fn failed(&mut self, jid: &Jid, now: Timestamp, rng: &mut impl Rng) -> u32 {
        self.fail(jid, now, backoff::jitter(rng))
    }

    fn fail(&mut self, jid: &Jid, now: Timestamp, jitter: f64) -> u32 {
        self.under_way.remove(jid);
        if self.paused.len() >= MOST_PAUSED {
            self.paused.retain(|_, pause| now < pause.until);
        }
        let pause = self.paused.entry(jid.clone()).or_default();
        pause.fail(now, jitter);
        pause.failures
    }

    /// The request for these failed as a whole, with that code or without an answer.
    pub(super) fn refused(&mut self, jids: &[Jid], code: Option<u32>, now: Timestamp, rng: &mut impl Rng) {
        if code == Some(RATE_OVERLIMIT) {
            // None of these addresses caused it.
            self.kind.fail(now, backoff::jitter(rng));
            self.per_request = (self.per_request / 2).max(LEAST_PER_REQUEST);
            for jid in jids {
                self.under_way.remove(jid);
                self.wanted.insert(jid.clone());
            }
        } else {
            // They are retried together: only the primary's key, in the same answer, may prove a companion's.
            let jitter = backoff::jitter(rng);
            for jid in jids {
                self.fail(jid, now, jitter);
            }
        }
    }

    /// The connection is gone: nothing is under way any more. Pauses remain.
    pub(super) fn disconnected(&mut self) {
        self.wanted.clear();
        self.under_way.clear();
    }

    /// When the next pause ends.
    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let kind = Some(self.kind.until).filter(|_| !self.wanted.is_empty());
        let paused = self.paused.values().map(|pause| pause.until);
        paused.chain(kind).filter(|until| now < *until).min()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn secs(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn asks_once_and_pauses_longer_after_each_failure() {
        let mut rng = StdRng::seed_from_u64(1);
        let (a, b) = (Jid::pn("1"), Jid::pn("2"));
        let mut fetches = Fetches::default();
        for jid in [&a, &a, &b] {
            fetches.want(secs(0), jid.clone());
        }
        assert_eq!(fetches.take(secs(0)), [a.clone(), b.clone()]);
        fetches.want(secs(0), a.clone());
        assert!(fetches.take(secs(0)).is_empty(), "under way");
        fetches.done([&b]);
        let mut now = secs(0);
        for (failures, pause) in [(1, 5), (2, 10), (3, 20), (4, 40)] {
            assert_eq!(fetches.failed(&a, now, &mut rng), failures);
            fetches.want(now + Duration::from_secs(pause - 1), a.clone());
            assert!(fetches.take(now + Duration::from_secs(pause - 1)).is_empty(), "paused for {pause} s");
            let until = fetches.next_timeout(now).unwrap();
            assert!(until <= now + Duration::from_millis(pause * 1250));
            now = until;
            fetches.want(now, a.clone());
            assert_eq!(fetches.take(now), std::slice::from_ref(&a));
        }
        fetches.done([&a]);
        assert_eq!(fetches.failed(&a, now, &mut rng), 1, "an answer ends the count");
    }

    #[test]
    fn too_many_requests_pause_the_whole_kind_and_shrink_it() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut fetches = Fetches::default();
        let people: Vec<_> = (0..1000).map(|n| Jid::pn(n.to_string())).collect();
        people.iter().for_each(|jid| fetches.want(secs(0), jid.clone()));
        let (mut now, mut sizes) = (secs(0), Vec::new());
        for _ in 0..6 {
            let batch = fetches.take(now);
            sizes.push(batch.len());
            fetches.refused(&batch, Some(429), now, &mut rng);
            assert!(fetches.take(now).is_empty(), "all of them wait");
            now = fetches.next_timeout(now).unwrap();
        }
        assert_eq!(sizes, [256, 128, 64, 32, 16, 16]);
        assert!(now >= secs(5 + 10 + 20 + 40 + 80 + 160));
        let batch = fetches.take(now);
        fetches.done(&batch);
        assert_eq!(fetches.take(now).len(), 32, "an answer lets it grow again");
    }
}
