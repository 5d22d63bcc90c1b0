//! Sessions as what bots send through.
use async_trait::async_trait;
use whatsapp_bots::{
    Outcome,
    runner::{Call, Menus, NotSent, Outlet},
};
use whatsapp_core::{Error, engine::CommandError, jid::Jid};
use whatsapp_store::{AccountId, Content};

use super::fetch::Fetch;
use crate::{campaigns::Campaigns, session};

/// The sessions of this node.
pub(super) struct Sessions {
    pub(super) sessions: session::Sessions,
    pub(super) campaigns: Campaigns,
    pub(super) fetch: Fetch,
    pub(super) menus: Menus,
}

#[async_trait]
impl Outlet for Sessions {
    async fn send(&self, account: &AccountId, chat: &str, id: &str, content: Content) -> Result<(), NotSent> {
        let to: Jid = chat.parse().map_err(|_| NotSent::Never("the chat has no address".to_owned()))?;
        // It may run on another node, or start in a moment.
        let client = self.sessions.client(account).map_err(|_| NotSent::Later)?;
        match client.send_as(id, &to, content).await {
            Ok(_) => {
                self.campaigns.runner.interactive(account);
                Ok(())
            }
            Err(Error::Command(
                error @ (CommandError::NotAPerson
                | CommandError::ContentUnsupported(_)
                | CommandError::BadNumber
                | CommandError::BadId
                | CommandError::IdTaken),
            )) => Err(NotSent::Never(error.to_string())),
            Err(_) => Err(NotSent::Later),
        }
    }

    fn menus(&self, _: &AccountId) -> Menus {
        self.menus
    }

    async fn request(&self, call: Call) -> Outcome {
        self.fetch.call(call).await
    }
}
