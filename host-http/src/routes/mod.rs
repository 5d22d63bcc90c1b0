//! Handlers, one file per resource. They translate; what they do is elsewhere.
pub mod campaigns;
pub mod chatbots;
pub mod chats;
pub mod events;
pub mod health;
pub mod messages;
pub mod sandbox;
pub mod sessions;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use whatsapp_store::AccountId;

use crate::error::{ApiError, ApiResult};

fn session_id(text: &str) -> ApiResult<AccountId> {
    text.parse().map_err(|error| ApiError::bad_request(format!("{error}")))
}

/// The session id in a path.
#[derive(Debug)]
pub struct Id(AccountId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        session_id(&id).map(Self)
    }
}
