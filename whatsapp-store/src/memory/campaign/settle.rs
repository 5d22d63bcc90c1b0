use super::{Campaign, Lane, Recipient, Retry};
use crate::{
    Effect, Outcome, RecipientFlag, RecipientMinute, RecipientState, Settlement, Stamp, record::offset,
};

/// What an outcome did to a recipient.
struct Settled {
    prior: RecipientState,
    state: RecipientState,
    /// Those it did not have before.
    flags: u8,
}

impl Campaign {
    pub(super) fn settle(&mut self, settlement: &Settlement) {
        let at = offset::of(settlement.at, self.record.base_at);
        let minute = RecipientMinute::of(settlement.at);
        let Some(lane) = self.lanes.get_mut(&settlement.lane) else { return };
        for outcome in &settlement.outcomes {
            let Some(Settled { prior, state, flags }) = lane.settle(outcome, at) else { continue };
            for flag in RecipientFlag::ALL.into_iter().filter(|flag| flags & flag.bit() != 0) {
                *self.flags.entry(flag).or_default() += 1;
            }
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

impl Lane {
    /// `None` if the outcome has no effect.
    fn settle(&mut self, outcome: &Outcome, at: i32) -> Option<Settled> {
        let recipient = self.recipients.get_mut(&outcome.seq)?;
        let prior = recipient.state;
        if !prior.is_in(outcome.effect.from) {
            return None;
        }
        let flags = outcome.effect.flags & !recipient.flags;
        recipient.apply(&outcome.effect, at);
        if let Some(due) = outcome.retry_at {
            self.retries.insert(outcome.seq, Retry { due, epoch: None });
        } else if recipient.state != RecipientState::Retry {
            self.retries.remove(&outcome.seq);
        }
        Some(Settled { prior, state: recipient.state, flags })
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
