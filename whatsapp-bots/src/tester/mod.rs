//! Trying a bot out: a person made of a script, a clock that jumps, and requests that are answered by hand.
//!
//! [`Tester`] runs a conversation step by step; [`Transcript`] is a chat as JSON, which can be replayed and compared. Both are
//! as pure as the engine: nothing here waits, and nothing is sent.
#[cfg(test)]
mod tests;
mod transcript;

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;
use whatsapp_store::Content;

pub use self::transcript::{Difference, Expected, Line, Report, Transcript};
use crate::{
    Compiled, Contact, Ctx, Effect, Event, Input, Leaving, Message, Outcome, State, Status, Step, Visit,
    menus, step,
};

/// A conversation under test. `Debug` shows nothing that somebody wrote.
pub struct Tester<'b> {
    bot: &'b Compiled,
    state: State,
    contact: Contact,
    seed: u64,
    now: i64,
}

/// What came of one input. `Debug` shows nothing that somebody wrote.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
    /// What was sent, as text where it is one, else as JSON.
    pub said: Vec<String>,
    /// The way it took: `flow/node`, with `>exit` where it was left by one.
    pub path: Vec<String>,
    /// All effects, also the sends.
    pub effects: Vec<Effect>,
    /// How the conversation is now.
    pub status: &'static str,
    /// The variables of the flow that runs.
    pub variables: Json,
    /// Bytes of the state.
    pub bytes: usize,
}

impl fmt::Debug for Tester<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tester").field("state", &self.state).field("now", &self.now).finish_non_exhaustive()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, path, effects, status, bytes, .. } = self;
        f.debug_struct("Turn")
            .field("at", at)
            .field("path", path)
            .field("effects", effects)
            .field("status", status)
            .field("bytes", bytes)
            .finish_non_exhaustive()
    }
}

impl<'b> Tester<'b> {
    /// A fresh conversation at a time (milliseconds since the Unix epoch).
    pub fn new(bot: &'b Compiled, contact: Contact, seed: u64, now: i64) -> Self {
        Self { bot, state: State::default(), contact, seed, now }
    }

    /// The state now. It is a value: keep it to go back to it with [`Tester::back_to`].
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The time now.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The contact as the bot has changed it.
    pub fn contact(&self) -> &Contact {
        &self.contact
    }

    /// Goes back, or on, to a state.
    pub fn back_to(&mut self, state: State, now: i64) {
        (self.state, self.now) = (state, now);
    }

    /// The contact writes a text.
    pub fn say(&mut self, text: &str) -> Turn {
        self.hear(&Input::Message(Message::text(text)))
    }

    /// The request that is waited for is answered.
    pub fn answer(&mut self, outcome: Outcome) -> Turn {
        let id = self.state.awaits().unwrap_or_default();
        self.hear(&Input::Result { id, outcome })
    }

    /// Hears any input.
    pub fn hear(&mut self, input: &Input) -> Turn {
        let ctx = Ctx { now: self.now, seed: self.seed, contact: &self.contact };
        let Step { state, effects, trace } = step(self.bot, std::mem::take(&mut self.state), input, &ctx);
        self.state = state;
        effects.iter().for_each(|effect| change(&mut self.contact, effect));
        self.turn(effects, &trace)
    }

    /// Lets seconds pass; gives a turn for each timer that was due, at its time.
    pub fn advance(&mut self, seconds: u64) -> Vec<Turn> {
        let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let end = self.now.saturating_add(millis);
        let mut turns = Vec::new();
        // A bot that waits no time at all would keep this going for ever.
        while turns.len() < 1_000
            && let (Some(at), Some(id)) = (self.state.wake_at(), self.state.timer())
            && at <= end
        {
            self.now = self.now.max(at);
            turns.push(self.hear(&Input::Timer { id }));
        }
        self.now = end;
        turns
    }

    fn turn(&self, effects: Vec<Effect>, trace: &[Visit]) -> Turn {
        let said = effects.iter().filter_map(|effect| match effect {
            Effect::Send { content, .. } => Some(said(content)),
            _ => None,
        });
        Turn {
            at: self.now,
            said: said.collect(),
            path: trace.iter().map(|visit| self.name(visit)).collect(),
            status: status_name(self.state.status()),
            variables: self.bot.variables(&self.state),
            bytes: self.state.to_bytes().len(),
            effects,
        }
    }

    fn name(&self, visit: &Visit) -> String {
        let (flow, node) = self.bot.node(visit.at).unwrap_or_default();
        match (visit.leaving, self.bot.exit(visit)) {
            (Leaving::Exit(_), exit) => format!("{flow}/{node}>{}", exit.unwrap_or("-")),
            _ => format!("{flow}/{node}"),
        }
    }
}

/// A content as people read it.
fn said(content: &Content) -> String {
    let spelled = menus::spelled(content);
    match spelled.as_ref().unwrap_or(content).as_text() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string(content).unwrap_or_else(|_| content.type_name().to_owned()),
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Fresh => "fresh",
        Status::Waiting => "waiting",
        Status::AwaitingResult => "awaitingResult",
        Status::HandedOff => "handedOff",
        Status::Done => "done",
    }
}

/// What the host would do to the contact.
fn change(contact: &mut Contact, effect: &Effect) {
    match effect {
        Effect::Tag { tag, add: true } => drop(contact.tags.insert(tag.clone())),
        Effect::Tag { tag, add: false } => drop(contact.tags.remove(tag)),
        Effect::SetField { field, value } => match field.as_str() {
            "name" => contact.name = value.as_str().unwrap_or_default().to_owned(),
            "language" => contact.language = value.as_str().unwrap_or_default().to_owned(),
            _ if value.is_null() => drop(contact.fields.remove(field)),
            _ => drop(contact.fields.insert(field.clone(), value.clone())),
        },
        _ => {}
    }
}

/// The name of an effect, as transcripts expect it.
fn effect_name(effect: &Effect) -> String {
    match effect {
        Effect::Send { .. } => "send".to_owned(),
        Effect::ScheduleTimer { .. } => "scheduleTimer".to_owned(),
        Effect::CancelTimer { .. } => "cancelTimer".to_owned(),
        Effect::Http { request, .. } => format!("http {} {}", request.method.name(), request.url),
        Effect::SetField { field, value } => format!("setField {field} {value}"),
        Effect::Tag { tag, add } => format!("{} {tag}", if *add { "tag" } else { "untag" }),
        Effect::OptOut => "optOut".to_owned(),
        Effect::OptIn { scope } => format!("optIn {scope}"),
        Effect::Handoff { queue, .. } => format!("handoff {}", queue.as_deref().unwrap_or("-")),
        Effect::Log { code, .. } => format!("log {}", code.code()),
        Effect::Emit(Event::Custom { name, data }) => format!("emit {name} {data}"),
        Effect::Emit(Event::Started { flow, .. }) => format!("started {flow}"),
        Effect::Emit(Event::Ended { outcome }) => format!("ended {outcome}"),
        Effect::Emit(Event::Rejected { attempt, .. }) => format!("rejected {attempt}"),
        Effect::Emit(Event::Guard { guard, .. }) => format!("guard {guard:?}"),
        Effect::Emit(Event::Command { command }) => format!("command {command}"),
        Effect::Emit(Event::TimedOut { .. }) => "timedOut".to_owned(),
        Effect::Emit(Event::Expired { .. }) => "expired".to_owned(),
        Effect::Emit(Event::HandedOff { .. }) => "handedOff".to_owned(),
        Effect::Emit(Event::Failed { .. }) => "failed".to_owned(),
    }
}
