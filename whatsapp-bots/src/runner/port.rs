//! What the runner asks of its surroundings.
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_store::{AccountId, Content, Error as StoreError};

use super::envelope::Call;
use crate::{Menus, Outcome};

/// Why a message was not handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It can be tried again: here, or on the node that has the account.
    Later,
    /// It never can be; the word says why.
    Never(String),
}

/// One who sends: the protocol client of an account, or a test's own.
#[async_trait]
pub trait Outlet: Send + Sync + 'static {
    /// Hands a message over. After a crash the same message comes again under the same id, and must be seen once.
    ///
    /// # Errors
    /// When it was not taken.
    async fn send(&self, account: &AccountId, chat: &str, id: &str, content: Content) -> Result<(), NotSent>;

    /// How an account shows menus. It is asked when a message is noted, not when it is sent: under an id, the same is sent
    /// again.
    fn menus(&self, account: &AccountId) -> Menus {
        let _ = account;
        Menus::Text
    }

    /// Makes a request for a flow. Whoever implements it guards where it may go; the call's id is an idempotency key.
    async fn request(&self, call: Call) -> Outcome;

    /// The time between two messages that an account sends of its own accord, for schedules; `None` when it may not send any
    /// now: its contacts are left out then.
    ///
    /// # Errors
    /// When that cannot be read: it is asked again.
    async fn interval(&self, _account: &AccountId) -> Result<Option<Duration>, StoreError> {
        Ok(Some(Duration::from_secs(6)))
    }

    /// The address of a chat with a number, digits alone.
    fn chat_with(&self, phone: &str) -> String {
        format!("{phone}@s.whatsapp.net")
    }
}
