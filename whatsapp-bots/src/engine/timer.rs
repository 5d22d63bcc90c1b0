//! The one timer of a conversation: for the wait, for the expiry, or for the end of a person's work.
use super::walk::Walk;
use crate::{
    effect::Effect,
    plan::ExpirePlan,
    state::{Timer, Waits},
};

impl<'a> Walk<'a> {
    /// Arms the timer for what comes next, if it is not armed for that.
    pub(super) fn settle_timer(&mut self) {
        let wanted = self.wanted_timer();
        if self.state.timer.map(|timer| timer.at) == wanted {
            return;
        }
        if let Some(timer) = self.state.timer.take() {
            self.effects.push(Effect::CancelTimer { id: timer.id });
        }
        if let Some(at) = wanted {
            let id = self.number();
            self.state.timer = Some(Timer { id, at });
            self.effects.push(Effect::ScheduleTimer { id, at });
        }
    }

    fn wanted_timer(&self) -> Option<i64> {
        if let Some(paused) = self.state.paused {
            let seconds = i64::try_from(self.bot.common.resume_after?).unwrap_or(i64::MAX);
            return Some(paused.saturating_add(seconds.saturating_mul(1_000)));
        }
        let wait = self.state.wait.as_ref()?;
        let expires = (wait.on == Waits::Reply).then(|| self.expires_at()).flatten();
        [wait.until, expires].into_iter().flatten().min()
    }

    /// When the session expires: so long after the contact last wrote, or after the question, whichever came later.
    pub(super) fn expires_at(&self) -> Option<i64> {
        let (_, expire) = self.expire()?;
        let millis = i64::try_from(expire.after.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let asked_at = self.state.wait.as_ref().map_or(i64::MIN, |wait| wait.since);
        Some(self.state.heard_at.max(asked_at).saturating_add(millis))
    }

    /// The innermost flow that expires, and its place on the stack.
    pub(super) fn expire(&self) -> Option<(usize, &'a ExpirePlan)> {
        self.state.frames.iter().enumerate().rev().find_map(|(place, frame)| {
            let node = self.bot.nodes.get(frame.node as usize)?;
            let flow = self.bot.flows.get(node.flow as usize)?;
            Some((place, flow.expire.as_ref()?))
        })
    }
}
