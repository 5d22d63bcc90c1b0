//! Handlers, one file per resource. They translate; what they do is elsewhere.
pub mod campaigns;
pub mod chatbots;
pub mod chats;
pub mod events;
pub mod failed_events;
pub mod health;
pub mod messages;
mod person;
pub mod reply_rules;
pub mod sandbox;
pub mod sessions;

use axum::{extract::FromRequestParts, http::request::Parts};
use whatsapp_store::{AccountId, WorkspaceId};

use crate::{
    error::{ApiError, ApiResult},
    extract::Segments,
};

/// A session's id. The one workspace that there is until logins come is not named in it.
fn session_id(text: &str) -> ApiResult<AccountId> {
    AccountId::new(WorkspaceId::default(), text)
        .map_err(|error| ApiError::bad_request(format!("session id: {error}")))
}

/// The session id in a path.
#[derive(Debug)]
pub struct Id(AccountId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Segments(id) = Segments::<String>::from_request_parts(parts, state).await?;
        session_id(&id).map(Self)
    }
}
