//! Whose turn it is: the bot of the conversation while it goes on, else the one that starts.
use std::{borrow::Cow, sync::Arc};

use whatsapp_store::{ConversationRecord, ConversationStatus, Error as StoreError, WorkspaceId};

use super::{
    Shared,
    catalog::Published,
    envelope::{Envelope, Pending},
    order::Order,
    outstanding::Given,
    recent::Recent,
    turn::{Hearing, TurnError},
};
use crate::{Compiled, Ctx, Fit, Input, Meaning, Menus, Message, State, Status, Step, step};

/// Whom an input is for.
pub(super) enum Owner {
    /// A bot heard it.
    Taken(Box<Taken>),
    /// No bot wants it. It is noted all the same: should it come again, there may be a conversation that takes it for an answer.
    Nobody {
        /// The conversation cannot go on.
        over: bool,
        /// It is an edit of a message that a conversation with this bot took: it comes too late.
        late: Option<String>,
    },
    /// There are no bots.
    NoBots,
}

/// A step that was taken.
pub(super) struct Taken {
    pub(super) bot: String,
    /// When the bot was made.
    pub(super) made_at: Option<i64>,
    pub(super) compiled: Arc<Compiled>,
    pub(super) step: Step,
    pub(super) salt: i64,
    pub(super) order: Order,
    pub(super) recent: Recent,
    pub(super) pending: Vec<Pending>,
    pub(super) menus: Menus,
}

/// Finds it, and takes the step.
pub(super) async fn owner(
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
    let Envelope { mut salt, made_at, recent, mut state, mut pending, .. } = envelope;
    match going_on {
        Some(record) => match followed {
            Some(_) if !is_meant(&record.flow) => return Ok(Owner::Nobody { over: false, late: None }),
            Some(compiled) => {
                let step = step(&compiled, state, input, ctx);
                let bot = record.flow.clone();
                let taken = Taken { bot, made_at, compiled, step, salt, order, recent, pending, menus };
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
    let nobody = |late| Ok(Owner::Nobody { over: over && pending.is_empty(), late });
    if matches!(input, Input::Timer { .. } | Input::Result { .. } | Input::Deleted { .. }) {
        return nobody(None);
    }
    let mut starting = shared.catalog.starting(store, workspace).await?;
    if starting.is_empty() && !over {
        return Ok(Owner::NoBots);
    }
    // These end or hold what is there; nothing begins with them.
    if matches!(input, Input::HumanTookOver | Input::HumanReleased | Input::Cancel) {
        return nobody(None);
    }
    starting.retain(|published| is_meant(&published.bot));
    // The numbers go on rising.
    let (former, fresh) = (stored.map(|stored| stored.flow.as_str()), state.clone().renew());
    let is_former = |published: &Published| {
        former == Some(&*published.bot) && made_at.is_none_or(|made_at| made_at == published.made_at)
    };
    let of = |published: &Published| if is_former(published) { &state } else { &fresh };
    let mut late = None;
    let input = match input {
        Input::Edited(message) if recent.took(message) => {
            late = former.map(str::to_owned);
            starting = stopping(shared, workspace, starting, message, ctx, of).await?;
            Cow::Borrowed(input)
        }
        // It started nothing as it was.
        Input::Edited(message) => Cow::Owned(Input::Message(message.clone())),
        _ => Cow::Borrowed(input),
    };
    if let Input::Message(message) = &*input {
        starting = fitting(shared, workspace, starting, message, ctx, of).await?;
    }
    salt = if salt == 0 { ctx.now } else { salt };
    for published in starting {
        let Some(compiled) = shared.catalog.compiled(store, workspace, &published).await? else { continue };
        let step = step(&compiled, of(&published).clone(), &input, ctx);
        if step.state.is_live() || !step.effects.is_empty() {
            let Published { bot, made_at, .. } = published;
            let made_at = Some(made_at);
            let taken = Taken { bot, made_at, compiled, step, salt, order, recent, pending, menus };
            return Ok(Owner::Taken(Box::new(taken)));
        }
    }
    nobody(late)
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

/// Of an edit that comes too late, only a bot hears something that has a command which ends messages for it.
async fn stopping<'a>(
    shared: &Shared,
    workspace: &WorkspaceId,
    starting: Vec<Published>,
    message: &Message,
    ctx: &Ctx<'_>,
    state: impl Fn(&Published) -> &'a State,
) -> Result<Vec<Published>, StoreError> {
    for published in starting {
        let compiled = shared.catalog.compiled(&*shared.store, workspace, &published).await?;
        let stops =
            |bot: Arc<Compiled>| bot.meaning_of_edit(state(&published), message, ctx) == Meaning::Stop;
        if compiled.is_some_and(stops) {
            return Ok(vec![published]);
        }
    }
    Ok(Vec::new())
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
