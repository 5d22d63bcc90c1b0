//! One turn: an input, the conversation as it is then, and all that follows, in one commit.
use std::borrow::Cow;

use serde_json::json;
use whatsapp_store::{
    AccountId, Change, Changes, ConversationRecord, ConversationStatus, Error as StoreError, ErrorKind,
    FlowChange, hash::fnv1a,
};

use super::{
    Shared,
    consent::{self, Refusal},
    counts,
    envelope::{Envelope, Pending},
    events::{event, of_effect},
    owner::{Owner, Taken, owner},
    person::Person,
    unheard::{passed_over, seen},
};
use crate::{Ctx, Effect, Input, State, Trouble};

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
    /// What is noted with it.
    pub(super) also: Option<Also<'a>>,
}

/// Of a message and its edit, one is heard, and both are noted.
#[derive(Clone, Copy)]
pub(super) enum Also<'a> {
    /// The edit that the message stands with.
    Edit(&'a str),
    /// The message that it is an edit of. If it was heard before, the edit is an input of its own.
    Message(&'a str),
}

impl<'a> Hearing<'a> {
    /// The input, and the second name under which it is noted.
    pub(super) async fn resolved(
        &self,
        shared: &Shared,
    ) -> Result<(Cow<'a, Input>, Option<&'a str>), StoreError> {
        let input = Cow::Borrowed(self.input);
        Ok(match self.also {
            None => (input, None),
            Some(Also::Edit(edit)) => (input, Some(edit)),
            Some(Also::Message(message)) => {
                match (shared.store.input_seen(self.account, self.chat, message).await?, self.input) {
                    (true, Input::Message(message)) => (Cow::Owned(Input::Edited(message.clone())), None),
                    (true, _) => (input, None),
                    (false, _) => (input, Some(message)),
                }
            }
        })
    }

    /// The message that the person wrote, as evidence of what it asks for.
    const fn evidence(&self) -> &'a str {
        match self.also {
            Some(Also::Message(message)) => message,
            _ => self.id,
        }
    }
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
    let Hearing { account, chat, id, .. } = hearing;
    let store = &shared.store;
    // The commit fails for what was heard before, so that most inputs need no look; what nobody asked for is not refused then.
    let mut looks = consent::is_unasked(hearing.input) || hearing.also.is_some();
    for _ in 0..TRIES {
        if looks && store.input_seen(account, chat, id).await? {
            return Ok(Heard::Again.into());
        }
        looks = true;
        let (input, also) = hearing.resolved(shared).await?;
        let hearing = Hearing { input: &input, ..hearing };
        let stored = store.conversation(account, chat).await?;
        let mut person = Person::load(&**store, account, chat).await?;
        if let Some(refusal) = consent::refusal(shared, stored.as_ref(), &person, &input).await? {
            return Ok(Heard::Refused(refusal).into());
        }
        let contact = person.contact(hearing.name);
        let ctx = Ctx { now: shared.clock.now(), seed: seed(account, chat), contact: &contact };
        let mut first_said = None;
        let (list, turn) = match owner(shared, hearing, stored.as_ref(), &ctx).await? {
            Owner::Taken(mut taken) => {
                let effects = &taken.step.effects;
                if let Some(refusal) = consent::refusal_of_start(&taken.compiled, effects, &person, &input) {
                    return Ok(Heard::Refused(refusal).into());
                }
                let says = effects.iter().filter_map(|effect| match effect {
                    Effect::Send { id, .. } => Some(*id),
                    _ => None,
                });
                first_said = says.clone().min();
                let says = says.count();
                taken.recent.take(&input, ctx.now);
                let (list, record) = changes(&mut person, hearing, stored.as_ref(), *taken, ctx.now);
                (list, Turn { heard: Heard::Answered, says, record })
            }
            Owner::Nobody { over, late } => {
                let mut list = passed_over(account, chat, id, over, ctx.now);
                list.extend(late.map(|bot| ignored(hearing, &bot, ctx.now)));
                (list, Heard::Nobody.into())
            }
            Owner::NoBots => return Ok(Heard::Nobody.into()),
        };
        let mut changes = Changes::new(account.clone());
        changes.list = list;
        changes.list.extend(also.map(|id| seen(account, chat, id, ctx.now)));
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

/// All that a turn writes.
fn changes(
    person: &mut Person,
    hearing: Hearing<'_>,
    stored: Option<&ConversationRecord>,
    taken: Taken,
    now: i64,
) -> (Vec<Change>, Option<ConversationRecord>) {
    let Hearing { account, chat, id, .. } = hearing;
    let Taken { bot, made_at, compiled, step, salt, order, recent, mut pending, menus } = taken;
    let counts = counts::counts(&compiled, &step);
    let (mut list, mut events) = (vec![seen(account, chat, id, now)], Vec::new());
    for effect in &step.effects {
        list.extend(person.changes(effect, hearing.evidence(), now));
        events.extend(match effect {
            Effect::Log { code: Trouble::Edited, .. } => Some(ignored(hearing, &bot, now)),
            _ => of_effect(effect, &bot, (account, chat), now),
        });
        pending.extend(Pending::of(effect, menus));
    }
    // What is alike stands in a row, and is written together.
    list.extend(events);
    let is_to_do = !pending.is_empty();
    let envelope = Envelope { salt, made_at, order, recent, state: step.state, pending };
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

/// That an edit came too late, for whoever looks after the chat.
fn ignored(hearing: Hearing<'_>, bot: &str, at: i64) -> Change {
    let Hearing { account, chat, .. } = hearing;
    let (code, reason) = (Trouble::Edited.code(), Trouble::Edited.to_string());
    let more = json!({ "messageId": hearing.evidence(), "code": code, "reason": reason });
    event("chatbot.edit.ignored", bot, (account, chat), more, at)
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
    fnv1a(format!("{account}\0{chat}").bytes())
}
