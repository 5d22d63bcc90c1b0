//! A message on its way: handed over, answered, delivered and read.
use std::cmp::Reverse;

use super::{
    Sent,
    forecast::{micros, millis},
    report::Wait,
    run::Shared,
    sender::{See, SenderRun, Used},
    tally::What,
    transport::Dice,
};
use crate::{
    id::RowId,
    outcome::{Code, Refusal, RowReaction, Stop},
    pacing::{Micros, Verdict},
    scheduler::QueuedRow,
};

/// A message under way, in the order of the answers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answer {
    pub(super) at: Micros,
    queue: usize,
    lane: usize,
    seq: u32,
    tries: u8,
    refusal: Option<Refused>,
}

/// A code that has an order: the heap wants one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(Code);

impl PartialOrd for Refused {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Refused {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.stored().cmp(&other.0.stored())
    }
}

impl SenderRun<'_> {
    pub(super) fn hand_over(
        &mut self,
        queue: u64,
        row: QueuedRow,
        now: Micros,
        shared: &mut Shared<'_>,
        see: &mut See<'_>,
    ) {
        let Some(queue) = self.queues.iter().position(|of| of.campaign as u64 == queue) else { return };
        let (campaign, lane_place) = (self.queues[queue].campaign, self.queues[queue].lane(row.person));
        let (seq, lane) = (row.seq, &mut self.lanes[lane_place]);
        let (number, tries) = (lane.number, lane.tries(seq));
        lane.in_flight += 1;
        let mut dice = Dice::new(self.forecast.seed, campaign, number, seq, tries);
        let refusal = self.forecast.transport.refusal(&mut dice).map(Refused);
        let at = now + self.forecast.transport.answer.draw(&mut dice);
        let (sender, lane, accepted) = (self.place, usize::from(number), refusal.is_none());
        if accepted {
            self.accept(lane_place, seq, now, at, &mut dice, shared);
        }
        see(&Sent { at: now, sender, campaign, lane, seq, tries, accepted });
        self.answers.push(Reverse(Answer { at, queue, lane: lane_place, seq, tries, refusal }));
        self.count_day(now);
    }

    /// The server takes it: what becomes of it then changes nothing for others, and is counted at once.
    fn accept(
        &mut self,
        lane: usize,
        seq: u32,
        now: Micros,
        at: Micros,
        dice: &mut Dice,
        shared: &mut Shared<'_>,
    ) {
        let (lane, transport) = (&mut self.lanes[lane], &self.forecast.transport);
        lane.counts.sent += 1;
        lane.first_sent = lane.first_sent.or(Some(now));
        lane.last_sent = Some(now);
        shared.tally.count(What::Sent, now);
        if dice.permille(transport.undelivered_permille) {
            return;
        }
        lane.counts.delivered += 1;
        lane.mix.delivered(seq);
        let delivered = at + transport.deliver.draw(dice);
        shared.tally.count(What::Delivered, delivered);
        if dice.permille(transport.read_permille) {
            lane.counts.read += 1;
            shared.tally.count(What::Read, delivered + transport.read.draw(dice));
        }
    }

    fn count_day(&mut self, now: Micros) {
        let day = self.calendar.day(now);
        if self.days.last().is_none_or(|last| last.day != day) {
            self.days.push(Used { day, tries: 0, people: None, cap: None });
        }
        if let Some(used) = self.days.last_mut() {
            used.tries += 1;
            if let Some(cap) = self.limits.people {
                used.people = used.people.max(Some(self.scheduler.reached(now)));
                used.cap = used.cap.max(Some(cap));
            }
        }
    }

    /// Takes in the answers that came: as the runner does, by the same table.
    pub(super) fn settle(&mut self, now: Micros, shared: &mut Shared<'_>) {
        while self.answers.peek().is_some_and(|Reverse(answer)| answer.at <= now) {
            let Some(Reverse(answer)) = self.answers.pop() else { return };
            let Answer { at, seq, tries, .. } = answer;
            let queue = &mut self.queues[answer.queue];
            let lane = &mut self.lanes[answer.lane];
            if lane.is_first(seq, tries) {
                shared.answered_first(queue.campaign, at.max(self.since.0));
            }
            let Some(Refused(code)) = answer.refusal else {
                lane.accepted(seq, tries, at);
                continue;
            };
            let (number, tries) =
                (i64::try_from(queue.campaign).unwrap_or_default(), tries.saturating_add(1));
            let Some(row) = RowId::new(number, lane.number.into(), seq) else { continue };
            let reaction = Refusal { code, row, tries, at: millis(at), until: None }.reaction();
            if reaction.stop == Stop::Halve {
                self.scheduler.apply(Verdict::SlowDown, at);
            }
            match reaction.row {
                RowReaction::Fail => lane.failed(seq, at),
                RowReaction::Retry { at: again } => {
                    lane.retry(seq, tries, micros(again), at);
                    queue.look_by(micros(again), Wait::Retries);
                }
            }
        }
    }
}
