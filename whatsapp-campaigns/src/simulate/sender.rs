//! One sender while it is simulated: the real scheduler, and around it what the runner does.
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    Sent,
    forecast::{Forecast, micros},
    lane::{Gate, Hold, Lane},
    message::Answer,
    queue::Queue,
    report::{Wait, Waits},
    run::Shared,
    tally::Calendar,
    transport::Trouble,
};
use crate::{
    pacing::{Micros, UniqueCap, Verdict},
    scheduler::{self, Limits, Next, QueuedRow, Scheduler},
};

/// People whom the sender wrote to before: no audience has this number.
const BEFORE: u64 = 0xffff << 48;

/// What is told of each message.
pub(super) type See<'a> = dyn FnMut(&Sent) + 'a;

/// What a sender did on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) day: usize,
    pub(super) tries: u64,
    pub(super) people: Option<usize>,
    pub(super) cap: Option<usize>,
}

#[derive(Debug)]
pub(super) struct SenderRun<'a> {
    pub(super) forecast: &'a Forecast,
    pub(super) place: usize,
    pub(super) scheduler: Scheduler,
    pub(super) limits: Limits,
    window: u32,
    low: usize,
    pub(super) lanes: Vec<Lane>,
    pub(super) queues: Vec<Queue>,
    pub(super) answers: BinaryHeap<Reverse<Answer>>,
    incidents: VecDeque<(Micros, Verdict)>,
    /// When the next day of the warm-up begins.
    warmer_at: Option<Micros>,
    leased: Vec<u32>,
    /// When it does something next.
    pub(super) wake: Option<Micros>,
    /// Since when it waits, and for what.
    pub(super) since: (Micros, Option<Wait>),
    pub(super) waits: Waits,
    pub(super) is_stopped: bool,
    pub(super) days: Vec<Used>,
    pub(super) calendar: Calendar,
}

impl<'a> SenderRun<'a> {
    pub(super) fn new(forecast: &'a Forecast, place: usize, calendar: Calendar) -> Self {
        let sender = &forecast.senders[place];
        let limits = Limits { people: sender.cap(micros(forecast.start)), ..sender.limits };
        let mut person = BEFORE;
        let before = sender.reached.iter().flat_map(|reached| {
            let first = person;
            person += u64::from(reached.people);
            (first..person).map(|person| (person, micros(reached.at)))
        });
        let (window, low) = forecast.dispatch.leases(limits.rate);
        Self {
            forecast,
            place,
            scheduler: Scheduler::new(limits, UniqueCap::from_entries(before.collect::<Vec<_>>())),
            limits,
            window,
            low,
            lanes: Vec::new(),
            queues: Vec::new(),
            answers: BinaryHeap::new(),
            incidents: incidents(forecast, place),
            warmer_at: sender.warm_up.map(|ramp| ramp.next_day(micros(forecast.start))),
            leased: Vec::new(),
            wake: None,
            since: (micros(forecast.start), None),
            waits: Waits::default(),
            is_stopped: false,
            days: Vec::new(),
            calendar,
        }
    }

    /// Takes on the lanes of a campaign. All that it has of one come together.
    pub(super) fn open(&mut self, campaign: usize, lanes: Vec<Lane>, shared: &Shared<'_>) {
        let spec = &self.forecast.campaigns[campaign];
        let first = self.lanes.len();
        self.lanes.extend(lanes);
        self.queues.push(Queue::new(campaign, &self.lanes, first, spec.audience));
        self.scheduler.open(campaign as u64, spec.weight, shared.rates[campaign]);
        self.wake = Some(micros(self.forecast.start));
    }

    /// Goes on until it has nothing to do before `until`, or the first part of a campaign is done: that concerns others too.
    pub(super) fn run(&mut self, until: Micros, shared: &mut Shared<'_>, see: &mut See<'_>) {
        while let Some(now) = self.wake
            && now <= until
            && shared.opened.is_empty()
            && shared.budget.take()
        {
            let (since, wait) = self.since;
            if let Some(wait) = wait {
                self.waits.add(wait, now - since);
            }
            let (wake, wait) = self.step(now, shared, see);
            self.wake = wake.map(|wake| wake.max(now));
            self.since = (now, wait.filter(|_| !self.is_done()));
        }
    }

    /// The rows behind the first part of a campaign may go from then on.
    pub(super) fn opens(&mut self, campaign: usize, at: Micros) {
        for queue in self.queues.iter_mut().filter(|queue| queue.campaign == campaign) {
            queue.look_by(at, Wait::CanaryStage);
            self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        }
    }

    /// The simulation ends: all answers come in.
    pub(super) fn end(&mut self, shared: &mut Shared<'_>) {
        self.settle(Micros::MAX, shared);
        for lane in &mut self.lanes {
            lane.counts.left = u64::from(lane.left());
            lane.counts.undelivered = lane.counts.sent - lane.counts.delivered;
        }
    }

