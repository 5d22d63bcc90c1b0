//! A lane while it is simulated: which rows are left, and when it may send.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{
    cost::Mix,
    forecast::{self, micros},
    report::Counts,
};
use crate::{
    pacing::Micros,
    window::{Millis, Plan, When},
};

/// Whether the rows behind a campaign's first part may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// So many rows of the first part have no answer yet; then it is closed for so long.
    First(u64, Micros),
    /// They may from then on.
    Until(Micros),
}

impl Gate {
    /// From when on, if that is known.
    pub(super) fn opens(self) -> Option<Micros> {
        match self {
            Self::First(..) => None,
            Self::Until(at) => Some(at),
        }
    }

    pub(super) fn is_open(self, now: Micros) -> bool {
        self.opens().is_some_and(|at| at <= now)
    }
}

#[derive(Debug)]
pub(super) struct Lane {
    /// Its place in the campaign.
    pub(super) number: u16,
    spec: forecast::Lane,
    all: u32,
    /// Rows of the campaign's first part; all without one.
    pub(super) first: u32,
    /// The first row that was never leased.
    next: u32,
    /// Rows that came back unsent.
    back: Vec<u32>,
    retries: BinaryHeap<Reverse<(Micros, u32)>>,
    /// How often rows were tried that were refused.
    tries: BTreeMap<u32, u8>,
    /// The window that it is in, or the next one.
    opens: Micros,
    closes: Micros,
    /// No window comes any more.
    is_over: bool,
    /// Handed over, without an answer.
    pub(super) in_flight: u32,
    /// Rows of which it is decided what becomes of them.
    decided: u32,
    pub(super) counts: Counts,
    pub(super) first_sent: Option<Micros>,
    pub(super) last_sent: Option<Micros>,
    pub(super) finished: Option<Micros>,
    pub(super) mix: Mix,
}

impl Lane {
    pub(super) fn new(number: u16, spec: &forecast::Lane, first: u32, mix: Mix, start: Micros) -> Self {
        let all = u32::try_from(spec.all_rows()).unwrap_or(u32::MAX);
        let (mut retries, mut tries, mut seq) = (BinaryHeap::new(), BTreeMap::new(), spec.rows);
        for waiting in &spec.waiting {
            for _ in 0..waiting.rows {
                retries.push(Reverse((micros(waiting.at), seq)));
                tries.insert(seq, 1);
                seq += 1;
            }
        }
        Self {
            number,
            spec: spec.clone(),
            all,
            first,
            next: 0,
            back: Vec::new(),
            retries,
            tries,
            opens: start,
            closes: start,
            is_over: false,
            in_flight: 0,
            decided: 0,
            counts: Counts { rows: u64::from(all), ..Counts::default() },
            first_sent: None,
            last_sent: None,
            finished: (all == 0).then_some(start),
            mix,
        }
    }

    /// Where it stands in the forecast.
    pub(super) fn spec(&self) -> &forecast::Lane {
        &self.spec
    }

    /// Is it decided what becomes of all its rows?
    pub(super) fn is_done(&self) -> bool {
        self.decided == self.all
    }

    /// Rows of which it is not decided.
    pub(super) fn left(&self) -> u32 {
        self.all - self.decided
    }

    pub(super) fn is_open(&self, now: Micros) -> bool {
        !self.is_over && self.opens <= now && now < self.closes
    }

    /// When its window closes, while there is something to send.
    pub(super) fn closes(&self) -> Option<Micros> {
        (!self.is_done() && !self.is_over).then_some(self.closes)
    }

    /// Finds the window that it is in, or the next one, once the last is over.
    pub(super) fn look(&mut self, plan: &Plan, now: Micros) {
        if self.closes > now || self.is_over {
            return;
        }
        match plan.next(self.spec.zones, Millis::try_from(now / 1_000).unwrap_or(Millis::MAX)) {
            When::Open(opening) => {
                (self.opens, self.closes) = (micros(opening.opens).max(now), micros(opening.closes));
            }
            When::Ended => self.give_up(now, |counts| &mut counts.expired),
            When::Never => self.give_up(now, |counts| &mut counts.never),
        }
    }

    /// Nothing goes any more; what is under way is waited for.
    fn give_up(&mut self, now: Micros, count: impl Fn(&mut Counts) -> &mut u64) {
        let rest = self.all - self.decided - self.in_flight;
        *count(&mut self.counts) += u64::from(rest);
        self.is_over = true;
        self.retries.clear();
        self.back.clear();
        self.next = self.all;
        self.decide(rest, now);
    }

    fn decide(&mut self, rows: u32, at: Micros) {
        self.decided += rows;
        if self.is_done() && self.counts.never == 0 {
            self.finished = self.finished.max(Some(at));
        }
    }

    /// Leases up to `limit` rows: as the runner does, those to be tried again, then those that came back, then new ones.
    pub(super) fn lease(&mut self, limit: u32, gate: Gate, now: Micros, rows: &mut Vec<u32>) {
        let limit = limit as usize;
        while rows.len() < limit
            && let Some(Reverse((at, seq))) = self.retries.peek().copied()
            && at <= now
        {
            self.retries.pop();
            rows.push(seq);
        }
        if rows.is_empty() {
            rows.extend(self.back.drain(self.back.len().saturating_sub(limit)..));
        }
        let end = if gate.is_open(now) { self.spec.rows } else { self.first.min(self.spec.rows) };
        if rows.is_empty() && self.next < end {
            let upper = end.min(self.next.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)));
            rows.extend(self.next..upper);
            self.next = upper;
        }
    }

    /// A leased row was not sent.
    pub(super) fn give_back(&mut self, seq: u32) {
        self.back.push(seq);
    }

    /// When it may have something to lease that it has not now, and what that waits for.
    pub(super) fn may_have(&self, gate: Gate, now: Micros) -> Option<(Micros, Hold)> {
        if self.is_over || self.is_done() {
            return None;
        }
        if self.opens > now {
            return Some((self.opens, Hold::Window));
        }
        let retry = self.retries.peek().map(|Reverse((at, _))| (*at, Hold::Retry));
        let is_held = self.next < self.spec.rows && !gate.is_open(now);
        let opened = is_held.then(|| (gate.opens().unwrap_or(Micros::MAX), Hold::CanaryStage));
        retry.into_iter().chain(opened).min()
    }

    /// How often a row was tried.
    pub(super) fn tries(&self, seq: u32) -> u8 {
        if self.tries.is_empty() { 0 } else { self.tries.get(&seq).copied().unwrap_or_default() }
    }

    /// Belongs to the first part, and was not tried before.
    pub(super) fn is_first(&self, seq: u32, tries: u8) -> bool {
        tries == 0 && seq < self.first
    }

    pub(super) fn accepted(&mut self, seq: u32, tries: u8, at: Micros) {
        if tries > 0 {
            self.tries.remove(&seq);
        }
        self.in_flight -= 1;
        self.decide(1, at);
    }

    pub(super) fn failed(&mut self, seq: u32, at: Micros) {
        self.tries.remove(&seq);
        self.in_flight -= 1;
        self.counts.failed += 1;
        self.decide(1, at);
    }

    pub(super) fn retry(&mut self, seq: u32, tries: u8, retry_at: Micros, at: Micros) {
        self.in_flight -= 1;
        if self.is_over {
            self.counts.expired += 1;
            return self.decide(1, at);
        }
        self.counts.retried += 1;
        self.tries.insert(seq, tries);
        self.retries.push(Reverse((retry_at, seq)));
    }
}

/// What a sender waits for that is no limit of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    Window,
    CanaryStage,
    Retry,
}
