//! One turn: an input, the conversation as it is then, and all that follows, in one commit.
use std::{borrow::Cow, sync::Arc};

use whatsapp_store::{
    AccountId, Change, Changes, ConversationRecord, ConversationStatus, Error as StoreError, ErrorKind,
    FlowChange, WorkspaceId,
};

use super::{
    Shared,
    catalog::Published,
    consent::{self, Refusal},
    counts,
    envelope::{Envelope, Pending},
    events::{fnv, of_effect},
    order::Order,
    outstanding::Given,
    person::Person,
    unheard::{passed_over, seen},
};
use crate::{Compiled, Ctx, Effect, Fit, Input, Menus, Message, State, Status, Step, step};

/// How often a turn is taken again when another node was faster.
const TRIES: usize = 8;
/// What is left undone is looked at again after this time, milliseconds: should this node die.
const UNDONE: i64 = 10_000;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A bot heard it, and may have answered.
    Answered,
    /// It was heard before.
    Again,
    /// No bot is meant.
    Nobody,
    /// The person must not be written to unasked. The input is not noted: it may come again.
    Refused(Refusal),
}

/// Why an input was not heard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others wrote the conversation again and again.
    #[error("the conversation is written to by others all the time: try again")]
    Busy,
}

/// The kinds of [`TurnError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnErrorKind {
    /// The store failed: its error says whether it can be tried again.
    Store,
    /// Others were faster: try again.
    Busy,
}

impl TurnError {
    /// Its kind.
    pub const fn kind(&self) -> TurnErrorKind {
        match self {
            Self::Store(_) => TurnErrorKind::Store,
            Self::Busy => TurnErrorKind::Busy,
        }
    }

    /// May the same call succeed later without a change?
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Busy => true,
        }
    }
}

/// Whom an input is for.
enum Owner {
    /// A bot heard it.
    Taken(Box<Taken>),
    /// No bot wants it. It is noted all the same: should it come again, there may be a conversation that takes it for an answer.
    Nobody {
        /// The conversation cannot go on.
        over: bool,
    },
    /// There are no bots.
    NoBots,
}

/// A step that was taken.
struct Taken {
    bot: String,
    /// When the bot was made.
    made_at: Option<i64>,
    compiled: Arc<Compiled>,
    step: Step,
    salt: i64,
    order: Order,
    pending: Vec<Pending>,
    menus: Menus,
}

/// An input of a chat.
#[derive(Clone, Copy)]
pub(super) struct Hearing<'a> {
    pub(super) account: &'a AccountId,
    pub(super) chat: &'a str,
    /// Names the input within the chat.
    pub(super) id: &'a str,
    pub(super) input: &'a Input,
    /// What the person is called, if nobody knows better.
    pub(super) name: &'a str,
    /// The one bot that is meant, if not any.
    pub(super) bot: Option<&'a str>,
}

/// What became of an input, and what follows.
pub(super) struct Turn {
    pub(super) heard: Heard,
    /// Messages that follow.
    pub(super) says: usize,
    /// The conversation as it was written, when something is to be done.
    pub(super) record: Option<ConversationRecord>,
}

impl From<Heard> for Turn {
    fn from(heard: Heard) -> Self {
        Self { heard, says: 0, record: None }
    }
}

