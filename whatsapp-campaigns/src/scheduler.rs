//! Which message goes next, and when: pure, with the time as an argument.
//!
//! A scheduler serves the senders of one node. Rows that may be sent are offered to it, campaign by campaign; for each
//! sender it names the next row, or the moment at which there may be one. Campaigns take turns by weight: each has a
//! pass that grows with every send by a stride, the shorter the higher its weight, and the lowest pass is served. Two equal
//! campaigns are therefore never more than one message apart, over any stretch of time.
//!
//! Replies of people and bots go through the same sender. They do not wait here: the host says that one went
//! ([`Scheduler::interactive`]), and campaigns give way.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use crate::pacing::{Gcra, Governor, Micros, PeopleMap, Rate, SECOND, UniqueCap, Verdict};

/// One campaign's queue for one sender, by the caller's own number.
pub type QueueId = u64;

/// A row that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuedRow {
    /// Its place in the lane.
    pub seq: u32,
    /// A hash of the address: limits are kept per person.
    pub person: u64,
}

/// The limits of a sender.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// All that it sends.
    pub rate: Rate,
    /// To one person.
    pub pair: Rate,
    /// Different people in any 24 hours; `None` for no limit.
    pub people: Option<usize>,
    /// The part of the rate that campaigns leave to people and bots, 0 up to 1.
    pub reserve: f64,
}

impl Default for Limits {
    /// A linked device: a message in 6 seconds with a burst of 3, one person once in 6 seconds, half of it for replies.
    fn default() -> Self {
        Self {
            rate: Rate { interval: 6 * SECOND, burst: 3 },
            pair: Rate { interval: 6 * SECOND, burst: 1 },
            people: None,
            reserve: 0.5,
        }
    }
}

/// What a sender does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this row now. It is counted, and gone from its queue.
    Send {
        /// Of which queue.
        queue: QueueId,
        /// Which row.
        row: QueuedRow,
    },
    /// Ask again then.
    Wait(Micros),
    /// There is nothing to send.
    Idle,
    /// The sender was stopped: a person has to release it.
    Stopped,
}

/// Which limit a sender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// Its own rate, or what the reserve leaves of it.
    Rate,
    /// Its rate, after the server told it to slow down.
    Slowed,
    /// It was stopped for a time.
    Stopped,
    /// The rate of the campaign.
    Campaign,
    /// All people that are left were written to a moment ago.
    Pair,
    /// The cap of different people.
    People,
}

/// One sender.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    /// Campaigns and replies together.
    all: Gcra,
    /// Campaigns alone, at what the reserve leaves.
    campaigns: Gcra,
    pairs: PeopleMap<Gcra>,
    /// How many pairs there may be before old ones are looked for.
    room: usize,
    people: UniqueCap,
    governor: Governor,
    queues: BTreeMap<QueueId, Queue>,
    held: Hold,
}

#[derive(Debug)]
struct Queue {
    stride: u64,
    pass: u64,
    rows: VecDeque<QueuedRow>,
    /// Rows whose person was written to a moment ago.
    later: BinaryHeap<Reverse<Later>>,
    limit: Option<(Rate, Gcra)>,
    paused: bool,
}

/// A row that waits for its person, from when on it may go, and for what.
type Later = (Micros, QueuedRow, Hold);

/// One turn of a campaign with weight 1.
const STRIDE: u64 = 1 << 20;
/// Pair limits kept before old ones are looked for.
const PAIRS: usize = 4096;

impl Queue {
    /// Moves what has waited long enough to the front, and says when there is something, and what holds it.
    fn ready(&mut self, now: Micros) -> Option<(Micros, Hold)> {
        if self.paused {
            return None;
        }
        while let Some(Reverse((at, row, _))) = self.later.peek().copied()
            && at <= now
        {
            self.later.pop();
            self.rows.push_front(row);
        }
        let row = match self.rows.is_empty() {
            true => self.later.peek().map(|Reverse((at, _, hold))| (*at, *hold))?,
            false => (now, Hold::Campaign),
        };
        let limit = self.limit.map_or(now, |(rate, gcra)| gcra.ready(rate, now));
        Some(if limit > row.0 { (limit, Hold::Campaign) } else { row })
    }
}

