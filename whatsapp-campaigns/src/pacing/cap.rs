//! At most so many different people in any 24 hours.
use std::collections::VecDeque;

use super::{Micros, PeopleMap, SECOND};

/// 24 hours.
pub const DAY: Micros = 24 * 3600 * SECOND;
/// What is stored of whom a sender wrote to is read for so long, milliseconds: longer than anybody is counted.
pub(crate) const REMEMBERED: crate::window::Millis = 25 * 3_600_000;
/// People are counted by the five minutes in which they were last written to. One stays counted up to five minutes longer
/// than a day, never shorter.
const BUCKET: Micros = 300 * SECOND;

/// Who was written to in the last day, as hashes of their addresses. Somebody who was written to already costs nothing
/// more, and is counted from the last time.
#[derive(Clone, Debug, Default)]
pub struct UniqueCap {
    last: PeopleMap<u64>,
    /// Oldest first.
    buckets: VecDeque<Bucket>,
}

/// Five minutes.
#[derive(Clone, Debug)]
struct Bucket {
    place: u64,
    /// How many people were last written to in it.
    count: usize,
    /// Who was written to in it; some of them were again, later. So forgetting a bucket does not look at all people.
    people: Vec<u64>,
}

impl UniqueCap {
    /// How many different people were written to in the day before `now`.
    pub fn count(&mut self, now: Micros) -> usize {
        self.forget(now);
        self.last.len()
    }

    /// The first moment, not before `now`, at which this person may be written to under a cap of `most`.
    /// `None` when the cap is 0.
    pub fn ready(&mut self, person: u64, most: usize, now: Micros) -> Option<Micros> {
        self.forget(now);
        if self.last.contains_key(&person) || self.last.len() < most {
            return Some(now);
        }
        if most == 0 {
            return None;
        }
        // As many must have gone as there are too many, and one more.
        let mut excess = self.last.len() + 1 - most;
        for bucket in &self.buckets {
            excess = excess.saturating_sub(bucket.count);
            if excess == 0 {
                return Some(gone_at(bucket.place).max(now));
            }
        }
        None
    }

    /// Counts a message to this person.
    pub fn take(&mut self, person: u64, now: Micros) {
        self.forget(now);
        // The clock may have been set back: the order of the buckets stays.
        let newest = self.buckets.back().map_or(0, |bucket| bucket.place);
        self.note(person, (now / BUCKET).max(newest));
    }

    /// Counts a person in a bucket that is not older than any other.
    fn note(&mut self, person: u64, place: u64) {
        let former = self.last.insert(person, place);
        if former == Some(place) {
            return;
        }
        if let Some(former) = former
            && let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.place == former)
        {
            bucket.count -= 1;
        }
        match self.buckets.back_mut() {
            Some(bucket) if bucket.place == place => {
                bucket.count += 1;
                bucket.people.push(person);
            }
            _ => self.buckets.push_back(Bucket { place, count: 1, people: vec![person] }),
        }
    }

    fn forget(&mut self, now: Micros) {
        while self.buckets.front().is_some_and(|bucket| gone_at(bucket.place) <= now) {
            let Some(gone) = self.buckets.pop_front() else { return };
            for person in gone.people {
                if self.last.get(&person) == Some(&gone.place) {
                    self.last.remove(&person);
                }
            }
        }
    }

    /// What to store to remember it: people and the time of their bucket.
    pub fn entries(&self) -> impl Iterator<Item = (u64, Micros)> {
        self.last.iter().map(|(person, bucket)| (*person, bucket * BUCKET))
    }

    /// From what was stored, in any order.
    pub fn from_entries(entries: impl IntoIterator<Item = (u64, Micros)>) -> Self {
        let mut sorted: Vec<_> = entries.into_iter().collect();
        sorted.sort_by_key(|(_, at)| *at);
        let mut cap = Self::default();
        for (person, at) in sorted {
            // Nothing is forgotten on the way: the first question does that.
            cap.note(person, at / BUCKET);
        }
        cap
    }
}

/// When those last written to in that bucket are no longer counted.
const fn gone_at(bucket: u64) -> Micros {
    (bucket + 1) * BUCKET + DAY
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_day_ever_has_more_people_than_the_cap(
            wishes in prop::collection::vec((0..40_u64, 0..3 * 3600 * SECOND), 1..300),
            most in 1..10_usize,
            restart_at in 0..300_usize,
        ) {
            let (mut cap, mut now, mut sent) = (UniqueCap::default(), DAY, Vec::new());
            for (place, (person, pause)) in wishes.into_iter().enumerate() {
                if place == restart_at {
                    cap = UniqueCap::from_entries(cap.entries().collect::<Vec<_>>());
                }
                now = cap.ready(person, most, now + pause).unwrap();
                cap.take(person, now);
                sent.push((now, person));
            }
            for (place, (end, _)) in sent.iter().enumerate() {
                let of_day = sent[..=place].iter().rev().take_while(|(at, _)| *at + DAY > *end);
                let people: BTreeSet<_> = of_day.map(|(_, person)| person).collect();
                prop_assert!(people.len() <= most, "{} people in a day", people.len());
            }
        }
    }

    #[test]
    fn somebody_known_costs_nothing_and_room_comes_back() {
        let mut cap = UniqueCap::default();
        let now = 100 * DAY;
        cap.take(1, now);
        cap.take(2, now + SECOND);
        assert_eq!(cap.ready(1, 2, now + 2 * SECOND), Some(now + 2 * SECOND));
        let free = cap.ready(3, 2, now + 2 * SECOND).unwrap();
        assert!((now + DAY..=now + DAY + BUCKET).contains(&free));
        assert_eq!(cap.count(free), 0);
        assert_eq!(cap.ready(3, 0, now), None);
    }

    #[test]
    fn who_is_written_to_again_is_counted_from_then() {
        let (mut cap, now) = (UniqueCap::default(), 100 * DAY);
        cap.take(1, now);
        cap.take(2, now);
        cap.take(1, now + BUCKET);
        assert_eq!(cap.count(now + DAY + BUCKET), 1, "one of two is forgotten");
        assert_eq!(cap.count(now + DAY + 2 * BUCKET), 0);
        let mut stored = UniqueCap::from_entries([(1, now), (1, now + BUCKET), (2, now)]);
        assert_eq!(stored.count(now + DAY + BUCKET), 1, "stored twice, counted once");
    }
}
