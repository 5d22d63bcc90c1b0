//! What people write, for those who read it: first the campaigns, then the bots.
//!
//! Both read one message in one place, since they must not both act on it: an answer that a conversation with a bot takes is no wish
//! to get messages or to get none, and whoever wants none is not asked on by a bot. A message comes again after a crash; the bots
//! note it last, so that one they have heard was read by the campaigns, too.
mod message;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures_util::stream::{self, TryStreamExt};
use serde::Deserialize;
use whatsapp_bots::{
    Input, Meaning, Message,
    runner::{Bots, TurnError},
};
use whatsapp_campaigns::{
    consent::{TakenAs, Wish},
    runner::{Ears, Incoming},
};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::{
    AccountId, ConversationStatus, Error, ErrorKind, EventRecord, MessageQuery, MessageRecord, Store,
};

use self::message::{answers, body, is_first, is_said};
use crate::{consumer::Ear, time::now_millis};

/// Messages that were written so long ago are not answered by bots: their time is over. Wishes have no end.
const STALE: i64 = 24 * 3_600_000;
/// Chats that are heard at once.
const AT_ONCE: usize = 32;
/// A reply is to one of so many last messages of the chat.
const LAST: u32 = 10;

/// Reads `message.received`.
pub(crate) struct Inbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bots: Bots,
    pub(crate) ears: Ears,
}

/// The data of `message.received`.
#[derive(Deserialize)]
struct Received {
    message: MessageRecord,
}

#[async_trait]
impl Ear for Inbox {
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

/// The messages of each chat with one person, in order: chats do not wait for each other.
fn by_chat(events: Vec<EventRecord>) -> BTreeMap<(String, String), (AccountId, Vec<Arrived>)> {
    let mut chats = BTreeMap::new();
    for event in events.into_iter().filter(|event| event.key == "message.received") {
        let Some(account) = event.account else { continue };
        let Ok(Received { message }) = serde_json::from_str(&event.data) else { continue };
        if person(&message.key.chat).is_none() {
            continue;
        }
        let place = (account.to_string(), message.key.chat.clone());
        chats.entry(place).or_insert_with(|| (account, Vec::new())).1.push((message, event.at));
    }
    chats
}

/// The person of a chat, as campaigns know people: the digits of a number, or a LID with `@lid`.
fn person(chat: &str) -> Option<String> {
    let jid: Jid = chat.parse().ok()?;
    match jid.server {
        Server::User => Some(jid.user.to_string()),
        Server::Lid => Some(chat.to_owned()),
        _ => None,
    }
}

impl Inbox {
    async fn hear(&self, account: &AccountId, message: MessageRecord, received_at: i64) -> Result<(), Error> {
        let is_for_bots = is_said(&message.content) && now_millis() - message.timestamp <= STALE;
        if message.from_me {
            return if is_for_bots { self.person_wrote(account, &message).await } else { Ok(()) };
        }
        let last = self.last_of(account, &message).await?;
        let input = Input::Message(Message {
            received_at: Some(received_at),
            ..self.message(account, &message, &last).await?
        });
        let (meaning, wish) = self.wish(account, &message, &last, &input).await?;
        if !is_for_bots {
            return Ok(());
        }
        let input = if wish == Some(Wish::Stop) && is_unheard(meaning) { Input::Cancel } else { input };
        let (key, name) = (&message.key, message.push_name.as_deref().unwrap_or_default());
        heard(account, self.bots.hear(account, &key.chat, &key.id, &input, name).await.map(drop))
    }

    /// Somebody writes from the phone: a person has taken over, if there is anything to take.
    async fn person_wrote(&self, account: &AccountId, message: &MessageRecord) -> Result<(), Error> {
        let (chat, id) = (&message.key.chat, &message.key.id);
        let stored = self.store.conversation(account, chat).await?;
        if stored.is_none_or(|stored| stored.status == ConversationStatus::Ended) {
            return heard(account, self.bots.pass_over(account, chat, id).await);
        }
        let name = message.push_name.as_deref().unwrap_or_default();
        heard(account, self.bots.hear(account, chat, id, &Input::HumanTookOver, name).await.map(drop))
    }

    /// What a message is to the bots, as far as that matters, and what it asks of the campaigns, which is done.
    async fn wish(
        &self,
        account: &AccountId,
        message: &MessageRecord,
        last: &[MessageRecord],
        input: &Input,
    ) -> Result<(Option<Meaning>, Option<Wish>), Error> {
        let Some(from) = person(&message.key.chat) else { return Ok((None, None)) };
        let (workspace, text) = (account.workspace(), message.content.as_text().map(str::to_owned));
        let asks = match &text {
            Some(text) => self.ears.asks(workspace, text).await?,
            None => false,
        };
        let (meaning, taken) =
            if asks { self.meaning(account, message, input).await? } else { Default::default() };
        let incoming = Incoming {
            id: message.key.id.clone(),
            account: account.to_string(),
            from,
            text,
            answers: answers(message, last),
            at: message.timestamp,
            taken,
        };
        Ok((meaning, self.ears.incoming(workspace, &incoming).await?.wish))
    }

    async fn meaning(
        &self,
        account: &AccountId,
        message: &MessageRecord,
        input: &Input,
    ) -> Result<(Option<Meaning>, TakenAs), Error> {
        let (key, name) = (&message.key, message.push_name.as_deref().unwrap_or_default());
        let meaning = match self.bots.meaning(account, &key.chat, &key.id, input, name).await {
            Ok(meaning) => meaning,
            Err(TurnError::Store(error)) => return Err(error),
            Err(_) => return Err(Error::new(ErrorKind::Busy, "asking bots what a message means")),
        };
        let taken = match meaning {
            // What was heard before was read before.
            None | Some(Meaning::Choice | Meaning::Command) => TakenAs::Choice,
            Some(Meaning::Answer) => TakenAs::Answer,
            Some(Meaning::Trigger) => TakenAs::Trigger,
            _ => TakenAs::Nothing,
        };
        Ok((meaning, taken))
    }

    async fn message(
        &self,
        account: &AccountId,
        message: &MessageRecord,
        last: &[MessageRecord],
    ) -> Result<Message, Error> {
        let first_contact = is_first(message, last);
        let campaign = match person(&message.key.chat) {
            Some(from) => self.ears.campaign_of(account.workspace(), &from, &answers(message, last)).await?,
            None => None,
        };
        let (text, body) = body(message);
        let (id, at) = (message.key.id.clone(), Some(message.timestamp));
        Ok(Message { id, at, text, body, first_contact, campaign, ..Message::default() })
    }

    /// The last messages of a message's chat.
    async fn last_of(
        &self,
        account: &AccountId,
        message: &MessageRecord,
    ) -> Result<Vec<MessageRecord>, Error> {
        let query =
            MessageQuery { chat: Some(message.key.chat.clone()), limit: LAST, ..MessageQuery::default() };
        Ok(self.store.messages(account, &query).await?.messages)
    }
}

/// Does no bot have words of its own for it? Then none answers somebody who wants no more messages.
fn is_unheard(meaning: Option<Meaning>) -> bool {
    matches!(meaning, Some(Meaning::Answer | Meaning::Other))
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

#[cfg(test)]
mod tests;