    fn step(
        &mut self,
        now: Micros,
        shared: &mut Shared<'_>,
        see: &mut See<'_>,
    ) -> (Option<Micros>, Option<Wait>) {
        self.apply_incidents(now);
        self.close_windows(now);
        loop {
            self.settle(now, shared);
            self.fill(now, shared);
            if self.answers.len() >= self.forecast.dispatch.in_flight() {
                let first = self.answers.peek().map(|Reverse(answer)| answer.at);
                return (first, Some(Wait::Answers));
            }
            match self.scheduler.next(now) {
                Next::Send { queue, row } => {
                    self.hand_over(queue, row, now, shared, see);
                    if !shared.budget.take() {
                        return (Some(now), None);
                    }
                }
                Next::Wait(at) => {
                    let wait = waits_for(self.scheduler.held_by());
                    return (self.wakes(now, Some(at), shared), Some(wait));
                }
                Next::Idle => {
                    let wait = self.queues.iter().map(|queue| (queue.look_at, queue.wait)).min();
                    return (self.wakes(now, None, shared), wait.map(|(_, wait)| wait));
                }
                Next::Stopped => {
                    self.is_stopped = true;
                    return (self.wakes(now, None, shared), Some(Wait::Stopped));
                }
            }
        }
    }

    /// The first moment at which something may be different.
    fn wakes(&self, now: Micros, at: Option<Micros>, shared: &Shared<'_>) -> Option<Micros> {
        let answer = self.answers.peek().map(|Reverse(answer)| answer.at);
        if self.is_done() {
            return None;
        }
        let is_first =
            || self.queues.iter().any(|queue| matches!(shared.gates[queue.campaign], Gate::First(..)));
        let answer = answer.filter(|_| at.is_none() || is_first());
        let queues = self.queues.iter().flat_map(|queue| [queue.look_at, queue.closes]);
        let incident = self.incidents.front().map(|(at, _)| *at);
        let others = queues
            .filter(|at| *at < Micros::MAX)
            .chain(self.warmer_at)
            .chain(incident)
            .filter(|at| *at > now);
        at.into_iter().chain(answer).chain(others).min()
    }

    /// Nothing is left to send, and no answer is missing.
    fn is_done(&self) -> bool {
        self.answers.is_empty() && self.lanes.iter().all(Lane::is_done)
    }

    /// What the server says, and a new day of the warm-up.
    fn apply_incidents(&mut self, now: Micros) {
        while let Some((at, verdict)) = self.incidents.front().copied()
            && at <= now
        {
            self.incidents.pop_front();
            self.scheduler.apply(verdict, now);
        }
        let sender = &self.forecast.senders[self.place];
        if self.warmer_at.is_some_and(|at| at <= now) {
            self.warmer_at = sender.warm_up.map(|ramp| ramp.next_day(now));
            self.limits.people = sender.cap(now);
            self.scheduler.limit(self.limits);
        }
    }

    /// Takes rows back whose window is over, and finds the next ones.
    fn close_windows(&mut self, now: Micros) {
        for queue in &mut self.queues {
            if queue.closes > now {
                continue;
            }
            let id = queue.campaign as u64;
            let mut stay = Vec::new();
            for row in self.scheduler.take_out(id) {
                let lane = &mut self.lanes[queue.lane(row.person)];
                if lane.is_open(now) { stay.push(row) } else { lane.give_back(row.seq) }
            }
            self.scheduler.offer(id, stay);
            queue.turn(&mut self.lanes, &self.forecast.campaigns[queue.campaign].plan, now);
        }
    }

    /// Leases more where little is left, as the runner does.
    fn fill(&mut self, now: Micros, shared: &Shared<'_>) {
        for queue in &mut self.queues {
            let id = queue.campaign as u64;
            if queue.look_at > now || self.scheduler.waiting(id) >= self.low {
                continue;
            }
            let gate = shared.gates[queue.campaign];
            for place in queue.lanes() {
                let lane = &mut self.lanes[place];
                while lane.is_open(now) && self.scheduler.waiting(id) < self.low {
                    lane.lease(self.window, gate, now, &mut self.leased);
                    if self.leased.is_empty() {
                        break;
                    }
                    let person = queue.person(lane.number);
                    let rows =
                        self.leased.drain(..).map(|seq| QueuedRow { seq, person: person | u64::from(seq) });
                    self.scheduler.offer(id, rows);
                }
            }
            if self.scheduler.waiting(id) < self.low {
                queue.look_again(&self.lanes, gate, now);
            } else {
                queue.look_at = now;
            }
        }
    }
}

/// What the server says to a sender, in order.
fn incidents(forecast: &Forecast, place: usize) -> VecDeque<(Micros, Verdict)> {
    let ours = |of: Option<usize>| of.is_none_or(|of| of == place);
    let all = forecast.transport.incidents.iter().filter(|incident| ours(incident.sender));
    let mut all: Vec<_> = all
        .map(|incident| match incident.what {
            Trouble::SlowDown => (micros(incident.at), Verdict::SlowDown),
            Trouble::Stop { until } => (micros(incident.at), Verdict::Stop { until: until.map(micros) }),
        })
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all.into()
}

fn waits_for(hold: scheduler::Hold) -> Wait {
    match hold {
        scheduler::Hold::Rate => Wait::Rate,
        scheduler::Hold::Slowed => Wait::Slowed,
        scheduler::Hold::Stopped => Wait::Stopped,
        scheduler::Hold::Campaign => Wait::Campaign,
        scheduler::Hold::Pair => Wait::Pair,
        scheduler::Hold::People => Wait::People,
    }
}

impl From<Hold> for Wait {
    fn from(hold: Hold) -> Self {
        match hold {
            Hold::Window => Self::Windows,
            Hold::CanaryStage => Self::CanaryStage,
            Hold::Retry => Self::Retries,
        }
    }
}