/// Hears an input.
pub(super) async fn take(shared: &Shared, hearing: Hearing<'_>) -> Result<Turn, TurnError> {
    let Hearing { account, chat, id, input, .. } = hearing;
    let store = &shared.store;
    // The commit fails for what was heard before, so that most inputs need no look; what nobody asked for is not refused then.
    let mut looks = consent::is_unasked(input);
    for _ in 0..TRIES {
        if looks && store.input_seen(account, chat, id).await? {
            return Ok(Heard::Again.into());
        }
        looks = true;
        let stored = store.conversation(account, chat).await?;
        let mut person = Person::load(&**store, account, chat).await?;
        if let Some(refusal) = consent::refusal(shared, stored.as_ref(), &person, input).await? {
            return Ok(Heard::Refused(refusal).into());
        }
        let contact = person.contact(hearing.name);
        let ctx = Ctx { now: shared.clock.now(), seed: seed(account, chat), contact: &contact };
        let mut first_said = None;
        let (list, turn) = match owner(shared, hearing, stored.as_ref(), &ctx).await? {
            Owner::Taken(taken) => {
                let refusal = consent::refusal_of_start(&taken.compiled, &taken.step.effects, &person, input);
                if let Some(refusal) = refusal {
                    return Ok(Heard::Refused(refusal).into());
                }
                let says = taken.step.effects.iter().filter_map(|effect| match effect {
                    Effect::Send { id, .. } => Some(*id),
                    _ => None,
                });
                first_said = says.clone().min();
                let says = says.count();
                let (list, record) =
                    changes(&mut person, account, chat, id, stored.as_ref(), *taken, ctx.now);
                (list, Turn { heard: Heard::Answered, says, record })
            }
            Owner::Nobody { over } => (passed_over(account, chat, id, over, ctx.now), Heard::Nobody.into()),
            Owner::NoBots => return Ok(Heard::Nobody.into()),
        };
        let mut changes = Changes::new(account.clone());
        changes.list = list;
        match store.commit(changes).await {
            Ok(()) => {
                if let Some(first) = first_said {
                    shared.outstanding.note(account, chat, first);
                }
                return Ok(turn);
            }
            // Another node was faster, or the same input came twice at once.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TurnError::Busy)
}

/// Owner turn it is: the bot of the conversation while it goes on, else the first that starts.
async fn owner(
    shared: &Shared,
    hearing: Hearing<'_>,
    stored: Option<&ConversationRecord>,
    ctx: &Ctx<'_>,
) -> Result<Owner, TurnError> {
    let account = hearing.account;
    let (store, workspace) = (&*shared.store, account.workspace());
    let is_meant = |bot: &str| hearing.bot.is_none_or(|meant| meant == bot);
    let menus = shared.outlet.menus(account);
    let live = stored.filter(|stored| stored.status != ConversationStatus::Ended);
    let envelope = stored.map(|stored| Envelope::from_bytes(&stored.state)).transpose();
    // What cannot be read is over: it would keep the chat from all that comes.
    let mut over = envelope.is_err() && live.is_some();
    if let Err(error) = &envelope {
        tracing::error!(%account, %error, "a conversation is over: it cannot be read");
    }
    let envelope = envelope.ok().flatten().unwrap_or_default();
    let mut order = envelope.order;
    let input = timed(shared, hearing, &envelope, ctx.now);
    let input = input.as_ref();
    if let Input::Message(message) = input {
        order.hear(message, ctx.now);
    }
    let going_on = live.filter(|_| goes_on(&envelope.state));
    let followed = match going_on {
        Some(record) => shared.catalog.followed(store, record, &envelope).await?,
        None => None,
    };
    let Envelope { mut salt, made_at, mut state, mut pending, .. } = envelope;
    match going_on {
        Some(record) => match followed {
            Some(_) if !is_meant(&record.flow) => return Ok(Owner::Nobody { over: false }),
            Some(compiled) => {
                let step = step(&compiled, state, input, ctx);
                let bot = record.flow.clone();
                let taken = Taken { bot, made_at, compiled, step, salt, order, pending, menus };
                return Ok(Owner::Taken(Box::new(taken)));
            }
            None => {
                tracing::error!(%account, bot = record.flow, version = record.version, "a conversation is over: its bot is gone");
                (over, state) = (true, ended(state));
            }
        },
        // It was ended from outside, and what it had still to say goes with it.
        None if live.is_none() && (goes_on(&state) || !pending.is_empty()) => {
            (state, pending) = (ended(state), Vec::new());
        }
        None => {}
    }
    let nobody = Owner::Nobody { over: over && pending.is_empty() };
    if matches!(input, Input::Timer { .. } | Input::Result { .. }) {
        return Ok(nobody);
    }
    let mut starting = shared.catalog.starting(store, workspace).await?;
    if starting.is_empty() && !over {
        return Ok(Owner::NoBots);
    }
    // These end or hold what is there; nothing begins with them.
    if matches!(input, Input::HumanTookOver | Input::HumanReleased | Input::Cancel) {
        return Ok(nobody);
    }
    starting.retain(|published| is_meant(&published.bot));
    // The numbers go on rising.
    let (former, fresh) = (stored.map(|stored| stored.flow.as_str()), state.clone().renew());
    let is_former = |published: &Published| {
        former == Some(&*published.bot) && made_at.is_none_or(|made_at| made_at == published.made_at)
    };
    let of = |published: &Published| if is_former(published) { &state } else { &fresh };
    if let Input::Message(message) = input {
        starting = fitting(shared, workspace, starting, message, ctx, of).await?;
    }
    salt = if salt == 0 { ctx.now } else { salt };
    for published in starting {
        let Some(compiled) = shared.catalog.compiled(store, workspace, &published).await? else { continue };
        let step = step(&compiled, of(&published).clone(), input, ctx);
        if step.state.is_live() || !step.effects.is_empty() {
            let Published { bot, made_at, .. } = published;
            let made_at = Some(made_at);
            let taken = Taken { bot, made_at, compiled, step, salt, order, pending, menus };
            return Ok(Owner::Taken(Box::new(taken)));
        }
    }
    Ok(nobody)
}

/// The input, with word of it when it is a message that was written before the person could see what the bot said last.
pub(super) fn timed<'a>(
    shared: &Shared,
    hearing: Hearing<'a>,
    envelope: &Envelope,
    now: i64,
) -> Cow<'a, Input> {
    let Input::Message(message) = hearing.input else { return Cow::Borrowed(hearing.input) };
    let given_at =
        match envelope.unsent().map(|id| shared.outstanding.given(hearing.account, hearing.chat, id)) {
            None => envelope.order.given_at,
            Some(Given::At(at)) => Some(at),
            // Not before it was noted.
            Some(Given::Unknown) => envelope.state.said_at(),
            Some(Given::NotYet) => Some(i64::MAX),
        };
    match given_at.is_some_and(|at| envelope.order.is_early(message, now, at)) {
        true => Cow::Owned(Input::Message(Message { early: true, ..message.clone() })),
        false => Cow::Borrowed(hearing.input),
    }
}

