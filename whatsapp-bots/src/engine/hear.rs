//! What each kind of input does.
use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::{
    Meaning,
    walk::{Leaving, Step, Walk},
};
use crate::{
    effect::{Effect, Event, Guard, Trouble},
    expr, fold,
    input::{Input, Message, Outcome},
    parts::{CommandKind, Interrupt},
    plan::CommandPlan,
    state::{QUEUE, State, Vars, Waits},
    triggers::{Asked, Fit},
    turn::{Resume, Takes},
};

/// Milliseconds in which nobody reads and writes.
const QUICK: i64 = 1_000;

impl<'a> Walk<'a> {
    pub(super) fn hear(mut self, input: &'a Input) -> Step {
        if !self.is_sound() {
            self.note(Some(Trouble::OtherVersion));
            return self.untouched();
        }
        if self.state.version != self.bot.version {
            // Nothing is live: it begins in the new version, whose flows have other places.
            self.state.version = self.bot.version;
            self.state.flow = None;
        }
        match input {
            Input::Message(message) => self.message(message),
            Input::Edited(message) => self.edited(message),
            Input::Deleted { id } => self.deleted(id),
            Input::Timer { id } => {
                if !self.timer(*id) {
                    self.note(Some(Trouble::Stale));
                    return self.untouched();
                }
            }
            Input::Result { id, outcome } => self.result(*id, outcome),
            Input::Start { flow, params } => self.start_by_name(flow.as_deref(), params),
            Input::Schedule { trigger } => self.scheduled(trigger),
            Input::Event { name, data } => self.event(name, data),
            Input::HumanTookOver => self.took_over(),
            Input::HumanReleased => self.released(),
            Input::Cancel => {
                if self.state.is_live() {
                    self.leave_waiting();
                    self.end("cancelled".to_owned());
                }
            }
        }
        self.answer_queue();
        self.finish()
    }

    /// Is the state one of this bot?
    pub(super) fn is_sound(&self) -> bool {
        let State { frames, scopes, wait, version, .. } = &self.state;
        if frames.is_empty() {
            return wait.is_none();
        }
        *version == self.bot.version
            && wait.is_some()
            && frames.iter().all(|frame| {
                (frame.node as usize) < self.bot.nodes.len() && usize::from(frame.scope) < scopes.len()
            })
            && scopes
                .iter()
                .flat_map(|vars| &vars.0)
                .all(|(slot, _)| usize::from(*slot) < self.bot.names.len())
    }

    pub(super) fn message(&mut self, message: &'a Message) {
        if !message.says_something() {
            return;
        }
        self.input = Some(Cow::Borrowed(message));
        let folded = folded(message);
        let handed_off = self.is_handed_off();
        let is_machine = !message.early && self.is_machine(message);
        // An option that is offered goes before all other meanings of its words.
        let is_choice = self.takes(message) == Takes::Choice;
        if let Some(command) = self.command(&folded).filter(|_| !is_choice)
            && (!handed_off || command.does == CommandKind::Stop)
        {
            if !is_machine {
                return self.obey(command);
            }
            // It is done, and not answered.
            if command.does == CommandKind::Stop {
                self.effect(Effect::OptOut);
            }
        }
        if handed_off {
            return;
        }
        if is_machine {
            return self.stop_talking();
        }
        self.heard();
        let live = self.state.is_live();
        if live && (is_choice || self.interrupt() != Interrupt::All) {
            return self.answer(message);
        }
        match self.triggered(Asked::Message { message, folded: &folded, only_specific: live }) {
            Some((flow, vars, trigger)) => self.start(flow, vars, Some(trigger)),
            None if live => self.answer(message),
            None => {}
        }
    }

    /// Somebody is there.
    fn heard(&mut self) {
        self.state.heard_at = self.ctx.now;
        self.state.unanswered = 0;
    }

