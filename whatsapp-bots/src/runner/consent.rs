//! Nobody is written to unasked who did not agree.
use whatsapp_store::{ConversationRecord, ConversationStatus};

use super::{Shared, envelope::Envelope, person::Person, turn::TurnError};
use crate::Input;

/// Why somebody is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No consent is recorded.
    #[error("this person has not agreed to be written to: record a consent of the contact first")]
    NoConsent,
    /// The person wants no messages.
    #[error("this person does not want to be written to")]
    OptedOut,
    /// A person has taken over the chat.
    #[error("a person has taken over this chat: give it back to the bot first")]
    HandedOff,
}

/// Why an input must not be heard; `None` when it may be.
///
/// What people do themselves is always heard. An event from outside, a time or a start is only heard for those who agreed; one
/// that the conversation waits for goes on with what the person has begun, and needs no more than that they did not opt out.
pub(super) async fn refusal(
    shared: &Shared,
    stored: Option<&ConversationRecord>,
    person: &Person,
    input: &Input,
) -> Result<Option<Refusal>, TurnError> {
    if !matches!(input, Input::Event { .. } | Input::Schedule { .. } | Input::Start { .. }) {
        return Ok(None);
    }
    if stored.is_some_and(|stored| stored.status == ConversationStatus::HandedOff) {
        return Ok(Some(Refusal::HandedOff));
    }
    if person.is_opted_out(&*shared.store).await? {
        return Ok(Some(Refusal::OptedOut));
    }
    if person.has_agreed() || awaits(shared, stored, input).await? {
        return Ok(None);
    }
    Ok(Some(Refusal::NoConsent))
}

/// Does the live conversation wait for this very event?
async fn awaits(
    shared: &Shared,
    stored: Option<&ConversationRecord>,
    input: &Input,
) -> Result<bool, TurnError> {
    let (Input::Event { name, .. }, Some(stored)) = (input, stored) else { return Ok(false) };
    if !stored.status.is_live() {
        return Ok(false);
    }
    let envelope = Envelope::from_bytes(&stored.state).map_err(|_| TurnError::Stored)?;
    let workspace = stored.account.workspace();
    let bot = shared.catalog.bot(&*shared.store, workspace, &stored.flow, stored.version).await?;
    Ok(bot.is_some_and(|bot| bot.awaits_event(&envelope.state, name)))
}
