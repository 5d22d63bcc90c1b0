//! What people write, for those who read it: first the campaigns, then the bots.
//!
//! Both read one message in one place, since they must not both act on it: an answer that a conversation with a bot takes is no wish
//! to get messages or to get none, and whoever wants none is not asked on by a bot. A message comes again after a crash; the bots
//! note it last, so that one they have heard was read by the campaigns, too.
//!
//! # Edits and deletions
//!
//! A message is read as it stands when its turn comes: with the text of its last edit, and not at all once it was deleted. What its
//! sender makes of it afterwards:
//!
//! | | campaigns | bots |
//! |---|---|---|
//! | an edit | what the text asks for (stop, opt in) is heard as if it had been written so | see [`whatsapp_bots::runner::Edit`] |
//! | a deletion | nothing: what was heard stays | one that waits to be answered is gone |
//! | an edit or a deletion of our own message | nothing | nothing |
//! | an edit more than a quarter of an hour later, or of a message from the history | nothing | nothing |
//!
//! An edit that was edited again, or whose message was deleted, when its turn comes has no effect: the later one does. Its input id is
//! made of the message's id, the time of the edit and a hash of the text, so that it is heard once however often it comes.
mod happened;
mod message;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, TryStreamExt};
use whatsapp_bots::{
    Input, Meaning, Message,
    runner::{Bots, Edit, TurnError},
};
use whatsapp_campaigns::{
    consent::{TakenAs, Wish},
    runner::{Ears, Incoming},
};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::{
    AccountId, Content, ConversationStatus, Error, ErrorKind, EventRecord, MessageKey, MessageQuery,
    MessageRecord, Store,
};

use self::{
    happened::{Happened, by_chat},
    message::{answers, body, edit_id, is_first, is_in_time, is_said},
};
use crate::{consumer::Ear, time::now_millis};

/// Messages that were written so long ago are not answered by bots: their time is over. Wishes have no end.
const STALE: i64 = 24 * 3_600_000;
/// Chats that are heard at once.
const AT_ONCE: usize = 32;
/// A reply is to one of so many last messages of the chat.
const LAST: u32 = 10;

/// Reads `message.received`, `message.edited` and `message.deleted`.
pub(crate) struct Inbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bots: Bots,
    pub(crate) ears: Ears,
}

#[async_trait]
impl Ear for Inbox {
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
        stream::iter(by_chat(events).into_values().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |(account, happened)| async move {
                for (happened, at) in happened {
                    match happened {
                        Happened::Received(message) => self.received(&account, *message, at).await?,
                        Happened::Edited { key, edited_at } => {
                            self.edited(&account, &key, edited_at, at).await?;
                        }
                        Happened::Deleted(key) => {
                            let told = self.bots.hear_deletion(&account, &key.chat, &key.id).await;
                            heard(&account, told)?;
                        }
                    }
                }
                Ok(())
            })
            .await
    }
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

/// A text of a message, whose turn has come.
struct Said<'a> {
    account: &'a AccountId,
    message: &'a MessageRecord,
    /// The last messages of the chat, the newest first.
    last: &'a [MessageRecord],
    /// What bots hear.
    input: &'a Input,
    /// The input id of the edit that the message stands with.
    edit: Option<&'a str>,
    /// Is it the turn of the edit, and not of the message?
    is_edit: bool,
}

impl<'a> Said<'a> {
    /// The edit, with what bots hear of it.
    fn edit<'b>(&'b self, input: &'b Input) -> Option<Edit<'b>> {
        let (key, name) = (&self.message.key, self.name());
        let edit = |id| Edit { account: self.account, chat: &key.chat, message: &key.id, id, input, name };
        self.edit.map(edit)
    }

    fn name(&self) -> &'a str {
        self.message.push_name.as_deref().unwrap_or_default()
    }
}

impl Inbox {
    async fn received(
        &self,
        account: &AccountId,
        message: MessageRecord,
        received_at: i64,
    ) -> Result<(), Error> {
        if message.from_me {
            let is_for_bots = is_said(&message.content) && now_millis() - message.timestamp <= STALE;
            return if is_for_bots { self.person_wrote(account, &message).await } else { Ok(()) };
        }
        let last = self.last_of(account, &message.key).await?;
        let message = self.as_it_stands(account, message, &last).await?;
        if matches!(message.content, Content::Deleted { .. }) {
            let (chat, id) = (&message.key.chat, &message.key.id);
            return heard(account, self.bots.pass_over(account, chat, id).await);
        }
        let edit = message.edited_at.map(|at| edit_id(&message, at));
        let input = self.input(account, &message, &last, received_at).await?;
        let said = Said {
            account,
            message: &message,
            last: &last,
            input: &input,
            edit: edit.as_deref(),
            is_edit: false,
        };
        self.hear(&said).await
    }