impl Scheduler {
    /// A sender with nothing to send. `people` is whom it wrote to in the last day, as it was stored.
    pub fn new(limits: Limits, people: UniqueCap) -> Self {
        Self {
            limits,
            all: Gcra::default(),
            campaigns: Gcra::default(),
            pairs: PeopleMap::default(),
            room: PAIRS,
            people,
            governor: Governor::default(),
            queues: BTreeMap::new(),
            held: Hold::Rate,
        }
    }

    /// Makes a campaign's queue, or changes its weight (at least 1) and its own limit.
    pub fn open(&mut self, id: QueueId, weight: u32, limit: Option<Rate>) {
        let stride = STRIDE / u64::from(weight.max(1));
        // Who comes later starts level with the others, and does not catch up on what they had.
        let pass = self.queues.values().map(|queue| queue.pass).min().unwrap_or_default();
        let queue = self.queues.entry(id).or_insert_with(|| Queue {
            stride,
            pass,
            rows: VecDeque::new(),
            later: BinaryHeap::new(),
            limit: None,
            paused: false,
        });
        queue.stride = stride.max(1);
        queue.limit = limit.map(|rate| (rate, queue.limit.map(|(_, gcra)| gcra).unwrap_or_default()));
    }

    /// Adds rows to a queue that is open.
    pub fn offer(&mut self, id: QueueId, rows: impl IntoIterator<Item = QueuedRow>) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.rows.extend(rows);
        }
    }

    /// How many rows a queue has.
    pub fn waiting(&self, id: QueueId) -> usize {
        self.queues.get(&id).map_or(0, |queue| queue.rows.len() + queue.later.len())
    }

    /// Holds a queue, or lets it go on.
    pub fn pause(&mut self, id: QueueId, paused: bool) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.paused = paused;
        }
    }

    /// Takes a queue away, with the rows that were not sent.
    pub fn close(&mut self, id: QueueId) -> Vec<QueuedRow> {
        let Some(queue) = self.queues.remove(&id) else { return Vec::new() };
        let later = queue.later.into_iter().map(|Reverse((_, row, _))| row);
        queue.rows.into_iter().chain(later).collect()
    }

    /// Takes a queue's rows out of it; the queue stays, with its turns and limits.
    pub fn take_out(&mut self, id: QueueId) -> Vec<QueuedRow> {
        let Some(queue) = self.queues.get_mut(&id) else { return Vec::new() };
        let later = std::mem::take(&mut queue.later).into_iter().map(|Reverse((_, row, _))| row);
        std::mem::take(&mut queue.rows).into_iter().chain(later).collect()
    }

    /// The limits are different from now on. Rows that waited under the old ones are asked again.
    pub fn limit(&mut self, limits: Limits) {
        if limits == self.limits {
            return;
        }
        self.limits = limits;
        for queue in self.queues.values_mut() {
            // From the last to the first: those who would have gone first are in front again.
            for Reverse((_, row, _)) in std::mem::take(&mut queue.later).into_sorted_vec() {
                queue.rows.push_front(row);
            }
        }
    }

    /// Nothing is known of what was sent a moment ago: the bursts are used up, and the next message waits its turn.
    #[must_use]
    pub fn after_a_restart(mut self, now: Micros) -> Self {
        let share = self.share(self.limits.rate);
        self.all.tat = now + self.limits.rate.tolerance();
        self.campaigns.tat = now + share.tolerance();
        self
    }

    /// A reply of a person or a bot went through this sender.
    pub fn interactive(&mut self, now: Micros) {
        self.all.take(self.limits.rate, now);
    }

    /// The server said something about the sender's speed.
    pub fn apply(&mut self, verdict: Verdict, now: Micros) {
        self.governor.apply(verdict, now);
    }

    /// A person lets a stopped sender go on.
    pub fn release(&mut self) {
        self.governor.release();
    }

    /// Whom it wrote to in the last day, to be stored.
    pub fn people(&self) -> impl Iterator<Item = (u64, Micros)> {
        self.people.entries()
    }

    /// How many different people it wrote to in the last day; 0 without a cap, when nobody counts them.
    pub fn reached(&mut self, now: Micros) -> usize {
        self.people.count(now)
    }

    /// Which limit the last [`Next::Wait`] was for.
    pub fn held_by(&self) -> Hold {
        self.held
    }

    /// What to do now.
    pub fn next(&mut self, now: Micros) -> Next {
        let Some(governed) = self.governor.ready(now) else { return Next::Stopped };
        let rate = self.governor.rate(self.limits.rate, now);
        let share = self.share(rate);
        let paced = self.all.ready(rate, now).max(self.campaigns.ready(share, now));
        loop {
            let Some((at, id, hold)) = self.first(now) else { return Next::Idle };
            let at = self.latest(rate, (at, hold), paced, governed);
            if at > now {
                return Next::Wait(at);
            }
            if let Some(row) = self.take(id, now) {
                self.all.take_late(rate, now);
                self.campaigns.take_late(share, now);
                return Next::Send { queue: id, row };
            }
        }
    }

    /// The last of three moments; remembers what it is that it waits for.
    fn latest(&mut self, rate: Rate, row: (Micros, Hold), paced: Micros, governed: Micros) -> Micros {
        self.held = match () {
            () if row.0 > paced.max(governed) => row.1,
            () if governed > paced => Hold::Stopped,
            () if rate != self.limits.rate => Hold::Slowed,
            () => Hold::Rate,
        };
        row.0.max(paced).max(governed)
    }

    /// What the reserve leaves of a rate.
    fn share(&self, rate: Rate) -> Rate {
        let left = (1.0 - self.limits.reserve).clamp(0.01, 1.0);
        Rate { interval: (rate.interval as f64 / left) as Micros, ..rate }
    }

    /// The queue that is next: of those with something to send now, the one with the lowest pass; else the one that has
    /// something first.
    fn first(&mut self, now: Micros) -> Option<(Micros, QueueId, Hold)> {
        let ready = self.queues.iter_mut().filter_map(|(id, queue)| {
            let (at, hold) = queue.ready(now)?;
            Some((at, queue.pass, *id, hold))
        });
        ready.min().map(|(at, _, id, hold)| (at, id, hold))
    }

    /// Takes the first row of a queue whose person may be written to; puts those in front of it aside. `None` when there was
    /// none.
    fn take(&mut self, id: QueueId, now: Micros) -> Option<QueuedRow> {
        let lowest = self.queues.values().map(|queue| queue.pass).min().unwrap_or_default();
        let queue = self.queues.get_mut(&id)?;
        while let Some(row) = queue.rows.pop_front() {
            let pair = self.pairs.get(&row.person).copied().unwrap_or_default();
            let pair_at = pair.ready(self.limits.pair, now);
            let cap_at = match self.limits.people {
                None => Some(now),
                Some(most) => self.people.ready(row.person, most, now),
            };
            // A cap of nobody: it is asked again in a day.
            let cap_at = cap_at.unwrap_or(now + crate::pacing::DAY);
            let at = pair_at.max(cap_at);
            if at > now {
                let hold = if cap_at > pair_at { Hold::People } else { Hold::Pair };
                queue.later.push(Reverse((at, row, hold)));
                continue;
            }
            // A queue that had nothing for a while does not catch up.
            queue.pass = queue.pass.max(lowest.saturating_sub(STRIDE)) + queue.stride;
            if let Some((rate, gcra)) = &mut queue.limit {
                gcra.take_late(*rate, now);
            }
            self.count(row.person, pair, now);
            return Some(row);
        }
        None
    }

    fn count(&mut self, person: u64, mut pair: Gcra, now: Micros) {
        if self.pairs.len() >= self.room {
            self.pairs.retain(|_, pair| pair.tat > now);
            // A fast sender has many that are not old: looking again at once would find the same.
            self.room = PAIRS.max(2 * self.pairs.len());
        }
        pair.take(self.limits.pair, now);
        self.pairs.insert(person, pair);
        if self.limits.people.is_some() {
            self.people.take(person, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(count: u32) -> impl Iterator<Item = QueuedRow> {
        (0..count).map(|seq| QueuedRow { seq, person: u64::from(seq) })
    }

    fn fast() -> Limits {
        let rate = Rate::per(80, SECOND, 1);
        Limits { rate, pair: Rate::per(1, 6 * SECOND, 1), people: None, reserve: 0.0 }
    }

    /// Sends as fast as it may until it is idle, stopped, or has sent `most`.
    fn run(scheduler: &mut Scheduler, mut now: Micros, most: usize) -> Vec<(Micros, QueueId, QueuedRow)> {
        let mut sent = Vec::new();
        while sent.len() < most {
            match scheduler.next(now) {
                Next::Send { queue, row } => sent.push((now, queue, row)),
                Next::Wait(at) => {
                    assert!(at > now, "it would ask for ever");
                    now = at;
                }
                Next::Idle | Next::Stopped => break,
            }
        }
        sent
    }

    #[test]
    fn an_hour_at_eighty_a_second_is_exact() {
        let mut scheduler = Scheduler::new(fast(), UniqueCap::default());
        scheduler.open(1, 1, None);
        scheduler.offer(1, rows(80 * 3600));
        let sent = run(&mut scheduler, SECOND, usize::MAX);
        assert_eq!(sent.len(), 80 * 3600);
        let took = sent[sent.len() - 1].0 - sent[0].0;
        assert_eq!(took, 3600 * SECOND - SECOND / 80);
    }

    proptest! {
        #[test]
        fn equal_campaigns_stay_level(
            start in 0..200_usize,
            weights in (1..4_u32, 1..4_u32),
        ) {
            let mut scheduler = Scheduler::new(fast(), UniqueCap::default());
            scheduler.open(1, weights.0, None);
            scheduler.offer(1, rows(6_000));
            let mut sent = run(&mut scheduler, SECOND, start);
            scheduler.open(2, weights.1, None);
            // Other people: the pair limit is not the matter here.
            scheduler.offer(2, rows(6_000).map(|row| QueuedRow { person: row.person + 1_000_000, ..row }));
            sent.clear();
            sent.extend(run(&mut scheduler, 1_000 * SECOND, 3_000));
            let share = f64::from(weights.0) / f64::from(weights.0 + weights.1);
            for window in sent.windows(1_000).step_by(97) {
                let of_first = window.iter().filter(|(_, queue, _)| *queue == 1).count() as f64;
                prop_assert!((of_first / 1_000.0 - share).abs() < 0.01, "{of_first} of 1,000");
            }
        }

        #[test]
        fn no_limit_is_ever_exceeded(
            people in prop::collection::vec(0..12_u64, 1..120),
            cap in 1..8_usize,
            burst in 1..4_u32,
        ) {
            let limits = Limits {
                rate: Rate::per(2, SECOND, burst),
                pair: Rate::per(1, 6 * SECOND, 1),
                people: Some(cap),
                reserve: 0.5,
            };
            let mut scheduler = Scheduler::new(limits, UniqueCap::default());
            scheduler.open(1, 1, None);
            let total = people.len();
            scheduler.offer(1, people.into_iter().enumerate().map(|(seq, person)| QueuedRow { seq: seq as u32, person }));
            let sent = run(&mut scheduler, SECOND, usize::MAX);
            prop_assert_eq!(sent.len(), total, "all of them in the end");
            for (place, (at, _, row)) in sent.iter().enumerate() {
                let before = || sent[..place].iter().rev();
                let same = before().find(|(_, _, other)| other.person == row.person);
                prop_assert!(same.is_none_or(|(before, ..)| at - before >= 6 * SECOND));
                let of_day = before().take_while(|(before, ..)| before + crate::pacing::DAY > *at);
                let mut others: Vec<u64> = of_day.map(|(_, _, row)| row.person).chain([row.person]).collect();
                others.sort_unstable();
                others.dedup();
                prop_assert!(others.len() <= cap);
            }
        }
    }

    #[test]
    fn it_says_what_it_waits_for() {
        let limits = Limits { people: Some(2), ..fast() };
        let mut scheduler = Scheduler::new(limits, UniqueCap::default());
        scheduler.open(1, 1, None);
        scheduler.offer(1, [1, 1, 2, 3].map(|person| QueuedRow { seq: 0, person }));
        let held = |scheduler: &mut Scheduler, now| match scheduler.next(now) {
            Next::Wait(at) => (at, scheduler.held_by()),
            other => panic!("{other:?}"),
        };
        assert_eq!(run(&mut scheduler, SECOND, 1).len(), 1);
        assert_eq!(held(&mut scheduler, SECOND), (SECOND + SECOND / 80, Hold::Rate));
        assert_eq!(run(&mut scheduler, 2 * SECOND, 1).len(), 1);
        assert_eq!(held(&mut scheduler, 3 * SECOND), (7 * SECOND, Hold::Pair));
        assert_eq!(run(&mut scheduler, 7 * SECOND, 1).len(), 1);
        assert_eq!(held(&mut scheduler, 8 * SECOND).1, Hold::People);
        scheduler.limit(Limits { people: Some(3), ..limits });
        assert!(matches!(scheduler.next(8 * SECOND), Next::Send { .. }), "a higher cap lets it go at once");
        scheduler.open(2, 1, Some(Rate::per(1, 60 * SECOND, 1)));
        scheduler.offer(2, [5, 6].map(|person| QueuedRow { seq: 0, person }));
        scheduler.limit(fast());
        assert_eq!(run(&mut scheduler, 20 * SECOND, 1).len(), 1);
        assert_eq!(held(&mut scheduler, 21 * SECOND), (80 * SECOND, Hold::Campaign));
        scheduler.apply(Verdict::SlowDown, 80 * SECOND);
        assert_eq!(run(&mut scheduler, 80 * SECOND, 1).len(), 1);
        scheduler.open(2, 1, None);
        scheduler.offer(2, [7].map(|person| QueuedRow { seq: 0, person }));
        assert_eq!(held(&mut scheduler, 80 * SECOND), (80 * SECOND + SECOND / 40, Hold::Slowed));
        scheduler.apply(Verdict::Stop { until: Some(90 * SECOND) }, 80 * SECOND);
        assert_eq!(held(&mut scheduler, 80 * SECOND), (90 * SECOND, Hold::Stopped));
    }

    #[test]
    fn replies_go_first() {
        let limits = Limits { rate: Rate::per(1, SECOND, 1), reserve: 0.0, ..fast() };
        let mut scheduler = Scheduler::new(limits, UniqueCap::default());
        scheduler.open(1, 1, None);
        scheduler.offer(1, rows(2));
        (0..5).for_each(|_| scheduler.interactive(10 * SECOND));
        assert_eq!(scheduler.next(10 * SECOND), Next::Wait(15 * SECOND));
    }

    #[test]
    fn a_paused_queue_waits_and_a_closed_one_gives_its_rows_back() {
        let mut scheduler = Scheduler::new(fast(), UniqueCap::default());
        scheduler.open(1, 1, None);
        scheduler.offer(
            1,
            [
                QueuedRow { seq: 1, person: 1 },
                QueuedRow { seq: 2, person: 1 },
                QueuedRow { seq: 3, person: 3 },
            ],
        );
        let sent = run(&mut scheduler, SECOND, 2);
        assert_eq!(
            sent.iter().map(|(_, _, row)| row.seq).collect::<Vec<_>>(),
            [1, 3],
            "2 is the same person"
        );
        scheduler.pause(1, true);
        assert_eq!(scheduler.next(100 * SECOND), Next::Idle);
        assert_eq!(scheduler.waiting(1), 1);
        assert_eq!(scheduler.close(1), [QueuedRow { seq: 2, person: 1 }]);
        assert_eq!(scheduler.next(100 * SECOND), Next::Idle);
    }

    #[test]
    fn a_stopped_sender_sends_nothing_until_somebody_releases_it() {
        let mut scheduler = Scheduler::new(fast(), UniqueCap::default());
        scheduler.open(1, 1, None);
        scheduler.offer(1, rows(1));
        scheduler.apply(Verdict::Stop { until: None }, 0);
        assert_eq!(scheduler.next(SECOND), Next::Stopped);
        scheduler.release();
        assert!(matches!(scheduler.next(SECOND), Next::Send { .. }));
    }
}
