//! Pending requests: which `iq` id waits for which answer, and until when.
use std::{collections::HashMap, time::Duration};

use compact_str::{CompactString, format_compact};
use rand::{Rng, RngExt};

use crate::time::Timestamp;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// More pending requests than this mean that the server has stopped answering.
const MOST: usize = 1024;

/// Pending requests of kind `R`.
#[derive(Debug)]
pub(super) struct Requests<R> {
    prefix: CompactString,
    counter: u64,
    pending: HashMap<CompactString, (R, Timestamp)>,
}

impl<R> Requests<R> {
    /// Ids start with `prefix`, so that those of different connections differ.
    pub(super) fn new(prefix: CompactString) -> Self {
        Self { prefix, counter: 0, pending: HashMap::new() }
    }

    /// A new id without a pending request.
    pub(super) fn next_id(&mut self) -> CompactString {
        self.counter += 1;
        format_compact!("{}-{}", self.prefix, self.counter)
    }

    /// A new id with a note of its purpose.
    pub(super) fn register(&mut self, now: Timestamp, request: R) -> CompactString {
        let id = self.next_id();
        if self.pending.len() < MOST {
            self.pending.insert(id.clone(), (request, now + DEADLINE));
        }
        id
    }

    /// The purpose of that id; each answer counts once.
    pub(super) fn take(&mut self, id: &str) -> Option<R> {
        self.pending.remove(id).map(|(request, _)| request)
    }

    /// Is there one like this?
    pub(super) fn any(&self, like: impl Fn(&R) -> bool) -> bool {
        self.pending.values().any(|(request, _)| like(request))
    }

    /// Requests that have timed out.
    pub(super) fn expired(&mut self, now: Timestamp) -> Vec<R> {
        self.pending
            .extract_if(|_, (_, deadline)| *deadline <= now)
            .map(|(_, (request, _))| request)
            .collect()
    }

    /// The answer is here but cannot be handled yet.
    pub(super) fn put_back(&mut self, id: &str, request: R, now: Timestamp) {
        self.pending.insert(id.into(), (request, now + DEADLINE));
    }

    /// All pending requests, because the connection is gone.
    pub(super) fn drain(&mut self) -> Vec<R> {
        self.pending.drain().map(|(_, (request, _))| request).collect()
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.pending.values().map(|(_, deadline)| *deadline).min()
    }
}

/// A random start for ids, so that those of different runs differ.
pub(super) fn prefix(rng: &mut impl Rng) -> CompactString {
    format_compact!("{}.{}", rng.random_range(1000..60000), rng.random_range(1000..60000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_count_once_and_time_runs_out() {
        let start = Timestamp::from_secs(100);
        let mut requests = Requests::new("7".into());
        let first = requests.register(start, 'a');
        let second = requests.register(start + Duration::from_secs(5), 'b');
        assert_ne!(first, second);
        assert_eq!(requests.take(&first), Some('a'));
        assert_eq!(requests.take(&first), None);
        assert_eq!(requests.next_timeout(), Some(start + Duration::from_secs(25)));
        assert!(requests.expired(start + Duration::from_secs(24)).is_empty());
        assert_eq!(requests.expired(start + Duration::from_secs(25)), ['b']);
        assert_eq!(requests.next_timeout(), None);
    }
}