    async fn edited(
        &self,
        account: &AccountId,
        key: &MessageKey,
        edited_at: i64,
        received_at: i64,
    ) -> Result<(), Error> {
        // One that is not there yet comes with its edit; one that never comes was never heard.
        let Some(message) = self.store.message(account, key).await? else { return Ok(()) };
        if message.from_me || message.edited_at != Some(edited_at) || !is_in_time(&message) {
            return Ok(());
        }
        if !is_said(&message.content) {
            // Nothing is left of it.
            return heard(account, self.bots.hear_deletion(account, &key.chat, &key.id).await);
        }
        let last = self.last_of(account, key).await?;
        let input = self.input(account, &message, &last, received_at).await?;
        let edit = edit_id(&message, edited_at);
        let (message, last, input, edit) = (&message, &*last, &input, Some(&*edit));
        self.hear(&Said { account, message, last, input, edit, is_edit: true }).await
    }

    /// A message as its sender has left it by now.
    async fn as_it_stands(
        &self,
        account: &AccountId,
        message: MessageRecord,
        last: &[MessageRecord],
    ) -> Result<MessageRecord, Error> {
        let stored = match last.iter().find(|other| other.key == message.key) {
            Some(stored) => Some(stored.clone()),
            None => self.store.message(account, &message.key).await?,
        };
        // Edits that come too late are none, and what is not stored any more is what was told of it.
        Ok(stored.filter(|stored| stored.edited_at.is_none() || is_in_time(stored)).unwrap_or(message))
    }

    async fn hear(&self, said: &Said<'_>) -> Result<(), Error> {
        let Said { account, message, .. } = *said;
        let (meaning, wish) = self.wish(said).await?;
        if !is_said(&message.content) || now_millis() - message.timestamp > STALE {
            return Ok(());
        }
        let is_cancelled = wish == Some(Wish::Stop) && is_unheard(meaning);
        let input = if is_cancelled { &Input::Cancel } else { said.input };
        let key = &message.key;
        let told = match said.edit(input) {
            Some(edit) if said.is_edit => self.bots.hear_edit(&edit).await,
            Some(edit) => self.bots.hear_edited_message(&edit).await,
            None => self.bots.hear(account, &key.chat, &key.id, input, said.name()).await,
        };
        heard(account, told.map(drop))
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
    async fn wish(&self, said: &Said<'_>) -> Result<(Option<Meaning>, Option<Wish>), Error> {
        let Said { account, message, .. } = *said;
        let Some(from) = person(&message.key.chat) else { return Ok((None, None)) };
        let (workspace, text) = (account.workspace(), message.content.as_text().map(str::to_owned));
        let asks = match &text {
            Some(text) => self.ears.asks(workspace, text).await?,
            None => false,
        };
        let (meaning, taken) = if asks { self.meaning(said).await? } else { Default::default() };
        let incoming = Incoming {
            id: message.key.id.clone(),
            account: account.to_string(),
            from,
            text,
            answers: answers(message, said.last),
            at: message.edited_at.unwrap_or(message.timestamp),
            edited_at: message.edited_at.filter(|_| said.is_edit),
            taken,
        };
        Ok((meaning, self.ears.incoming(workspace, &incoming).await?.wish))
    }

    async fn meaning(&self, said: &Said<'_>) -> Result<(Option<Meaning>, TakenAs), Error> {
        let Said { account, message, input, .. } = *said;
        let key = &message.key;
        let meaning = match said.edit(input).filter(|_| said.is_edit) {
            Some(edit) => self.bots.meaning_of_edit(&edit).await,
            None => self.bots.meaning(account, &key.chat, &key.id, input, said.name()).await,
        };
        let meaning = match meaning {
            Ok(meaning) => meaning,
            Err(TurnError::Store(error)) => return Err(error),
            Err(_) => return Err(Error::new(ErrorKind::Busy, "asking bots what a message means")),
        };
        let taken = match meaning {
            // What was heard before was read before.
            None | Some(Meaning::Choice | Meaning::Command) => TakenAs::Choice,
            Some(Meaning::Answer) => TakenAs::Answer,
            Some(Meaning::Trigger) => TakenAs::Trigger,
            Some(Meaning::Edited) => TakenAs::Edit,
            _ => TakenAs::Nothing,
        };
        Ok((meaning, taken))
    }

    /// A message, as bots hear it.
    async fn input(
        &self,
        account: &AccountId,
        message: &MessageRecord,
        last: &[MessageRecord],
        received_at: i64,
    ) -> Result<Input, Error> {
        let first_contact = is_first(message, last);
        let campaign = match person(&message.key.chat) {
            Some(from) => self.ears.campaign_of(account.workspace(), &from, &answers(message, last)).await?,
            None => None,
        };
        let (text, body) = body(message);
        let (id, at, received_at) = (message.key.id.clone(), Some(message.timestamp), Some(received_at));
        Ok(Input::Message(Message {
            id,
            at,
            received_at,
            text,
            body,
            first_contact,
            campaign,
            ..Message::default()
        }))
    }

    /// The last messages of a message's chat.
    async fn last_of(&self, account: &AccountId, key: &MessageKey) -> Result<Vec<MessageRecord>, Error> {
        let query = MessageQuery { chat: Some(key.chat.clone()), limit: LAST, ..MessageQuery::default() };
        Ok(self.store.messages(account, &query).await?.messages)
    }
}

/// Does no bot have words of its own for it? Then none answers somebody who wants no more messages.
fn is_unheard(meaning: Option<Meaning>) -> bool {
    matches!(meaning, Some(Meaning::Answer | Meaning::Edited | Meaning::Other))
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
