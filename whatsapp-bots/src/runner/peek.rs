//! What a message is to the bots, before they hear it: others who read the same message need to know.
use whatsapp_store::{AccountId, ConversationStatus};

use super::{
    Bots,
    envelope::Envelope,
    person::Person,
    turn::{Hearing, TurnError, goes_on, seed, timed},
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
        let shared = &self.shared;
        let (store, workspace) = (&*shared.store, account.workspace());
        if store.input_seen(account, chat, id).await? {
            return Ok(None);
        }
        let stored = store.conversation(account, chat).await?;
        let contact = Person::load(store, account, chat).await?.contact(name);
        let ctx = Ctx { now: shared.clock.now(), seed: seed(account, chat), contact: &contact };
        let live = stored.filter(|stored| stored.status != ConversationStatus::Ended);
        if let Some(record) = live
            && let Ok(envelope) = Envelope::from_bytes(&record.state)
            && goes_on(&envelope.state)
            && let Some(bot) = shared.catalog.followed(store, &record, &envelope).await?
        {
            let hearing = Hearing { account, chat, id, input, name, bot: None };
            let meaning = match timed(shared, hearing, &envelope, ctx.now).as_ref() {
                Input::Message(message) => bot.meaning(&envelope.state, message, &ctx),
                _ => Meaning::Other,
            };
            return Ok(Some(meaning));
        }
        let Input::Message(message) = input else { return Ok(Some(Meaning::Other)) };
        let starting = shared.catalog.starting(store, workspace).await?;
        for published in &starting {
            let Some(bot) = shared.catalog.compiled(store, workspace, published).await? else { continue };
            let meaning = bot.meaning(&State::default(), message, &ctx);
            if meaning != Meaning::Other {
                return Ok(Some(meaning));
            }
        }
        Ok(Some(Meaning::Other))
    }
}
