//! What people did with messages, as the events of clients tell it.
use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use whatsapp_store::{AccountId, EventRecord, MessageKey, MessageRecord};

use super::person;

pub(super) enum Happened {
    /// A new message.
    Received(Box<MessageRecord>),
    /// A person edited a message of theirs, at that time.
    Edited { key: MessageKey, edited_at: i64 },
    /// A person deleted a message of theirs for everyone.
    Deleted(MessageKey),
}

/// The data of `message.received`.
#[derive(Deserialize)]
struct Received {
    message: Box<MessageRecord>,
}

/// The data of `message.edited` and `message.deleted`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    message: MessageKey,
    from_me: bool,
    edited_at: Option<i64>,
}

impl Happened {
    /// What an event tells; `None` when it is nothing that a person did with a message in a chat of their own.
    fn of(event: &EventRecord) -> Option<Self> {
        let happened = match &*event.key {
            "message.received" => Self::Received(read::<Received>(event)?.message),
            "message.edited" => {
                let Changed { message: key, from_me, edited_at } = read(event)?;
                Self::Edited { key, edited_at: edited_at.filter(|_| !from_me)? }
            }
            "message.deleted" => {
                let Changed { message, from_me, .. } = read(event)?;
                (!from_me).then_some(Self::Deleted(message))?
            }
            _ => return None,
        };
        person(happened.chat()).map(|_| happened)
    }

    fn chat(&self) -> &str {
        match self {
            Self::Received(message) => &message.key.chat,
            Self::Edited { key, .. } | Self::Deleted(key) => &key.chat,
        }
    }
}

fn read<T: DeserializeOwned>(event: &EventRecord) -> Option<T> {
    serde_json::from_str(&event.data).ok()
}

/// What happened, and when the host noted it: milliseconds since the Unix epoch.
type Noted = (Happened, i64);

/// What happened in each chat with one person, in order: chats do not wait for each other.
pub(super) fn by_chat(events: Vec<EventRecord>) -> BTreeMap<(String, String), (AccountId, Vec<Noted>)> {
    let mut chats = BTreeMap::new();
    for event in events {
        let (Some(account), Some(happened)) = (event.account.clone(), Happened::of(&event)) else { continue };
        let place = (account.to_string(), happened.chat().to_owned());
        chats.entry(place).or_insert_with(|| (account, Vec::new())).1.push((happened, event.at));
    }
    chats
}
