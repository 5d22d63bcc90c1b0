//! Messages of a session.
use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;
use whatsapp_store::{Content, MessageKey, MessageQuery};

use super::{Id, person};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params},
    message_id,
};

/// How long a message may take to be stored.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer texts are refused by the service.
const MAX_TEXT: usize = 65_536;

/// Body of `POST /api/sessions/{id}/messages`: `text`, or any `content`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    to: String,
    text: Option<String>,
    content: Option<Content>,
}

/// `POST /api/sessions/{id}/messages`: accepts a message. 202 means that it is stored and will be sent, now or after
/// the next connection, crash or not; the rest is told by events and in the list.
pub async fn send(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    Body(new): Body<NewMessage>,
) -> ApiResult<impl IntoResponse> {
    app.sessions.record(&id).await?;
    let to = person::chat(&app, &id, "to", &new.to).await?;
    let content = match (new.text, new.content) {
        (Some(text), None) => Content::text(text),
        (None, Some(content)) => content,
        _ => return Err(ApiError::bad_request("give either text or content")),
    };
    if content.as_text().is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
        return Err(ApiError::bad_request(format!("a text has 1 to {MAX_TEXT} bytes")));
    }
    let client = app.sessions.client(&id)?;
    let key = idempotency_key(&headers)?;
    let sending = async {
        match key {
            Some(key) => client.send_as(&message_id::of(&format!("{id}/{key}")), &to, content).await,
            None => client.send(&to, content).await,
        }
    };
    let sent = timeout(PATIENCE, sending).await.map_err(|_| {
        ApiError::unavailable(
            "the message was not confirmed in time and may go out yet: with the same Idempotency-Key it can be sent again without going out twice",
        )
    })?;
    let record = sent.map_err(|error| app.failed(error))?;
    app.campaigns.runner.interactive(&id);
    let answer = json!({
        "id": record.key.id,
        "chat": record.key.chat,
        "status": record.status,
        "timestamp": record.timestamp,
    });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// What a caller knows a request by: sent again, it has no further effect.
fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=200).contains(&key.len()));
    key.map(Some).ok_or_else(|| ApiError::bad_request("Idempotency-Key: 1 to 200 plain characters"))
}

/// Query of `GET /api/sessions/{id}/messages`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    chat: Option<String>,
    words: Option<String>,
    before: Option<String>,
    limit: u32,
}

/// `GET /api/sessions/{id}/messages?chat=&words=&before=&limit=`: newest first, with `words` only those that have all of
/// them; `next` is the cursor for `before`.
pub async fn list(
    State(app): State<App>,
    Id(id): Id,
    Params(query): Params<ListQuery>,
) -> ApiResult<Json<Value>> {
    app.sessions.record(&id).await?;
    let chat = match query.chat.as_deref() {
        Some(chat) => Some(person::chat(&app, &id, "chat", chat).await?.to_string()),
        None => None,
    };
    let query = MessageQuery { chat, words: query.words, before: query.before, limit: query.limit };
    let page = app.store.messages(&id, &query).await?;
    Ok(Json(json!({ "messages": page.messages, "next": page.next })))
}

/// Body of `POST /api/sessions/{id}/messages/read`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    messages: Vec<MessageKey>,
}

/// `POST /api/sessions/{id}/messages/read`: tells the sender that messages (of one chat and sender) were read.
pub async fn mark_read(State(app): State<App>, Id(id): Id, Body(read): Body<Read>) -> ApiResult<StatusCode> {
    app.sessions.record(&id).await?;
    let mut messages = read.messages;
    for message in &mut messages {
        message.chat = person::chat(&app, &id, "messages.chat", &message.chat).await?.to_string();
        message.sender = person::chat(&app, &id, "messages.sender", &message.sender).await?.to_string();
    }
    app.sessions.client(&id)?.mark_read(messages).await.map_err(|error| app.failed(error))?;
    Ok(StatusCode::NO_CONTENT)
}
