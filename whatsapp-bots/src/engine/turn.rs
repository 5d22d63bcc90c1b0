//! One turn: from an input to the next wait.
use std::borrow::Cow;

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value as Json};
use whatsapp_store::Content;

use super::{Ctx, Leaving, Next, Resume, Step, Visit, guard::Visits, mix};
use crate::{
    compile::{Compiled, ExitId, OnErrorPlan},
    contact::Contact,
    effect::{Effect, Event, Guard, Menu, NodeIndex, Trouble},
    expr::{self, Check, Template, Texts, Value, View},
    input::Message,
    state::{Done, Frame, State, Timer, Vars, Wait, Waits},
};

static NOTHING: Vars = Vars(Vec::new());

/// A turn on its way.
pub(crate) struct Turn<'a> {
    pub(super) bot: &'a Compiled,
    pub(super) ctx: &'a Ctx<'a>,
    pub(super) state: State,
    pub(super) contact: Cow<'a, Contact>,
    language: usize,
    /// What the turn is about, if it is a message.
    pub(super) input: Option<Cow<'a, Message>>,
    effects: Vec<Effect>,
    trace: Vec<Visit>,
    steps: u32,
    sends: u32,
    visits: Visits,
    tripped: Option<Guard>,
    /// A guard was hit before: the second time it is over.
    failed: bool,
    /// The node that is left now was entered in an earlier turn, at that time.
    pub(super) since: Option<i64>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(bot: &'a Compiled, state: State, ctx: &'a Ctx<'a>) -> Self {
        Self {
            bot,
            ctx,
            state,
            contact: Cow::Borrowed(ctx.contact),
            language: bot.language(&ctx.contact.language),
            input: None,
            effects: Vec::new(),
            trace: Vec::new(),
            steps: 0,
            sends: 0,
            visits: Visits::default(),
            tripped: None,
            failed: false,
            since: None,
        }
    }

    pub(super) fn finish(mut self) -> Step {
        self.settle_timer();
        Step { state: self.state, effects: self.effects, trace: self.trace }
    }

    pub(super) fn untouched(self) -> Step {
        Step { state: self.state, effects: self.effects, trace: self.trace }
    }

    /// What can be read now.
    pub(crate) fn view(&self) -> View<'_> {
        let vars = self.state.frames.last().and_then(|frame| self.state.scopes.get(usize::from(frame.scope)));
        View {
            vars: vars.unwrap_or(&NOTHING),
            contact: &self.contact,
            input: self.input.as_deref(),
            now: self.ctx.now,
            zone: &self.bot.zone,
            riches: &self.bot.riches,
            language: self.language,
        }
    }

    /// The time so many seconds from now.
    pub(crate) fn after(&self, seconds: u64) -> i64 {
        let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        self.ctx.now.saturating_add(millis)
    }

    pub(crate) fn at(&self) -> Option<NodeIndex> {
        self.state.frames.last().map(|frame| NodeIndex(frame.node))
    }

    /// This day in the bot's zone.
    pub(crate) fn today(&self) -> Date {
        let now = Timestamp::from_millisecond(self.ctx.now).unwrap_or_default();
        now.to_zoned(self.bot.zone.clone()).date()
    }

    pub(crate) fn resume_after(&self) -> Option<u64> {
        self.bot.resume_after
    }

    /// Answers of this wait that were none.
    pub(crate) fn attempt(&self) -> u8 {
        self.state.wait.as_ref().map_or(0, |wait| wait.attempt)
    }

    pub(crate) fn wait(&self, on: Waits, until: Option<i64>, attempt: u8) -> Next {
        let since = self.since.unwrap_or(self.ctx.now);
        Next::Wait(Wait { on, until, attempt, since })
    }

    pub(crate) fn text(&mut self, texts: &Texts) -> String {
        let (text, trouble) = texts.render(&self.view());
        self.note(trouble);
        text
    }

    pub(crate) fn template(&mut self, template: &Template) -> String {
        let (text, trouble) = template.render(&self.view());
        self.note(trouble);
        text
    }

    pub(crate) fn url(&mut self, template: &Template) -> String {
        let (text, trouble) = template.render_url(&self.view());
        self.note(trouble);
        text
    }

    pub(crate) fn value(&mut self, value: &Value) -> Json {
        let (value, trouble) = value.evaluate(&self.view());
        self.note(trouble);
        value
    }

    pub(crate) fn holds(&mut self, check: &Check) -> bool {
        let mut trouble = None;
        let holds = check.holds(&self.view(), &mut trouble);
        self.note(trouble);
        holds
    }

    pub(crate) fn note(&mut self, trouble: Option<Trouble>) {
        if let Some(code) = trouble {
            let at = self.at();
            self.effects.push(Effect::Log { at, code });
        }
    }

    /// Sets a variable of the flow; what is too large to be kept is nothing.
    pub(crate) fn set(&mut self, slot: u16, mut value: Json) {
        if !expr::fits(&value) {
            value = Json::Null;
            self.note(Some(Trouble::TooLarge));
        }
        let scope = self.state.frames.last().map(|frame| usize::from(frame.scope));
        if let Some(vars) = scope.and_then(|scope| self.state.scopes.get_mut(scope)) {
            vars.set(slot, value);
        }
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        match &effect {
            Effect::Tag { tag, add: true } => drop(self.contact.to_mut().tags.insert(tag.clone())),
            Effect::Tag { tag, add: false } => drop(self.contact.to_mut().tags.remove(tag)),
            Effect::SetField { field, value } => self.change_contact(field, value),
            _ => {}
        }
        self.effects.push(effect);
    }

    /// What follows in this turn sees it, too.
    fn change_contact(&mut self, field: &str, value: &Json) {
        let contact = self.contact.to_mut();
        let text = || value.as_str().unwrap_or_default().to_owned();
        match field {
            "name" => contact.name = text(),
            "language" => {
                contact.language = text();
                self.language = self.bot.language(&contact.language);
            }
            _ if value.is_null() => drop(contact.fields.remove(field)),
            _ => drop(contact.fields.insert(field.to_owned(), value.clone())),
        }
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.effects.push(Effect::Emit(event));
    }

    pub(crate) fn send(&mut self, content: Content, menu: Option<Menu>) {
        self.sends += 1;
        if self.sends > self.bot.limits.sends {
            self.tripped = Some(Guard::Sends);
            return;
        }
        let id = self.number();
        self.effects.push(Effect::Send { id, content, menu });
    }

    /// Says a text, unless nothing came of it.
    pub(crate) fn say(&mut self, text: String) {
        if text.trim().is_empty() {
            self.note(Some(Trouble::Content));
        } else {
            self.send(Content::Text { text }, None);
        }
    }

    /// A number that this conversation never had.
    pub(crate) fn number(&mut self) -> u64 {
        self.state.seq += 1;
        self.state.seq
    }

    /// Chance: another number at each step.
    pub(crate) fn random(&self) -> u64 {
        mix(self.ctx.seed, self.state.seq.rotate_left(32) ^ self.state.steps)
    }

    /// Chance that stays the same for a conversation and a place.
    pub(crate) fn sticky_random(&self, place: u64) -> u64 {
        mix(self.ctx.seed, place)
    }

    /// Starts a flow; what was live is over.
    pub(super) fn start(&mut self, flow: u32, vars: Vars, trigger: Option<&str>) {
        if self.state.is_live() {
            self.end("replaced".to_owned());
        }
        let bot = self.bot;
        let Some(plan) = bot.flows.get(flow as usize) else { return self.note(Some(Trouble::NoFlow)) };
        self.state.version = bot.version;
        self.state.flow = Some(flow);
        self.state.steps = 0;
        self.state.done = None;
        self.state.heard_at = self.ctx.now;
        self.begin(plan.entry, vars);
        self.emit(Event::Started { flow: plan.id.clone(), trigger: trigger.map(str::to_owned) });
        let next = self.enter(plan.entry);
        self.go(next);
    }

    fn begin(&mut self, entry: u32, vars: Vars) {
        self.state.frames = vec![Frame { node: entry, scope: 0, visit: false }];
        self.state.scopes = vec![vars];
        self.state.wait = None;
    }

    /// Gives something to the node that waits. Did it want it?
    pub(super) fn resume(&mut self, with: Resume<'_>) -> bool {
        let Some(frame) = self.state.frames.last() else { return false };
        let Some(node) = self.bot.nodes.get(frame.node as usize) else { return false };
        self.since = self.state.wait.as_ref().map(|wait| wait.since);
        match node.does.resume(self, with) {
            Next::Stay => {
                self.since = None;
                false
            }
            next => {
                self.state.wait = None;
                self.go(next);
                true
            }
        }
    }

    /// Goes on until something waits or it is over.
    pub(super) fn go(&mut self, mut next: Next) {
        loop {
            if let Some(guard) = self.tripped.take() {
                next = self.trip(guard);
            }
            next = match next {
                Next::Exit(exit) => self.leave_by(exit),
                Next::Jump(node) => {
                    self.leave(Leaving::Over);
                    self.enter(node)
                }
                Next::Call { entry, own } => self.call(entry, own, false),
                Next::Return(values) => self.give_back(&values),
                Next::Wait(wait) => {
                    self.since = None;
                    self.state.wait = Some(wait);
                    return;
                }
                Next::Stay => return,
                Next::End(outcome) => {
                    self.leave(Leaving::Over);
                    return self.end(outcome);
                }
            };
        }
    }

    /// Into a node, in the top frame.
    pub(super) fn enter(&mut self, node: u32) -> Next {
        let bot = self.bot;
        let Some(frame) = self.state.frames.last_mut() else { return Next::Stay };
        frame.node = node;
        self.since = None;
        self.steps += 1;
        self.state.steps += 1;
        let limits = &bot.limits;
        if self.steps > limits.turn_steps {
            self.tripped = Some(Guard::TurnSteps);
        } else if self.state.steps > limits.session_steps {
            self.tripped = Some(Guard::SessionSteps);
        } else if self.visits.count(node) > limits.visits {
            self.tripped = Some(Guard::Visits);
        }
        if self.tripped.is_some() {
            return Next::Stay;
        }
        self.trace.push(Visit { at: NodeIndex(node), entered: true, leaving: Leaving::Stays, millis: 0 });
        match bot.nodes.get(node as usize) {
            Some(node) => node.does.enter(self),
            None => Next::End("failed".to_owned()),
        }
    }

    fn leave_by(&mut self, exit: ExitId) -> Next {
        self.leave(Leaving::Exit(exit.0));
        let node = self.state.frames.last().and_then(|frame| self.bot.nodes.get(frame.node as usize));
        let to = node.and_then(|node| node.exits.get(usize::from(exit.0))).and_then(|(_, to)| *to);
        match to {
            Some(node) => self.enter(node),
            None => Next::Return(Map::new()),
        }
    }

    /// Notes how the current node is left.
    pub(super) fn leave(&mut self, leaving: Leaving) {
        let Some(at) = self.at() else { return };
        let since = self.since.take();
        let millis = since.map_or(0, |since| u64::try_from(self.ctx.now.saturating_sub(since)).unwrap_or(0));
        match self.trace.last_mut() {
            Some(visit) if visit.at == at && visit.leaving == Leaving::Stays && since.is_none() => {
                visit.leaving = leaving;
            }
            _ => self.trace.push(Visit { at, entered: false, leaving, millis }),
        }
    }

    /// Calls a flow; `visit` when a command did.
    pub(super) fn call(&mut self, entry: u32, own: Option<Vars>, visit: bool) -> Next {
        if self.state.frames.len() >= self.bot.limits.depth {
            self.tripped = Some(Guard::Depth);
            return Next::Stay;
        }
        let scope = match own {
            Some(vars) => {
                self.state.scopes.push(vars);
                (self.state.scopes.len() - 1) as u16
            }
            None => self.state.frames.last().map_or(0, |frame| frame.scope),
        };
        self.state.frames.push(Frame { node: entry, scope, visit });
        self.enter(entry)
    }

    fn give_back(&mut self, values: &Map<String, Json>) -> Next {
        // A node that returns is left; one that fell off its flow was.
        if self.trace.last().is_some_and(|visit| visit.leaving == Leaving::Stays) {
            self.leave(Leaving::Over);
        }
        let visit = self.state.frames.pop().is_some_and(|frame| frame.visit);
        let Some(frame) = self.state.frames.last().copied() else {
            self.end("completed".to_owned());
            return Next::Stay;
        };
        let used = self.state.frames.iter().map(|frame| usize::from(frame.scope) + 1).max().unwrap_or(0);
        self.state.scopes.truncate(used);
        match self.bot.nodes.get(frame.node as usize) {
            _ if visit => self.enter(frame.node),
            Some(node) => match node.does.resume(self, Resume::Back(values)) {
                // A damaged state: nothing there called it.
                Next::Stay => Next::End("failed".to_owned()),
                next => next,
            },
            None => Next::End("failed".to_owned()),
        }
    }

    /// A guard was hit: the bot's `onError` takes over, and the second time it is over.
    fn trip(&mut self, guard: Guard) -> Next {
        if let Some(at) = self.at() {
            self.emit(Event::Guard { at, guard });
        }
        if std::mem::replace(&mut self.failed, true) {
            return Next::End("failed".to_owned());
        }
        (self.steps, self.sends, self.state.steps) = (0, 0, 0);
        self.visits.clear();
        match &self.bot.on_error {
            OnErrorPlan::End => Next::End("failed".to_owned()),
            OnErrorPlan::Flow(flow) => {
                self.leave(Leaving::Over);
                let entry = self.bot.flows.get(*flow as usize).map_or(0, |flow| flow.entry);
                self.begin(entry, Vars::default());
                self.enter(entry)
            }
            OnErrorPlan::Handoff(queue) => {
                self.leave(Leaving::Dropped);
                self.hand_off(queue.clone(), String::new());
                self.end("failed".to_owned());
                self.state.paused = Some(self.ctx.now);
                Next::Stay
            }
        }
    }

    /// Asks for a person.
    pub(crate) fn hand_off(&mut self, queue: Option<String>, note: String) {
        let at = self.at();
        self.emit(Event::HandedOff { at });
        self.effect(Effect::Handoff { queue, note });
    }

    pub(super) fn end(&mut self, outcome: String) {
        self.state.frames.clear();
        self.state.scopes.clear();
        self.state.wait = None;
        self.state.queue.clear();
        self.since = None;
        self.emit(Event::Ended { outcome: outcome.clone() });
        self.state.done = Some(Done { outcome, at: self.ctx.now });
    }

    /// Arms the timer for what comes next, if it is not armed for that.
    fn settle_timer(&mut self) {
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
            let seconds = i64::try_from(self.bot.resume_after?).unwrap_or(i64::MAX);
            return Some(paused.saturating_add(seconds.saturating_mul(1_000)));
        }
        let wait = self.state.wait.as_ref()?;
        let expires = (wait.on == Waits::Reply).then(|| self.expires_at()).flatten();
        [wait.until, expires].into_iter().flatten().min()
    }

    /// When the session expires.
    pub(super) fn expires_at(&self) -> Option<i64> {
        let (_, expire) = self.expire()?;
        let millis = i64::try_from(expire.after.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Some(self.state.heard_at.saturating_add(millis))
    }

    /// The innermost flow that expires, and its place on the stack.
    pub(super) fn expire(&self) -> Option<(usize, &'a crate::compile::ExpirePlan)> {
        self.state.frames.iter().enumerate().rev().find_map(|(place, frame)| {
            let node = self.bot.nodes.get(frame.node as usize)?;
            let flow = self.bot.flows.get(node.flow as usize)?;
            Some((place, flow.expire.as_ref()?))
        })
    }
}
