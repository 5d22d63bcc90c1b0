//! Chats of a session.
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Id;
use crate::{app::App, error::ApiResult, extract::Params};

/// Query of `GET /api/sessions/{id}/chats`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    before: Option<String>,
    limit: u32,
}

/// `GET /api/sessions/{id}/chats?before=&limit=`: the chat with the latest message first, each with its last message and
/// how many are unread; `next` is the cursor for `before`.
pub async fn list(
    State(app): State<App>,
    Id(id): Id,
    Params(query): Params<ListQuery>,
) -> ApiResult<Json<Value>> {
    app.sessions.record(&id).await?;
    let page = app.store.chats(&id, query.before.as_deref(), query.limit).await?;
    Ok(Json(json!({ "chats": page.chats, "next": page.next })))
}
