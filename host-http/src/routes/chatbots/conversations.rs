//! Conversations of bots, and what a person does with them.
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_bots::{
    Input,
    runner::{Heard, TurnError},
};
use whatsapp_store::{ConversationRecord, ConversationStatus};

use super::{
    super::{person, session_id},
    Listed, workspace,
};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Params, Segments},
};

impl From<TurnError> for ApiError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Store(error) => error.into(),
            error => Self::conflict(error.to_string()),
        }
    }
}

pub(super) fn shown(conversation: &ConversationRecord) -> Value {
    json!({
        "sessionId": conversation.account.to_string(), "chat": conversation.chat, "chatbotId": conversation.flow,
        "version": conversation.version, "status": conversation.status, "wakeAt": conversation.wake_at,
        "updatedAt": conversation.updated_at,
    })
}

/// `GET /api/chatbots/conversations?status=&before=&limit=`: those that wait, unless another status is asked for.
pub async fn list(State(app): State<App>, Params(query): Listed) -> ApiResult<Json<Value>> {
    let status = query.status.unwrap_or(ConversationStatus::Waiting);
    let page = app.store.conversations(&workspace(), status, query.before.as_deref(), query.limit).await?;
    let conversations: Vec<Value> = page.conversations.iter().map(shown).collect();
    Ok(Json(json!({ "conversations": conversations, "next": page.next })))
}

/// What a person does with a conversation.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The bot is silent.
    Takeover,
    /// The bot goes on.
    Release,
    /// It ends.
    Cancel,
}

/// `POST /api/sessions/{id}/conversations/{chat}/takeover|release|cancel`.
pub async fn act(
    State(app): State<App>,
    Segments((id, chat, act)): Segments<(String, String, Act)>,
) -> ApiResult<Json<Value>> {
    let id = session_id(&id)?;
    app.sessions.record(&id).await?;
    let chat = person::chat(&app, &id, "chat", &chat).await?;
    let (chat, input) = (
        chat.to_string(),
        match act {
            Act::Takeover => Input::HumanTookOver,
            Act::Release => Input::HumanReleased,
            Act::Cancel => Input::Cancel,
        },
    );
    let name = format!("api/{:016x}", rand::random::<u64>());
    if app.bots.hear(&id, &chat, &name, &input, "").await? == Heard::Nobody {
        return Err(ApiError::not_found("no bot has a conversation in that chat"));
    }
    let stored = app.store.conversation(&id, &chat).await?;
    Ok(Json(stored.as_ref().map(shown).unwrap_or_default()))
}
