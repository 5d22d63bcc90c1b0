//! Dry run, approve, start, pause, resume, cancel; and the senders.
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Actor, AsRead, Id, View, service};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params, Segments},
    routes::Id as SessionId,
};

/// A body that may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Why {
    reason: Option<String>,
}

impl Why {
    fn or(body: &str, usual: &str) -> ApiResult<String> {
        if body.trim().is_empty() {
            return Ok(usual.to_owned());
        }
        let why: Self = serde_json::from_str(body)
            .map_err(|error| ApiError::bad_request(format!("the body: {error}")))?;
        Ok(why.reason.unwrap_or_else(|| usual.to_owned()))
    }
}

/// `POST /api/campaigns/{id}/approve?updatedAt=`: a second person agrees.
pub async fn approve(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    Params(read): Params<AsRead>,
) -> ApiResult<Json<View>> {
    Ok(Json(service(&app).approve(read.campaign(&id), &actor).await?.into()))
}

/// `POST /api/campaigns/{id}/start?updatedAt=`: it begins at its time.
pub async fn start(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    Params(read): Params<AsRead>,
) -> ApiResult<Json<View>> {
    let shown = service(&app).start(read.campaign(&id), &actor).await?;
    app.campaigns.runner.nudge();
    Ok(Json(shown.into()))
}

/// `POST /api/campaigns/{id}/pause`, with a `reason` if there is one.
pub async fn pause(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    body: String,
) -> ApiResult<Json<View>> {
    let reason = Why::or(&body, "paused by a person")?;
    let shown = service(&app).pause(&id, &reason, &actor).await?;
    app.campaigns.runner.nudge();
    Ok(Json(shown.into()))
}

/// `POST /api/campaigns/{id}/resume`.
pub async fn resume(State(app): State<App>, Segments(id): Id, Actor(actor): Actor) -> ApiResult<Json<View>> {
    let shown = service(&app).resume(&id, &actor).await?;
    app.campaigns.runner.nudge();
    Ok(Json(shown.into()))
}

/// `POST /api/campaigns/{id}/cancel`, with a `reason` if there is one.
pub async fn cancel(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    body: String,
) -> ApiResult<Json<View>> {
    let reason = Why::or(&body, "cancelled by a person")?;
    let shown = service(&app).cancel(&id, &reason, &actor).await?;
    app.campaigns.runner.nudge();
    Ok(Json(shown.into()))
}

/// `POST /api/campaigns/{id}/end-canary`: the others follow the first part at once.
pub async fn end_canary(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
) -> ApiResult<Json<View>> {
    let shown = service(&app).end_canary(&id, &actor).await?;
    app.campaigns.runner.nudge();
    Ok(Json(shown.into()))
}

/// Body of `POST /api/campaigns/{id}/test`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Test {
    session_id: String,
    to: String,
    #[serde(default)]
    values: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    variant: usize,
}

/// `POST /api/campaigns/{id}/test`: one message, to oneself for example.
pub async fn test(
    State(app): State<App>,
    Segments(id): Id,
    Body(test): Body<Test>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let content = service(&app).test_message(&id, &test.values, test.variant).await?;
    let session = crate::routes::session_id(&test.session_id)?;
    app.sessions.record(&session).await?;
    let to = crate::routes::person::chat(&app, &session, "to", &test.to).await?;
    let sent = app.sessions.client(&session)?.send(&to, content).await;
    let record = sent.map_err(|error| app.failed(error))?;
    app.campaigns.runner.interactive(&session);
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({ "id": record.key.id, "chat": record.key.chat, "status": record.status })),
    ))
}

/// `GET /api/sessions/{id}/campaign-sender`: may it send campaigns, and how fast?
pub async fn sender(State(app): State<App>, SessionId(id): SessionId) -> ApiResult<Json<Value>> {
    let record = app.sessions.record(&id).await?;
    let limits = app.campaigns.limits(&record);
    Ok(Json(json!({
        "stopped": app.campaigns.runner.stopped(&id).await?,
        "perMinute": app.campaigns.pace.per_minute,
        "peoplePerDay": limits.people,
        "reservePercent": app.campaigns.pace.reserve,
    })))
}

/// `POST /api/sessions/{id}/campaign-sender/release`: a person lets a session send campaigns again that the service stopped.
pub async fn release(State(app): State<App>, SessionId(id): SessionId) -> ApiResult<StatusCode> {
    app.sessions.record(&id).await?;
    app.campaigns.runner.release(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
