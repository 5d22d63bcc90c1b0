//! What the workspace decided about replies: by which words people opt in, and what ambiguous stop words do.
use axum::{Json, extract::State};
use whatsapp_campaigns::consent::ReplyRules;

use super::campaigns::{Actor, service};
use crate::{app::App, error::ApiResult, extract::Body};

/// `GET /api/reply-rules`.
pub async fn show(State(app): State<App>) -> ApiResult<Json<ReplyRules>> {
    Ok(Json(service(&app).reply_rules().await?))
}

/// `PUT /api/reply-rules`: they hold from the next message on. With `updatedAt`, only the rules that were read are replaced.
pub async fn change(
    State(app): State<App>,
    Actor(actor): Actor,
    Body(rules): Body<ReplyRules>,
) -> ApiResult<Json<ReplyRules>> {
    Ok(Json(service(&app).set_reply_rules(&rules, &actor).await?))
}
