//! Events of conversations, and the ids of what they are about.
use serde_json::{Value as Json, json};
use whatsapp_store::{AccountId, Change, EventChange, NewEvent, hash::fnv1a};

use crate::{Effect, Event};

/// The event of an effect, for whoever listens.
pub(super) fn of_effect(
    effect: &Effect,
    bot: &str,
    (account, chat): (&AccountId, &str),
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
        Effect::Log { code, .. } => {
            tracing::info!(bot, code = code.code(), "{code}");
            return None;
        }
        _ => return None,
    };
    Some(event(key, bot, (account, chat), more, at))
}

/// An event of a conversation.
pub(super) fn event(
    key: &str,
    bot: &str,
    (account, chat): (&AccountId, &str),
    more: Json,
    at: i64,
) -> Change {
    let mut data = json!({ "chatbotId": bot, "sessionId": account.to_string(), "chat": chat });
    if let (Some(data), Json::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    EventChange::Put(NewEvent { key: key.to_owned(), data: data.to_string(), at }).into()
}

/// The id of a message that a bot sends: it follows from the conversation, so that it is the same after a crash. `3EB0` and 18
/// digits, of two hashes (FNV-1a).
pub(super) fn message_id(account: &AccountId, chat: &str, salt: i64, effect: u64) -> String {
    let name = format!("{account}\0{chat}\0{salt}\0{effect}");
    let (one, other) = (fnv1a(name.bytes()), fnv1a(name.bytes().rev()));
    format!("3EB0{one:016X}{:02X}", other & 0xff)
}
