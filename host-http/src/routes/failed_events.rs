//! Events that a part of the host could not take in, set aside with the reason.
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use whatsapp_store::WorkspaceId;

use crate::{
    app::App,
    consumer::DeadLetter,
    error::{ApiError, ApiResult},
    extract::{Params, Segments},
    time::rfc3339,
};

/// Query of `GET /api/events/failed`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    after: Option<String>,
}

/// An event that was set aside, as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    consumer: String,
    event_id: String,
    event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    timestamp: String,
    reason: String,
    failed_at: String,
    data: Value,
}

impl From<DeadLetter> for View {
    fn from(letter: DeadLetter) -> Self {
        Self {
            consumer: letter.consumer,
            event_id: letter.event_id,
            event: letter.event,
            session_id: letter.session_id.map(|session| session.to_string()),
            timestamp: rfc3339(letter.at),
            reason: letter.reason,
            failed_at: rfc3339(letter.failed_at),
            // What is no JSON is shown as text.
            data: serde_json::from_str(&letter.data).unwrap_or(Value::String(letter.data)),
        }
    }
}

/// A page of them.
#[derive(Debug, Serialize)]
pub struct Page {
    events: Vec<View>,
    next: Option<String>,
}

/// `GET /api/events/failed?after=`: by consumer and event.
pub async fn list(State(app): State<App>, Params(query): Params<ListQuery>) -> ApiResult<Json<Page>> {
    let letters = app.consumers.dead_letters();
    let (letters, next) = letters.page(&WorkspaceId::default(), query.after.as_deref()).await?;
    Ok(Json(Page { events: letters.into_iter().map(View::from).collect(), next }))
}

/// `POST /api/events/failed/{consumer}/{event}/replay`: gives it to its consumer again, and forgets it if that succeeds.
pub async fn replay(
    State(app): State<App>,
    Segments((consumer, event)): Segments<(String, String)>,
) -> ApiResult<StatusCode> {
    let (letters, workspace) = (app.consumers.dead_letters(), WorkspaceId::default());
    let letter = letters.find(&workspace, &consumer, &event).await?.ok_or_else(unknown)?;
    let ear = app.consumers.ear(&consumer).ok_or_else(unknown)?;
    ear.take(vec![letter.into_event(&workspace)])
        .await
        .map_err(|error| ApiError::conflict(format!("it failed again and stays set aside: {error}")))?;
    letters.remove(&workspace, &consumer, &event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/events/failed/{consumer}/{event}`: forgets it.
pub async fn remove(
    State(app): State<App>,
    Segments((consumer, event)): Segments<(String, String)>,
) -> ApiResult<StatusCode> {
    let (letters, workspace) = (app.consumers.dead_letters(), WorkspaceId::default());
    letters.find(&workspace, &consumer, &event).await?.ok_or_else(unknown)?;
    letters.remove(&workspace, &consumer, &event).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unknown() -> ApiError {
    ApiError::not_found("no event of that id was set aside for that consumer")
}
