//! One turn, as nodes take part in it: what they read, and what they do. It knows nothing of other nodes.
mod guard;
mod random;

use std::{borrow::Cow, fmt};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value as Json};
use whatsapp_store::Content;

pub use self::guard::Limits;
pub(crate) use self::{guard::Visits, random::mix};
use crate::{
    compile::ExitId,
    contact::Contact,
    effect::{Effect, Event, Guard, Menu, NodeIndex, Trouble},
    expr::{self, Check, RichValues, Template, Texts, Value, View},
    input::{Message, Outcome},
    numbers::DecimalMark,
    state::{State, Vars, Wait, Waits},
};

/// What a step knows besides.
#[derive(Clone, Copy, Debug)]
pub struct Ctx<'a> {
    /// The time, milliseconds since the Unix epoch. It is read nowhere else.
    pub now: i64,
    /// Where chance comes from: the same for a conversation for ever, such as a hash of account and chat.
    pub seed: u64,
    /// Who is written with.
    pub contact: &'a Contact,
}

/// What holds for all nodes of a bot.
#[derive(Debug)]
pub(crate) struct Common {
    /// The bot's own language, then the others.
    pub(crate) languages: Vec<String>,
    /// How numbers are written in each language.
    pub(crate) marks: Vec<DecimalMark>,
    pub(crate) zone: TimeZone,
    pub(crate) rich_values: RichValues,
    pub(crate) resume_after: Option<u64>,
    pub(crate) limits: Limits,
}

impl Common {
    /// The place of a language among those of the bot: itself, its base, another region of it, or the bot's own.
    fn language(&self, wanted: &str) -> usize {
        if wanted.is_empty() || self.languages.len() == 1 {
            return 0;
        }
        let base =
            |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let place = |is: &dyn Fn(&str) -> bool| self.languages.iter().position(|language| is(language));
        place(&|language| language.eq_ignore_ascii_case(wanted))
            .or_else(|| place(&|language| language.eq_ignore_ascii_case(&base(wanted))))
            .or_else(|| place(&|language| base(language) == base(wanted)))
            .unwrap_or_default()
    }
}

/// Bytes of all variables of a conversation: with messages that wait, a state is always one that the store takes.
const ALL_KEPT: usize = 256 * 1024;

/// What a node does. It never fails: what goes wrong is an exit, or trouble that is noted.
pub(crate) trait Behaviour: fmt::Debug + Send + Sync {
    /// Somebody came in.
    fn enter(&self, turn: &mut Turn<'_>) -> Next;

    /// Something came that it may have waited for; [`Next::Stay`] when it did not.
    fn resume(&self, _turn: &mut Turn<'_>, _with: Resume<'_>) -> Next {
        Next::Stay
    }

    /// What it would take a message for, if it waits for one.
    fn takes(&self, _turn: &Turn<'_>, _message: &Message) -> Takes {
        Takes::Nothing
    }

    /// Does an event of that name end its wait?
    fn awaits(&self, _event: &str) -> bool {
        false
    }
}

/// What a waiting node would take a message for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Choice,
    Answer,
    Nothing,
}

