use super::{Campaign, Lane, Recipient, Retry};
use crate::{
    Effect, Outcome, RecipientMinute, RecipientState, Settlement, Stamp,
    record::{bits, offset},
};

impl Campaign {
    pub(super) fn settle(&mut self, settlement: &Settlement) {
        let at = offset::of(settlement.at, self.record.base_at);
        let minute = RecipientMinute::of(settlement.at);
        let Some(lane) = self.lanes.get_mut(&settlement.lane) else { return };
        for outcome in &settlement.outcomes {
            let Some(step) = lane.settle(outcome, at) else { continue };
            for bit in bits(step.flags) {
                *self.flags.entry(bit).or_default() += 1;
            }
            let Step { prior, state, .. } = step;
            if prior == state {
                continue;
            }
            if let Some(count) = self.counts.get_mut(&prior) {
                *count -= 1;
            }
            *self.counts.entry(state).or_default() += 1;
            *self.minutes.entry((minute, state)).or_default() += 1;
        }
    }
}

/// What an outcome did.
struct Step {
    prior: RecipientState,
    state: RecipientState,
    /// The flags that were not set before.
    flags: u8,
}

impl Lane {
    /// `None` if the outcome has no effect.
    fn settle(&mut self, outcome: &Outcome, at: i32) -> Option<Step> {
        let recipient = self.recipients.get_mut(&outcome.seq)?;
        let prior = recipient.state;
        let flags = outcome.effect.flags & !recipient.flags;
        if !prior.is_in(outcome.effect.from) {
            return None;
        }
        recipient.apply(&outcome.effect, at);
        if let Some(due) = outcome.retry_at {
            self.retries.insert(outcome.seq, Retry { due, epoch: None });
        } else if recipient.state != RecipientState::Retry {
            self.retries.remove(&outcome.seq);
        }
        Some(Step { prior, state: recipient.state, flags })
    }
}

impl Recipient {
    fn apply(&mut self, effect: &Effect, at: i32) {
        self.state = effect.state.unwrap_or(self.state);
        self.code = effect.code.unwrap_or(self.code);
        self.sender = effect.sender.unwrap_or(self.sender);
        self.flags |= effect.flags;
        self.tries = self.tries.saturating_add(effect.tries);
        match effect.stamp {
            Some(Stamp::Sent) => self.sent = at,
            Some(Stamp::Delivered) => self.delivered = at,
            Some(Stamp::Read) => self.read = at,
            None => {}
        }
    }
}
