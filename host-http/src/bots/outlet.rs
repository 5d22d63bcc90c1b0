//! Sessions as what bots send through.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use whatsapp_bots::{
    Outcome,
    runner::{Call, Menus, NotSent, Outlet},
};
use whatsapp_campaigns::scheduler::Limits;
use whatsapp_core::{Error, engine::CommandError, jid::Jid};
use whatsapp_store::{AccountId, Content, Store};

use super::fetch::Fetch;
use crate::{campaigns::Campaigns, session};

/// The sessions of this node.
pub(super) struct Sessions {
    pub(super) store: Arc<dyn Store>,
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

    /// Schedules have the part of the session's rate that campaigns leave to people and bots, so that both together keep to it.
    async fn interval(&self, account: &AccountId) -> Result<Option<Duration>, whatsapp_store::Error> {
        if self.campaigns.runner.stopped(account).await?.is_some() {
            return Ok(None);
        }
        let Some(session) = self.store.session(account).await? else { return Ok(None) };
        Ok(Some(interval(&self.campaigns.limits(&session))))
    }
}

/// The time between two messages of a schedule.
fn interval(limits: &Limits) -> Duration {
    let rate = Duration::from_micros(limits.rate.interval);
    // Who leaves nothing to others leaves them a tenth.
    rate.div_f64(limits.reserve.clamp(0.1, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaigns::Pace;

    #[test]
    fn schedules_have_the_part_that_campaigns_leave() {
        // Ten in a minute, half of them for people and bots.
        assert_eq!(interval(&Pace::default().limits(30)), Duration::from_secs(12));
        assert_eq!(interval(&Pace::SANDBOX.limits(0)), Duration::from_millis(500));
        let all = Pace { reserve: 0, ..Pace::default() };
        assert_eq!(interval(&all.limits(30)), Duration::from_secs(60));
    }
}
