//! The sandbox's own routes.
use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use whatsapp_core::client::Status;

use super::Id;
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

/// `POST /api/sessions/{id}/sandbox-link`: the simulated phone scans the session's code. Answers when it is connected,
/// at once if it is already.
pub async fn link(State(app): State<App>, Id(id): Id) -> ApiResult<Json<Value>> {
    let sandbox = sandbox(&app)?;
    let record = app.sessions.record(&id).await?;
    let mut status = app.sessions.client(&id)?.watch();
    let mut codes = app.sessions.code(&id)?;
    // Either a code comes on show, or the session is linked and connects without one.
    let code = async {
        tokio::select! {
            code = codes.wait_for(Option::is_some) => code.ok().and_then(|code| code.clone()),
            _ = status.wait_for(is_connected) => None,
        }
    };
    if let Some(code) = app.patiently(PATIENCE, code).await.flatten() {
        sandbox.scan(&code.text, &record.name).await?;
    }
    match app.patiently(PATIENCE, status.wait_for(is_connected)).await {
        Some(Ok(_)) => Ok(Json(json!(app.sessions.view(record)))),
        _ => {
            let status = app.sessions.view(record).status;
            Err(ApiError::conflict(format!("the session did not connect: its status is {status}")))
        }
    }
}

fn is_connected(status: &Status) -> bool {
    matches!(status, Status::Connected { .. })
}