    /// Does it answer again and again before a person could have read?
    fn is_machine(&mut self, message: &Message) -> bool {
        let latency = message.at.zip(self.state.sent_at).map(|(at, sent)| at.saturating_sub(sent));
        // What was written before we wrote is no answer.
        match latency {
            Some(latency) if (0..QUICK).contains(&latency) => {
                self.state.quick = self.state.quick.saturating_add(1)
            }
            Some(latency) if latency >= QUICK => self.state.quick = 0,
            _ => {}
        }
        self.state.quick >= self.bot.common.limits.quick_answers
    }

    /// Two machines would talk for ever: a person decides.
    fn stop_talking(&mut self) {
        let at = self.at();
        self.emit(Event::Guard { at, guard: Guard::QuickAnswers });
        self.hand_off(None, String::new());
        self.state.paused = Some(self.ctx.now);
    }

    /// Gives a message to the node that waits, or keeps it for the next that asks without saying more. What was written before the
    /// person could see the question is no answer to it.
    fn answer(&mut self, message: &'a Message) {
        if message.early {
            return self.note(Some(Trouble::Early));
        }
        if self.resume(Resume::Message(message)) {
            return;
        }
        if self.state.queue.len() == QUEUE {
            self.state.queue.pop_front();
            self.note(Some(Trouble::QueueFull));
        }
        self.state.queue.push_back(message.shortened());
    }

    /// Messages that came in between answer what waits now, if nothing was said since.
    fn answer_queue(&mut self) {
        while self.asks()
            && let Some(message) = self.state.queue.pop_front()
        {
            self.refresh();
            self.input = Some(Cow::Owned(message.clone()));
            self.resume(Resume::Message(&message));
        }
    }

    fn asks(&self) -> bool {
        !self.is_handed_off() && self.state.wait.as_ref().is_some_and(|wait| wait.on == Waits::Reply)
    }

    pub(super) fn is_handed_off(&self) -> bool {
        let human = self.state.wait.as_ref().is_some_and(|wait| wait.on == Waits::Human);
        human || self.state.paused.is_some()
    }

    /// What may break into the flow that runs.
    fn interrupt(&self) -> Interrupt {
        let node = self.state.frames.last().and_then(|frame| self.bot.nodes.get(frame.node as usize));
        node.and_then(|node| self.bot.flows.get(node.flow as usize))
            .map_or(Interrupt::All, |flow| flow.interrupt)
    }