/// What a waiting node hears.
#[derive(Clone, Copy)]
pub(crate) enum Resume<'a> {
    Message(&'a Message),
    Timeout,
    Event {
        name: &'a str,
        data: &'a Json,
    },
    Result(&'a Outcome),
    Released,
    /// The flow that it called came back.
    Back(&'a Map<String, Json>),
}

/// How it goes on.
pub(crate) enum Next {
    Exit(ExitId),
    /// To a node of any flow, in the same frame.
    Jump(u32),
    /// Into a flow, with variables of its own or with those of the caller.
    Call {
        entry: u32,
        own: Option<Vars>,
    },
    Return(Map<String, Json>),
    Wait(Wait),
    Stay,
    End(String),
}

static NOTHING: Vars = Vars(Vec::new());

/// A turn on its way.
pub(crate) struct Turn<'a> {
    pub(crate) common: &'a Common,
    pub(crate) ctx: &'a Ctx<'a>,
    pub(crate) state: State,
    contact: Cow<'a, Contact>,
    language: usize,
    /// What the turn is about, if it is a message.
    pub(crate) input: Option<Cow<'a, Message>>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) sends: u32,
    pub(crate) tripped: Option<Guard>,
    /// The node that is left now was entered in an earlier turn, at that time.
    pub(crate) since: Option<i64>,
    /// About how many bytes all variables take, once somebody asked.
    pub(crate) kept: Option<usize>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(common: &'a Common, state: State, ctx: &'a Ctx<'a>) -> Self {
        Self {
            common,
            ctx,
            state,
            contact: Cow::Borrowed(ctx.contact),
            language: common.language(&ctx.contact.language),
            input: None,
            effects: Vec::new(),
            sends: 0,
            tripped: None,
            since: None,
            kept: None,
        }
    }

    /// What can be read now.
    pub(crate) fn view(&self) -> View<'_> {
        let vars = self.state.frames.last().and_then(|frame| self.state.scopes.get(usize::from(frame.scope)));
        View {
            vars: vars.unwrap_or(&NOTHING),
            contact: &self.contact,
            input: self.input.as_deref(),
            now: self.ctx.now,
            zone: &self.common.zone,
            rich_values: &self.common.rich_values,
            language: self.language,
            mark: self.common.marks.get(self.language).copied().unwrap_or_default(),
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
        now.to_zoned(self.common.zone.clone()).date()
    }

    pub(crate) fn resume_after(&self) -> Option<u64> {
        self.common.resume_after
    }

    /// How the person writes numbers, by the language that the bot speaks with her.
    pub(crate) fn decimal_mark(&self) -> DecimalMark {
        self.view().mark
    }

    /// Answers of this wait that were none.
    pub(crate) fn attempt(&self) -> u8 {
        self.state.wait.as_ref().map_or(0, |wait| wait.attempt)
    }

    pub(crate) fn wait(&self, on: Waits, until: Option<i64>, attempt: u8) -> Next {
        let since = self.since.unwrap_or(self.ctx.now);
        Next::Wait(Wait { on, until, attempt, since, refused: Vec::new() })
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

    /// Sets a variable of the flow; what is too large to be kept, alone or with all others, is nothing.
    pub(crate) fn set(&mut self, slot: u16, mut value: Json) {
        let Some(scope) = self.state.frames.last().map(|frame| usize::from(frame.scope)) else { return };
        let old = self.state.scopes.get(scope).and_then(|vars| vars.value(slot)).map_or(0, expr::size);
        let mut kept = self.kept().saturating_sub(old);
        let new = expr::size(&value);
        if !expr::fits(&value) || kept + new > ALL_KEPT {
            value = Json::Null;
            self.note(Some(Trouble::TooLarge));
        } else {
            kept += new;
        }
        self.kept = Some(kept);
        if let Some(vars) = self.state.scopes.get_mut(scope) {
            vars.set(slot, value);
        }
    }

    /// Variables for a flow that begins: none, if they are too large to be kept with all others.
    pub(crate) fn fitting_vars(&mut self, vars: Vars) -> Vars {
        let more: usize = vars.0.iter().map(|(_, value)| expr::size(value)).sum();
        let kept = self.kept();
        self.kept = None;
        if kept + more <= ALL_KEPT {
            return vars;
        }
        self.note(Some(Trouble::TooLarge));
        Vars::default()
    }

    /// About how many bytes all variables take.
    fn kept(&self) -> usize {
        self.kept.unwrap_or_else(|| {
            let vars = self.state.scopes.iter().flat_map(|vars| &vars.0);
            vars.map(|(_, value)| expr::size(value)).sum()
        })
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
                self.language = self.common.language(&contact.language);
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
        if self.sends > self.common.limits.sends {
            self.tripped = Some(Guard::Sends);
            return;
        }
        if self.state.unanswered >= self.common.limits.unanswered {
            self.tripped = Some(Guard::Unanswered);
            return;
        }
        if !self.state.queue.is_empty() {
            // They were written before this, and do not answer it.
            self.state.queue.clear();
            self.note(Some(Trouble::Early));
        }
        self.state.unanswered += 1;
        self.state.sent_at = Some(self.ctx.now);
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

    /// Asks for a person.
    pub(crate) fn hand_off(&mut self, queue: Option<String>, note: String) {
        let at = self.at();
        self.emit(Event::HandedOff { at });
        self.effect(Effect::Handoff { queue, note });
    }
}
