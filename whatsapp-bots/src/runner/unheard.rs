//! Inputs that no bot hears are noted all the same: read again after a crash, they would find a conversation that began since.
use whatsapp_store::{AccountId, Change, Changes, ErrorKind, FlowChange};

use super::{Bots, turn::TurnError};

impl Bots {
    /// Notes an input that no bot is to hear, so that it is not heard when it comes again. Where there are no bots, nothing is noted.
    ///
    /// # Errors
    /// When it was not noted; hand it in again then.
    pub async fn pass_over(&self, account: &AccountId, chat: &str, id: &str) -> Result<(), TurnError> {
        let store = &self.shared.store;
        if store.input_seen(account, chat, id).await?
            || self.shared.catalog.starting(&**store, account.workspace()).await?.is_empty()
        {
            return Ok(());
        }
        let mut changes = Changes::new(account.clone());
        changes.list = passed_over(account, chat, id, false, self.shared.clock.now());
        match store.commit(changes).await {
            // It came twice at once.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            other => Ok(other?),
        }
    }
}

pub(super) fn seen(account: &AccountId, chat: &str, id: &str, at: i64) -> Change {
    let (account, chat, message_id) = (account.clone(), chat.to_owned(), id.to_owned());
    FlowChange::SeenInput { account, chat, message_id, at }.into()
}

/// What is written of an input that nobody wants; `over` when the conversation cannot go on.
pub(super) fn passed_over(account: &AccountId, chat: &str, id: &str, over: bool, at: i64) -> Vec<Change> {
    let end = FlowChange::EndConversation { account: account.clone(), chat: chat.to_owned(), at };
    std::iter::once(seen(account, chat, id, at)).chain(over.then(|| end.into())).collect()
}
