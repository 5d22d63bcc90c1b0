//! One turn: an input, the conversation as it is then, and all that follows, in one commit.
use std::sync::Arc;

use serde_json::{Value as Json, json};
use whatsapp_store::{
    AccountId, Change, Changes, ConversationRecord, ConversationStatus, Error as StoreError, ErrorKind,
    EventChange, FlowChange, NewEvent,
};

use super::{
    Shared,
    envelope::{Envelope, Pending},
    person::Person,
};
use crate::{Compiled, Ctx, Effect, Event, Input, Menus, State, Step, step};

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
    /// What is stored cannot be used.
    #[error("what is stored of the conversation cannot be used: end it, so that a new one can begin")]
    Stored,
}

/// A step that was taken.
struct Taken {
    bot: String,
    compiled: Arc<Compiled>,
    step: Step,
    salt: i64,
    pending: Vec<Pending>,
    menus: Menus,
}

/// Hears an input.
pub(super) async fn take(
    shared: &Shared,
    account: &AccountId,
    chat: &str,
    id: &str,
    input: &Input,
    name: &str,
) -> Result<Heard, TurnError> {
    let store = &shared.store;
    for _ in 0..TRIES {
        if store.input_seen(account, chat, id).await? {
            return Ok(Heard::Again);
        }
        let stored = store.conversation(account, chat).await?;
        let mut person = Person::load(&**store, account, chat).await?;
        let contact = person.contact(name);
        let ctx = Ctx { now: shared.clock.now(), seed: seed(account, chat), contact: &contact };
        let Some(taken) = step_of(shared, account, stored.as_ref(), input, &ctx).await? else {
            return Ok(Heard::Nobody);
        };
        let list = changes(&mut person, account, chat, id, stored.as_ref(), taken, ctx.now);
        let mut changes = Changes::new(account.clone());
        changes.list = list;
        match store.commit(changes).await {
            Ok(()) => return Ok(Heard::Answered),
            // Another node was faster, or the same input came twice at once.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(TurnError::Busy)
}

/// Whose turn it is: the bot of the conversation while it is live, else the first that starts.
async fn step_of(
    shared: &Shared,
    account: &AccountId,
    stored: Option<&ConversationRecord>,
    input: &Input,
    ctx: &Ctx<'_>,
) -> Result<Option<Taken>, TurnError> {
    let (store, workspace) = (&*shared.store, account.workspace());
    let menus = shared.outlet.menus(account);
    let envelope = match stored {
        Some(record) => Envelope::from_bytes(&record.state).map_err(|_| TurnError::Stored)?,
        None => Envelope::default(),
    };
    let Envelope { mut salt, mut state, pending } = envelope;
    if let Some(record) = stored.filter(|_| state.is_live() || state.timer().is_some()) {
        let Some(compiled) = shared.catalog.bot(store, workspace, &record.flow, record.version).await? else {
            return Err(TurnError::Stored);
        };
        if record.status != ConversationStatus::Ended {
            let taken = step(&compiled, state, input, ctx);
            return Ok(Some(Taken { bot: record.flow.clone(), compiled, step: taken, salt, pending, menus }));
        }
        // It was ended from outside.
        state = step(&compiled, state, &Input::Cancel, ctx).state;
    }
    // The numbers go on rising.
    let state = state.renew();
    salt = if salt == 0 { ctx.now } else { salt };
    let starting = shared.catalog.starting(store, workspace).await?;
    let former = stored.map(|record| record.flow.as_str());
    // A message goes to the bot that it fits best; anything else to the first that has something to do with it.
    let starting = match input {
        Input::Message(message) => {
            let fit = |(bot, compiled): &(String, Arc<Compiled>)| match former == Some(bot) {
                true => compiled.fit(&state, message, ctx),
                false => compiled.fit(&State::default(), message, ctx),
            };
            let fits = starting.iter().enumerate().filter_map(|(place, bot)| Some((fit(bot)?, place)));
            // Of two that fit as well, the first.
            let best = fits.max_by(|(one, a), (other, b)| one.cmp(other).then(b.cmp(a)));
            let commands = best.is_none();
            starting
                .into_iter()
                .enumerate()
                .filter(|(place, _)| commands || best.as_ref().is_some_and(|(_, best)| best == place))
                .map(|(_, bot)| bot)
                .collect()
        }
        _ => starting,
    };
    for (bot, compiled) in starting {
        let taken = step(&compiled, state.clone(), input, ctx);
        if taken.state.is_live() || !taken.effects.is_empty() {
            return Ok(Some(Taken { bot, compiled, step: taken, salt, pending, menus }));
        }
    }
    Ok(None)
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
) -> Vec<Change> {
    let Taken { bot, compiled, step, salt, mut pending, menus } = taken;
    let mut list: Vec<Change> = vec![
        FlowChange::SeenInput {
            account: account.clone(),
            chat: chat.to_owned(),
            message_id: id.to_owned(),
            at: now,
        }
        .into(),
    ];
    for effect in &step.effects {
        list.extend(person.changes(effect, id, now));
        list.extend(told(effect, &bot, (account, chat, salt), now));
        pending.extend(Pending::of(effect, menus));
    }
    let envelope = Envelope { salt, state: step.state, pending };
    list.push(record(
        account,
        chat,
        &bot,
        compiled.version(),
        envelope,
        stored.map(|stored| stored.revision),
        now,
    ));
    let mut counts = compiled.counts(&step.trace);
    counts.sort_by(|one, other| one.node.cmp(&other.node));
    list.extend(
        counts.into_iter().map(|count| {
            FlowChange::CountNode { flow: bot.clone(), version: compiled.version(), count }.into()
        }),
    );
    list
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
) -> Change {
    let state = &envelope.state;
    let undone = (!envelope.pending.is_empty()).then_some(now + UNDONE);
    let wake_at = [state.wake_at(), undone].into_iter().flatten().min();
    // One that is over and has something to say goes on until it is said.
    let status = match stored_status(state) {
        ConversationStatus::Ended if undone.is_some() => ConversationStatus::Active,
        status => status,
    };
    FlowChange::PutConversation {
        record: ConversationRecord {
            account: account.clone(),
            chat: chat.to_owned(),
            flow: bot.to_owned(),
            version,
            state: envelope.to_bytes().into(),
            status,
            wake_at,
            revision: expected.unwrap_or_default() + 1,
            updated_at: now,
        },
        expected,
    }
    .into()
}

/// A conversation that only said something is over.
fn stored_status(state: &State) -> ConversationStatus {
    match state.stored_status() {
        ConversationStatus::Active => ConversationStatus::Ended,
        status => status,
    }
}

/// The event of an effect, for whoever listens.
fn told(
    effect: &Effect,
    bot: &str,
    (account, chat, salt): (&AccountId, &str, i64),
    at: i64,
) -> Option<Change> {
    let (key, more): (&str, Json) = match effect {
        Effect::Emit(Event::Started { flow, trigger }) => {
            ("chatbot.triggered", json!({ "flow": flow, "trigger": trigger }))
        }
        Effect::Emit(Event::Ended { outcome }) => ("chatbot.ended", json!({ "outcome": outcome })),
        Effect::Emit(Event::Custom { name, data }) => {
            ("chatbot.event", json!({ "name": name, "data": data }))
        }
        Effect::Emit(event @ Event::Guard { .. }) => ("chatbot.stopped", json!(event)),
        Effect::Handoff { queue, note } => ("chatbot.handoff", json!({ "queue": queue, "note": note })),
        Effect::StartCampaign { campaign, path } => {
            ("chatbot.campaign", json!({ "campaignId": campaign, "path": path }))
        }
        Effect::Send { id, .. } => {
            ("chatbot.response.sent", json!({ "messageId": message_id(account, chat, salt, *id) }))
        }
        Effect::Log { code, .. } => {
            tracing::info!(bot, code = code.code(), "{code}");
            return None;
        }
        _ => return None,
    };
    let mut data = json!({ "chatbotId": bot, "sessionId": account.to_string(), "chat": chat });
    if let (Some(data), Json::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    Some(EventChange::Put(NewEvent { key: key.to_owned(), data: data.to_string(), at }).into())
}

/// The id of a message that a bot sends: it follows from the conversation, so that it is the same after a crash. `3EB0` and 18
/// digits, of two hashes (FNV-1a).
pub(super) fn message_id(account: &AccountId, chat: &str, salt: i64, effect: u64) -> String {
    let name = format!("{account}\0{chat}\0{salt}\0{effect}");
    let (one, other) = (fnv(name.bytes()), fnv(name.bytes().rev()));
    format!("3EB0{one:016X}{:02X}", other & 0xff)
}

/// Where chance comes from in a conversation.
fn seed(account: &AccountId, chat: &str) -> u64 {
    fnv(format!("{account}\0{chat}").bytes())
}

fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
