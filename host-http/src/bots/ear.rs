//! What people write, as inputs of their conversations.
use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures_util::stream::{self, TryStreamExt};
use whatsapp_bots::{
    Body, Input, Media, Message,
    runner::{Bots, TurnError},
};
use whatsapp_campaigns::runner::Ears;
use whatsapp_core::jid::Jid;
use whatsapp_store::{
    AccountId, Content, ConversationStatus, Error, ErrorKind, EventRecord, MenuKind, MessageRecord, Store,
};

use crate::{
    campaigns::{Received, answers, last_of, number},
    consumer::Ear,
    time::now_millis,
};

/// Messages that were written so long ago are not answered: their time is over.
const STALE: i64 = 24 * 3_600_000;
/// Chats that are heard at once.
const AT_ONCE: usize = 32;

pub(super) struct BotEar {
    pub(super) store: Arc<dyn Store>,
    pub(super) bots: Bots,
    pub(super) ears: Ears,
}

#[async_trait]
impl Ear for BotEar {
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
        stream::iter(by_chat(events).into_values().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |(account, messages)| async move {
                for (message, received_at) in messages {
                    self.hear(&account, message, received_at).await?;
                }
                Ok(())
            })
            .await
    }
}

/// A message, and when it reached the host: milliseconds since the Unix epoch.
type Arrived = (MessageRecord, i64);

/// The messages of each chat, in order: chats do not wait for each other.
fn by_chat(events: Vec<EventRecord>) -> BTreeMap<(String, String), (AccountId, Vec<Arrived>)> {
    let mut chats = BTreeMap::new();
    for event in events.into_iter().filter(|event| event.key == "message.received") {
        let Some(account) = event.account else { continue };
        let Ok(Received { message }) = serde_json::from_str(&event.data) else { continue };
        let place = (account.to_string(), message.key.chat.clone());
        chats.entry(place).or_insert_with(|| (account, Vec::new())).1.push((message, event.at));
    }
    chats
}

impl BotEar {
    async fn hear(&self, account: &AccountId, message: MessageRecord, received_at: i64) -> Result<(), Error> {
        let chat = message.key.chat.clone();
        let is_person = chat.parse::<Jid>().is_ok_and(|chat| chat.is_pn() || chat.is_lid());
        if !is_person || !is_said(&message.content) || now_millis() - message.timestamp > STALE {
            return Ok(());
        }
        let (id, name) = (message.key.id.clone(), message.push_name.clone().unwrap_or_default());
        let input = if message.from_me {
            // Somebody writes from the phone: a person has taken over, if there is anything to take.
            let stored = self.store.conversation(account, &chat).await?;
            if stored.is_none_or(|stored| stored.status == ConversationStatus::Ended) {
                return heard(account, self.bots.pass_over(account, &chat, &id).await);
            }
            Input::HumanTookOver
        } else {
            Input::Message(Message {
                received_at: Some(received_at),
                ..self.message(account, message).await?
            })
        };
        heard(account, self.bots.hear(account, &chat, &id, &input, &name).await.map(drop))
    }

    async fn message(&self, account: &AccountId, message: MessageRecord) -> Result<Message, Error> {
        let last = last_of(&*self.store, account, &message).await?;
        let first_contact = is_first(&message, &last);
        let answers = answers(&message, &last);
        let campaign = match number(&message.key.chat) {
            Some(from) => self.ears.campaign_of(account.workspace(), &from, &answers).await?,
            None => None,
        };
        let (text, body) = body(&message);
        let (id, at) = (message.key.id, Some(message.timestamp));
        Ok(Message { id, at, text, body, first_contact, campaign, ..Message::default() })
    }
}

/// Was it heard, or must it come again?
fn heard(account: &AccountId, heard: Result<(), TurnError>) -> Result<(), Error> {
    match heard {
        Ok(()) => Ok(()),
        Err(TurnError::Store(error)) => Err(error),
        Err(TurnError::Busy) => Err(Error::new(ErrorKind::Busy, "hearing a message for a bot")),
        // It would come again and again, and keep all others waiting.
        Err(error) => {
            tracing::error!(%account, %error, "a message was not heard by a bot");
            Ok(())
        }
    }
}

/// What a message is, as flows see it.
fn body(message: &MessageRecord) -> (String, Body) {
    let text = message.content.as_text().unwrap_or_default().to_owned();
    let other = |kind: &str| Body::Other { kind: kind.to_owned() };
    let body = match &message.content {
        Content::Text { .. } => Body::Text,
        Content::Location { latitude, longitude, name, .. } => Body::Location {
            latitude: *latitude,
            longitude: *longitude,
            name: name.clone().unwrap_or_default(),
        },
        Content::Media { kind, mime, size, name, .. } => Body::Media(Media {
            kind: kind.as_str().to_owned(),
            mime: mime.clone(),
            size: *size,
            name: name.clone().unwrap_or_default(),
            reference: message.key.id.clone(),
        }),
        Content::Contact { name, vcard } => Body::contact(name, vcard),
        Content::Choice { of: MenuKind::List, id, .. } => Body::List { row: id.clone() },
        Content::Choice { id, .. } => Body::Button { payload: id.clone() },
        Content::Unsupported { kind } => other(kind),
        content => other(content.type_name()),
    };
    (text, body)
}

/// Is it the first of its chat, of which these are the last ones, the newest first? What was written after it, such as while nobody
/// was there to hear it, does not count.
fn is_first(message: &MessageRecord, last: &[MessageRecord]) -> bool {
    let place = last.iter().position(|other| other.key == message.key);
    place.is_some_and(|place| last[place + 1..].iter().all(|other| other.from_me || !is_said(&other.content)))
}

/// Did somebody say it? Reactions, votes, calls and what this version does not know are not: they start nothing, and a person who
/// sends them has not taken over.
fn is_said(content: &Content) -> bool {
    match content {
        Content::Reaction { .. } | Content::Unsupported { .. } => false,
        Content::Text { text } => !text.trim().is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{MessageKey, MessageStatus, Source};

    use super::*;

    #[test]
    fn the_first_message_is_the_first_also_when_others_came_before_it_was_heard() {
        let message = |id: &str, from_me| MessageRecord {
            key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.into() },
            from_me,
            timestamp: 0,
            content: Content::text("hi"),
            edited_at: None,
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
        };
        let last = [message("3", false), message("2", false), message("1", true)];
        assert!(is_first(&last[1], &last), "ours before it are no contact of theirs");
        assert!(!is_first(&last[0], &last));
        assert!(!is_first(&message("0", false), &last), "it may be any");
    }

    #[test]
    fn what_is_about_another_message_is_not_said() {
        let unsupported = |kind: &str| Content::Unsupported { kind: kind.to_owned() };
        assert!(is_said(&Content::text("hi")) && !is_said(&Content::text(" ")));
        assert!(!is_said(&Content::Reaction { emoji: "x".into(), message_id: "1".into() }));
        for kind in
            ["poll_update_message", "event_message", "keep_in_chat_message", "call_log_mesage", "unknown", ""]
        {
            assert!(!is_said(&unsupported(kind)), "{kind}");
        }
    }
}
