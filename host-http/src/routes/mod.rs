//! Handlers, one file per resource. They translate; what they do is elsewhere.
pub mod events;
pub mod health;
pub mod messages;
pub mod sandbox;
pub mod sessions;

use whatsapp_store::AccountId;

use crate::error::{ApiError, ApiResult};

/// A session id in a path.
fn session_id(text: &str) -> ApiResult<AccountId> {
    text.parse().map_err(|error| ApiError::bad_request(format!("{error}")))
}
