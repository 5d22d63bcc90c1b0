//! When a campaign pauses by itself.
use std::collections::VecDeque;

use whatsapp_store::{Error as StoreError, RecipientCounts, RecipientFlag, RecipientState, Store};

use super::active::ActiveCampaign;
use crate::{
    model::{AutoPause, Counted},
    window::Millis,
};

/// How often it is counted for the window.
const SAMPLE: Millis = 10_000;

/// What is remembered of a campaign to judge it.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// What was counted last.
    pub(super) counted: Counted,
    /// What was counted before, oldest first.
    samples: VecDeque<(Millis, Counted)>,
}

impl Guard {
    /// Why the campaign is to be paused, if it is.
    pub(super) async fn judge(
        &mut self,
        store: &dyn Store,
        live: &ActiveCampaign,
        counts: &RecipientCounts,
        now: Millis,
    ) -> Result<Option<String>, StoreError> {
        let rule = live.document.settings.auto_pause;
        let flags = store.campaign_flags(&live.workspace, &live.record.id).await?;
        let flag = |flag| flags.of(flag);
        self.counted = Counted {
            sent: sent(counts),
            failed: counts.of(RecipientState::Failed),
            opted_out: flag(RecipientFlag::OptedOut),
            reported: flag(RecipientFlag::Reported),
        };
        let forgiven = live.document.kept.forgiven.unwrap_or_default();
        let within = self.within(rule, now, forgiven);
        Ok(reason(rule, within, since(self.counted, forgiven)))
    }

    /// What was counted within the window.
    fn within(&mut self, rule: AutoPause, now: Millis, forgiven: Counted) -> Counted {
        if self.samples.back().is_none_or(|(at, _)| now - at >= SAMPLE) {
            self.samples.push_back((now, self.counted));
        }
        let from = now - Millis::from(rule.window_minutes) * 60_000;
        // The newest of those that are too old is where the window begins.
        while self.samples.get(1).is_some_and(|(at, _)| *at <= from) {
            self.samples.pop_front();
        }
        let start = self.samples.front().map(|(at, counted)| (*at, *counted));
        let start = start.filter(|(at, _)| *at <= from).map_or(forgiven, |(_, counted)| counted);
        since(self.counted, start)
    }
}

/// How many went out.
pub(super) fn sent(counts: &RecipientCounts) -> u64 {
    use RecipientState::{Acked, Delivered, Read, Submitted};
    [Submitted, Acked, Delivered, Read].iter().map(|state| counts.of(*state)).sum()
}

fn since(now: Counted, then: Counted) -> Counted {
    Counted {
        sent: now.sent.saturating_sub(then.sent),
        failed: now.failed.saturating_sub(then.failed),
        opted_out: now.opted_out.saturating_sub(then.opted_out),
        reported: now.reported.saturating_sub(then.reported),
    }
}

fn reason(rule: AutoPause, within: Counted, all: Counted) -> Option<String> {
    let is_over = |count, of, permille| rule.is_exceeded(count, of, permille);
    let tried = within.sent + within.failed;
    if is_over(within.failed, tried, rule.failed_permille) {
        let minutes = rule.window_minutes;
        return Some(format!("{} of {tried} messages failed within {minutes} minutes", within.failed));
    }
    if is_over(all.reported, all.sent, rule.reported_permille) {
        return Some(format!("{} of {} people complained", all.reported, all.sent));
    }
    if is_over(all.opted_out, all.sent, rule.opted_out_permille) {
        return Some(format!("{} of {} people want no more messages", all.opted_out, all.sent));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn counted(sent: u64, failed: u64, opted_out: u64, reported: u64) -> Counted {
        Counted { sent, failed, opted_out, reported }
    }

    #[test]
    fn limits_of_the_automatic_pause() {
        let rule = AutoPause::default();
        let judge = |all: Counted| reason(rule, all, all);
        assert_eq!(judge(counted(45, 4, 40, 40)), None, "too few to say anything");
        assert_eq!(judge(counted(90, 10, 1, 0)), None, "not more than");
        assert_eq!(judge(counted(89, 11, 0, 0)).unwrap(), "11 of 100 messages failed within 60 minutes");
        assert_eq!(judge(counted(100, 0, 3, 0)).unwrap(), "3 of 100 people want no more messages");
        assert_eq!(judge(counted(1_000, 0, 20, 6)).unwrap(), "6 of 1000 people complained");
    }

    #[test]
    fn failures_count_within_the_window_and_after_what_was_forgiven() {
        let rule = AutoPause::default();
        let mut guard = Guard::default();
        let mut at = |minute: Millis, all: Counted, forgiven: Counted| {
            guard.counted = all;
            guard.within(rule, minute * MINUTE, forgiven)
        };
        let none = Counted::default();
        assert_eq!(at(0, counted(10, 5, 0, 0), none), counted(10, 5, 0, 0));
        assert_eq!(at(59, counted(100, 5, 0, 0), none), counted(100, 5, 0, 0));
        assert_eq!(at(61, counted(100, 9, 0, 0), none), counted(90, 4, 0, 0));
        assert_eq!(at(61, counted(100, 9, 0, 0), none), counted(90, 4, 0, 0));
        let mut guard = Guard { counted: counted(100, 20, 0, 0), ..Guard::default() };
        assert_eq!(guard.within(rule, 0, counted(90, 20, 0, 0)), counted(10, 0, 0, 0));
    }
}
