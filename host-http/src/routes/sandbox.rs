//! The sandbox's own routes.
use std::time::Duration;

use axum::{Json, extract::State, http::header, response::IntoResponse};
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

/// `GET /api/sandbox`: the simulated people, and where their network is.
pub async fn people(State(app): State<App>) -> ApiResult<Json<Value>> {
    let sandbox = sandbox(&app)?;
    let people = sandbox.people();
    let people: Vec<_> = people.iter().map(|(phone, name)| json!({ "phone": phone, "name": name })).collect();
    Ok(Json(json!({ "people": people, "network": sandbox.network() })))
}

/// `GET /api/sandbox/recipients.csv`: 200 simulated people to try a campaign on.
pub async fn recipients(State(app): State<App>) -> ApiResult<impl IntoResponse> {
    let text = sandbox(&app)?.recipients();
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text))
}

/// `POST /api/sessions/{id}/sandbox-link`: the simulated phone scans the session's code. Answers when it is connected,
/// at once if it is already.
pub async fn link(State(app): State<App>, Id(id): Id) -> ApiResult<Json<Value>> {
    let sandbox = sandbox(&app)?;
    let record = app.sessions.record(&id).await?;
    let mut status = app.sessions.client(&id)?.watch();
    let mut codes = app.sessions.code(&id)?;
    // Either a code comes on show, or none will: the session is linked, or is no more.
    let code = async {
        tokio::select! {
            code = codes.wait_for(Option::is_some) => code.ok().and_then(|code| code.clone()),
            _ = status.wait_for(is_settled) => None,
        }
    };
    if let Some(code) = app.patiently(PATIENCE, code).await.flatten() {
        sandbox.scan(&code.text, &record.name).await?;
    }
    drop(app.patiently(PATIENCE, status.wait_for(is_settled)).await);
    let view = app.sessions.view(record);
    match view.status {
        "connected" => Ok(Json(json!(view))),
        "logged_out" => Err(ApiError::conflict("the session is logged out: restart it, and link it then")),
        status => Err(ApiError::conflict(format!("the session did not connect: its status is {status}"))),
    }
}

fn is_settled(status: &Status) -> bool {
    matches!(status, Status::Connected { .. } | Status::LoggedOut { .. } | Status::Stopped)
}