    /// The command that a folded text is, if it is heard now.
    pub(super) fn command(&self, folded: &str) -> Option<&'a CommandPlan> {
        if folded.is_empty() {
            return None;
        }
        let never = self.interrupt() == Interrupt::Never;
        // To come back to a request would make it twice.
        let can_visit = !self.state.is_live() || self.asks();
        self.bot.commands.iter().find(|command| {
            let heard = match command.does {
                CommandKind::Stop => true,
                CommandKind::Visit(_) => !never && can_visit,
                _ => !never,
            };
            heard && command.words.iter().any(|word| word == folded)
        })
    }

    pub(super) fn obey(&mut self, command: &'a CommandPlan) {
        self.heard();
        self.emit(Event::Command { command: command.id.clone() });
        if let CommandKind::Stop = command.does {
            self.effect(Effect::OptOut);
        }
        if let Some(say) = &command.say {
            let text = self.text(say);
            self.say(text);
        }
        match (&command.does, command.flow) {
            (CommandKind::Help, _) => {}
            (CommandKind::Stop, _) => {
                if self.is_handed_off() {
                    // The person is still there.
                    self.state.paused = self.state.paused.or(Some(self.ctx.now));
                }
                if self.state.is_live() {
                    self.leave_waiting();
                    self.end("stopped".to_owned());
                }
            }
            (CommandKind::Human(queue), _) => {
                self.hand_off((!queue.is_empty()).then(|| queue.clone()), String::new());
                self.state.paused = Some(self.ctx.now);
            }
            (CommandKind::Restart, _) => self.start(self.state.flow.unwrap_or(0), Vars::default(), None),
            (CommandKind::Visit(_), Some(flow)) if self.state.is_live() => {
                let entry = self.bot.flows.get(flow as usize).map_or(0, |flow| flow.entry);
                self.state.wait = None;
                let next = self.call(entry, Some(Vars::default()), true);
                self.go(next);
            }
            (_, Some(flow)) => self.start(flow, Vars::default(), None),
            (_, None) => self.note(Some(Trouble::NoFlow)),
        }
    }

    /// The flow that a trigger starts, with its params.
    fn triggered(&mut self, asked: Asked<'_>) -> Option<(u32, Vars, &'a str)> {
        let bot = self.bot;
        let (place, _) = self.fitting(&asked)?;
        let trigger = bot.triggers.plan(place)?;
        let mut vars = Vars::default();
        trigger.params.iter().for_each(|(slot, value)| vars.set(*slot, value.clone()));
        Some((trigger.flow, vars, &trigger.id))
    }

    /// The first trigger that fits and may start its flow now.
    fn fitting(&mut self, asked: &Asked<'_>) -> Option<(u32, usize)> {
        let bot = self.bot;
        bot.triggers.candidates(asked).into_iter().find(|(place, _)| {
            let Some(trigger) = bot.triggers.plan(*place) else { return false };
            let cools = trigger.cooldown.is_some_and(|seconds| {
                let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
                let done = self.state.done.as_ref().filter(|_| self.state.flow == Some(trigger.flow));
                done.is_some_and(|done| self.ctx.now.saturating_sub(done.at) < millis)
            });
            !cools && trigger.when.as_ref().is_none_or(|when| self.holds(when))
        })
    }

    /// How well the best trigger fits a message, if nothing is live.
    pub(super) fn fit(mut self, message: &'a Message) -> Option<Fit> {
        if !message.says_something() {
            return None;
        }
        self.input = Some(Cow::Borrowed(message));
        let folded = folded(message);
        let (place, length) =
            self.fitting(&Asked::Message { message, folded: &folded, only_specific: false })?;
        self.bot.triggers.fit(place, length)
    }

    /// What a message is to this conversation; it goes through the same questions as [`Walk::message`].
    pub(super) fn meaning(mut self, message: &'a Message) -> Meaning {
        if !message.says_something() || !self.is_sound() {
            return Meaning::Other;
        }
        self.input = Some(Cow::Borrowed(message));
        let folded = folded(message);
        let (handed_off, live) = (self.is_handed_off(), self.state.is_live());
        let takes = self.takes(message);
        if takes == Takes::Choice {
            return Meaning::Choice;
        }
        match self.command(&folded) {
            Some(command) if command.does == CommandKind::Stop => return Meaning::Stop,
            _ if handed_off => return Meaning::Person,
            Some(_) => return Meaning::Command,
            None => {}
        }
        let can_trigger = !live || self.interrupt() == Interrupt::All;
        let asked = Asked::Message { message, folded: &folded, only_specific: true };
        if can_trigger && self.fitting(&asked).is_some() {
            return Meaning::Trigger;
        }
        if takes == Takes::Answer { Meaning::Answer } else { Meaning::Other }
    }

    /// What the node that waits would take a message for. What was written before its question could be seen is no answer.
    fn takes(&self, message: &Message) -> Takes {
        let node = self.state.frames.last().and_then(|frame| self.bot.nodes.get(frame.node as usize));
        match node.filter(|_| self.asks() && !message.early) {
            Some(node) => node.does.takes(&self.turn, message),
            None => Takes::Nothing,
        }
    }

    /// Was it waited for?
    fn timer(&mut self, id: u64) -> bool {
        match self.state.timer {
            Some(timer) if timer.id == id && timer.at <= self.ctx.now => self.state.timer = None,
            _ => return false,
        }
        if self.state.paused.is_some() {
            self.released();
        } else if self
            .state
            .wait
            .as_ref()
            .and_then(|wait| wait.until)
            .is_some_and(|until| until <= self.ctx.now)
        {
            self.resume(Resume::Timeout);
        } else if self.expires_at().is_some_and(|at| at <= self.ctx.now) {
            self.expired();
        }
        true
    }

    fn expired(&mut self) {
        let Some((place, expire)) = self.expire() else { return };
        if let Some(at) = self.at() {
            self.emit(Event::Expired { at });
        }
        self.leave_waiting();
        if let Some(say) = &expire.say {
            let text = self.text(say);
            self.say(text);
        }
        match expire.to {
            Some(node) => {
                self.state.frames.truncate(place + 1);
                self.state.wait = None;
                self.state.heard_at = self.ctx.now;
                let next = self.enter(node);
                self.go(next);
            }
            None => self.end("expired".to_owned()),
        }
    }

    /// The conversation ends at a node that waited.
    pub(super) fn leave_waiting(&mut self) {
        self.since = self.state.wait.as_ref().map(|wait| wait.since);
        self.leave(Leaving::Dropped);
    }

    fn result(&mut self, id: u64, outcome: &'a Outcome) {
        if self.state.awaits() != Some(id) || self.state.paused.is_some() {
            return self.note(Some(Trouble::Stale));
        }
        self.resume(Resume::Result(outcome));
    }

    fn start_by_name(&mut self, flow: Option<&str>, params: &Map<String, Json>) {
        if self.is_handed_off() {
            return self.note(Some(Trouble::HandedOff));
        }
        let place = flow.map_or(Some(0), |flow| self.bot.flow(flow));
        match place {
            Some(place) => {
                let vars = self.params(place, params);
                self.start(place, vars, None);
            }
            None => self.note(Some(Trouble::NoFlow)),
        }
    }

    /// What is given to a flow, as far as it has such params.
    fn params(&mut self, flow: u32, params: &Map<String, Json>) -> Vars {
        let mut vars = Vars::default();
        let Some(plan) = self.bot.flows.get(flow as usize) else { return vars };
        for slot in &plan.params {
            let Some(value) = self.bot.names.get(usize::from(*slot)).and_then(|name| params.get(name)) else {
                continue;
            };
            if expr::fits(value) {
                vars.set(*slot, value.clone());
            } else {
                self.note(Some(Trouble::TooLarge));
            }
        }
        vars
    }

    fn scheduled(&mut self, trigger: &str) {
        if self.is_handed_off() {
            return self.note(Some(Trouble::HandedOff));
        }
        if self.state.is_live() && self.interrupt() != Interrupt::All {
            return;
        }
        match self.triggered(Asked::Schedule(trigger)) {
            Some((flow, vars, trigger)) => self.start(flow, vars, Some(trigger)),
            None => self.note(Some(Trouble::NoFlow)),
        }
    }

    fn event(&mut self, name: &'a str, data: &'a Json) {
        if self.is_handed_off() {
            return self.note(Some(Trouble::HandedOff));
        }
        if self.resume(Resume::Event { name, data }) {
            return;
        }
        if self.state.is_live() && self.interrupt() != Interrupt::All {
            return;
        }
        if let Some((flow, mut vars, trigger)) = self.triggered(Asked::Event(name)) {
            if let Some(data) = data.as_object() {
                let given = self.params(flow, data);
                given.0.into_iter().for_each(|(slot, value)| vars.set(slot, value));
            }
            self.start(flow, vars, Some(trigger));
        }
    }

    fn took_over(&mut self) {
        if !self.is_handed_off() {
            self.state.paused = Some(self.ctx.now);
        }
    }

    fn released(&mut self) {
        match self.state.paused.take() {
            Some(at) => self.catch_up(self.ctx.now.saturating_sub(at).max(0)),
            None if self.is_handed_off() => {
                self.resume(Resume::Released);
            }
            None => {}
        }
    }

    /// The time of a person does not count as waiting.
    fn catch_up(&mut self, away: i64) {
        self.state.heard_at = self.state.heard_at.saturating_add(away);
        if let Some(wait) = &mut self.state.wait
            && !matches!(wait.on, Waits::Result(_))
        {
            wait.until = wait.until.map(|until| until.saturating_add(away));
        }
    }
}

/// A message's words; none for a button, whose id says all.
pub(super) fn folded(message: &Message) -> String {
    match message.payload() {
        Some(_) => String::new(),
        None => fold::words(message.seen()),
    }
}
