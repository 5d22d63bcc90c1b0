//! Messages that a person edits or deletes.
//!
//! A message is heard as it stands when its turn comes, and of a message with its edits each text is heard at most once:
//!
//! | when the edit's turn comes | what it is |
//! |---|---|
//! | the message was not heard yet | the message, heard with this text; both are noted, so that the message is not heard again |
//! | a conversation is live, or a person has the chat | [`Input::Edited`]: the engine decides |
//! | nothing is live, and a conversation took the message | nothing, and the event `chatbot.edit.ignored` tells of it |
//! | nothing is live, and the message started nothing | a message of its own |
//!
//! Whatever it is, a command of a bot that ends messages is heard in it.
use whatsapp_store::{AccountId, ConversationStatus};

use super::{
    Bots,
    envelope::Envelope,
    turn::{Also, Heard, Hearing, TurnError},
};
use crate::{Input, Meaning};

/// A message that was edited, as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The chat.
    pub chat: &'a str,
    /// The message's id.
    pub message: &'a str,
    /// Names the edit within the chat: another one for each edit of the message.
    pub id: &'a str,
    /// [`Input::Message`] with the text as it stands, under the message's id and with the time at which the message was written; or what
    /// is heard in its place.
    pub input: &'a Input,
    /// What the person is called, if nobody knows better.
    pub name: &'a str,
}

impl<'a> Edit<'a> {
    const fn hearing(&self) -> Hearing<'a> {
        let Self { account, chat, message, id, input, name } = *self;
        Hearing { account, chat, id, input, name, bot: None, also: Some(Also::Message(message)) }
    }
}

impl Bots {
    /// Hears a message that was edited before its turn came: once, with the text as it stands. Its edit is noted with it, and one that
    /// was heard before has no effect.
    ///
    /// # Errors
    /// When it was not heard; hand it in again then.
    pub async fn hear_edited_message(&self, edit: &Edit<'_>) -> Result<Heard, TurnError> {
        let Edit { account, chat, message, id, input, name } = *edit;
        let also = Some(Also::Edit(id));
        Ok(self.heard(Hearing { account, chat, id: message, input, name, bot: None, also }).await?.0)
    }

    /// Hears an edit. One that was heard before has no effect.
    ///
    /// # Errors
    /// When it was not heard; hand it in again then.
    pub async fn hear_edit(&self, edit: &Edit<'_>) -> Result<Heard, TurnError> {
        Ok(self.heard(edit.hearing()).await?.0)
    }

    /// What an edit is to the conversation of its chat as it is now, or to the bots that may begin one: as [`Bots::meaning`] says it of a
    /// message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn meaning_of_edit(&self, edit: &Edit<'_>) -> Result<Option<Meaning>, TurnError> {
        self.meaning_of(edit.hearing()).await
    }

    /// Hears that a message was deleted for everyone: while it waits to be answered, it is gone.
    ///
    /// # Errors
    /// When it was not heard; hand it in again then.
    pub async fn hear_deletion(
        &self,
        account: &AccountId,
        chat: &str,
        message: &str,
    ) -> Result<(), TurnError> {
        let stored = self.shared.store.conversation(account, chat).await?;
        let live = stored.filter(|stored| stored.status != ConversationStatus::Ended);
        let waits = live.and_then(|stored| Envelope::from_bytes(&stored.state).ok());
        if waits.is_some_and(|envelope| envelope.state.queued(message).is_some()) {
            let (id, input) = (format!("{message}/deleted"), Input::Deleted { id: message.to_owned() });
            self.hear(account, chat, &id, &input, "").await?;
        }
        Ok(())
    }
}
