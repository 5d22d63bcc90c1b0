//! What a message is to the bots, before they hear it: others who read the same message need to know.
use whatsapp_store::{AccountId, ConversationStatus};

use super::{
    Bots,
    envelope::Envelope,
    owner::{goes_on, timed},
    person::Person,
    turn::{Hearing, TurnError, seed},
};
use crate::{Ctx, Input, Meaning, State};

impl Bots {
    /// What a message is to the conversation of its chat as it is now, or to the bots that may begin one. `None` when the input was
    /// heard before: what it meant then is not known any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn meaning(
        &self,
        account: &AccountId,
        chat: &str,
        id: &str,
        input: &Input,
        name: &str,
    ) -> Result<Option<Meaning>, TurnError> {
        self.meaning_of(Hearing { account, chat, id, input, name, bot: None, also: None }).await
    }

    pub(super) async fn meaning_of(&self, hearing: Hearing<'_>) -> Result<Option<Meaning>, TurnError> {
        let Hearing { account, chat, id, name, .. } = hearing;
        let shared = &self.shared;
        let (store, workspace) = (&*shared.store, account.workspace());
        if store.input_seen(account, chat, id).await? {
            return Ok(None);
        }
        let (input, _) = hearing.resolved(shared).await?;
        let hearing = Hearing { input: &input, ..hearing };
        let stored = store.conversation(account, chat).await?;
        let contact = Person::load(store, account, chat).await?.contact(name);
        let ctx = Ctx { now: shared.clock.now(), seed: seed(account, chat), contact: &contact };
        let is_ended = stored.as_ref().is_none_or(|stored| stored.status == ConversationStatus::Ended);
        let envelope = stored.as_ref().and_then(|stored| Envelope::from_bytes(&stored.state).ok());
        if let (Some(record), Some(envelope)) = (&stored, &envelope)
            && !is_ended
            && goes_on(&envelope.state)
            && let Some(bot) = shared.catalog.followed(store, record, envelope).await?
        {
            return Ok(Some(match timed(shared, hearing, envelope, ctx.now).as_ref() {
                Input::Message(message) => bot.meaning(&envelope.state, message, &ctx),
                Input::Edited(message) => bot.meaning_of_edit(&envelope.state, message, &ctx),
                _ => Meaning::Other,
            }));
        }
        let (message, is_late) = match &*input {
            Input::Message(message) => (message, false),
            Input::Edited(message) => {
                (message, envelope.is_some_and(|envelope| envelope.recent.took(message)))
            }
            _ => return Ok(Some(Meaning::Other)),
        };
        let fresh = State::default();
        for published in &shared.catalog.starting(store, workspace).await? {
            let Some(bot) = shared.catalog.compiled(store, workspace, published).await? else { continue };
            let meaning = match is_late {
                true => bot.meaning_of_edit(&fresh, message, &ctx),
                false => bot.meaning(&fresh, message, &ctx),
            };
            if !matches!(meaning, Meaning::Other | Meaning::Edited) {
                return Ok(Some(meaning));
            }
        }
        Ok(Some(if is_late { Meaning::Edited } else { Meaning::Other }))
    }
}
