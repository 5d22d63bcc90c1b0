//! The sandbox's own routes.
use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::session_id;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    sandbox::Sandbox,
};

/// How long linking may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn sandbox(app: &App) -> ApiResult<&Sandbox> {
    app.sandbox
        .as_ref()
        .ok_or_else(|| ApiError::not_found("there is no sandbox: start the host with --sandbox"))
}

/// `GET /api/sandbox`: the simulated people.
pub async fn people(State(app): State<App>) -> ApiResult<Json<Value>> {
    let people = sandbox(&app)?.people();
    let people: Vec<_> = people.iter().map(|(phone, name)| json!({ "phone": phone, "name": name })).collect();
    Ok(Json(json!({ "people": people })))
}

/// `POST /api/sessions/{id}/sandbox-link`: the simulated phone scans the session's code. Answers when it is connected.
pub async fn link(State(app): State<App>, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let sandbox = sandbox(&app)?;
    let id = session_id(&id)?;
    let record = app.sessions.record(&id).await?;
    let mut status = app.sessions.client(&id)?.watch();
    let mut codes = app.sessions.code(&id)?;
    let code = match tokio::time::timeout(PATIENCE, codes.wait_for(Option::is_some)).await {
        Ok(Ok(code)) => code.clone(),
        _ => None,
    };
    let code = code.ok_or_else(|| ApiError::conflict("the session shows no code: is it linked already?"))?;
    sandbox.scan(&code.text, &record.name).await?;
    let connected =
        status.wait_for(|status| matches!(status, whatsapp_core::client::Status::Connected { .. }));
    match tokio::time::timeout(PATIENCE, connected).await {
        Ok(Ok(_)) => Ok(Json(json!(app.sessions.view(record)))),
        _ => Err(ApiError::unavailable("the session did not connect in time")),
    }
}