/// A message goes to the bot that it fits best; one that fits none, to the first that has something to say to it. Bots are asked one
/// after the other, so that no more than one is in memory beyond those that are kept there.
async fn fitting<'a>(
    shared: &Shared,
    workspace: &WorkspaceId,
    starting: Vec<Published>,
    message: &Message,
    ctx: &Ctx<'_>,
    state: impl Fn(&Published) -> &'a State,
) -> Result<Vec<Published>, StoreError> {
    let mut best: Option<(Fit, usize)> = None;
    for (place, published) in starting.iter().enumerate() {
        let compiled = shared.catalog.compiled(&*shared.store, workspace, published).await?;
        let fit = compiled.and_then(|compiled| compiled.fit(state(published), message, ctx));
        // Of two that fit as well, the first.
        if let Some(fit) = fit.filter(|fit| best.as_ref().is_none_or(|(best, _)| fit > best)) {
            best = Some((fit, place));
        }
    }
    Ok(match best {
        Some((_, best)) => starting.into_iter().skip(best).take(1).collect(),
        None => starting,
    })
}

/// Does what comes belong to this conversation? Also one that is over belongs to its bot while a person has the chat.
pub(super) fn goes_on(state: &State) -> bool {
    state.is_live() || state.timer().is_some() || state.status() == Status::HandedOff
}

/// What is left of a conversation that was ended from outside: the numbers go on rising.
fn ended(state: State) -> State {
    let State { seq, sent_at, quick, .. } = state;
    State { seq, sent_at, quick, ..State::default() }
}

/// All that a turn writes.
fn changes(
    person: &mut Person,
    account: &AccountId,
    chat: &str,
    id: &str,
    stored: Option<&ConversationRecord>,
    taken: Taken,
    now: i64,
) -> (Vec<Change>, Option<ConversationRecord>) {
    let Taken { bot, made_at, compiled, step, salt, order, mut pending, menus } = taken;
    let counts = counts::counts(&compiled, &step);
    let (mut list, mut events) = (vec![seen(account, chat, id, now)], Vec::new());
    for effect in &step.effects {
        list.extend(person.changes(effect, id, now));
        events.extend(of_effect(effect, &bot, (account, chat), now));
        pending.extend(Pending::of(effect, menus));
    }
    // What is alike stands in a row, and is written together.
    list.extend(events);
    let is_to_do = !pending.is_empty();
    let envelope = Envelope { salt, made_at, order, state: step.state, pending };
    let expected = stored.map(|stored| stored.revision);
    let record = record(account, chat, &bot, compiled.version(), envelope, expected, now);
    list.push(FlowChange::PutConversation { record: record.clone(), expected }.into());
    list.extend(
        counts.into_iter().map(|count| {
            FlowChange::CountNode { flow: bot.clone(), version: compiled.version(), count }.into()
        }),
    );
    (list, is_to_do.then_some(record))
}

/// The conversation as it is then.
pub(super) fn record(
    account: &AccountId,
    chat: &str,
    bot: &str,
    version: i64,
    envelope: Envelope,
    expected: Option<i64>,
    now: i64,
) -> ConversationRecord {
    let state = &envelope.state;
    let undone = (!envelope.pending.is_empty()).then_some(now + UNDONE);
    let wake_at = [state.wake_at(), undone].into_iter().flatten().min();
    // One that is over and has something to say goes on until it is said.
    let status = match stored_status(state) {
        ConversationStatus::Ended if undone.is_some() => ConversationStatus::Active,
        status => status,
    };
    ConversationRecord {
        account: account.clone(),
        chat: chat.to_owned(),
        flow: bot.to_owned(),
        version,
        state: envelope.to_bytes().into(),
        status,
        wake_at,
        revision: expected.unwrap_or_default() + 1,
        updated_at: now,
    }
}

/// A conversation that only said something is over.
fn stored_status(state: &State) -> ConversationStatus {
    match state.stored_status() {
        ConversationStatus::Active => ConversationStatus::Ended,
        status => status,
    }
}

/// Where chance comes from in a conversation.
pub(super) fn seed(account: &AccountId, chat: &str) -> u64 {
    fnv(format!("{account}\0{chat}").bytes())
}
