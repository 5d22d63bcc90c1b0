//! The sandbox's own routes.
use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_core::{client::Status, jid::Jid};

use super::Id;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Segments},
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

/// `GET /api/sandbox/people/{phone}/messages`: what somebody's phone shows of others, in order.
pub async fn shown(State(app): State<App>, Segments(phone): Segments<String>) -> ApiResult<Json<Value>> {
    let ledger = sandbox(&app)?.ledger().await?;
    let shown = ledger.iter().filter(|entry| entry.phone == phone && entry.shown > 0);
    let shown: Vec<_> = shown
        .map(|entry| json!({ "id": entry.id, "from": entry.from, "text": entry.text, "group": entry.group }))
        .collect();
    Ok(Json(json!({ "messages": shown })))
}

/// Body of `POST /api/sandbox/people/{phone}/messages`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Said {
    session_id: String,
    text: String,
}

/// `POST /api/sandbox/people/{phone}/messages`: somebody writes to a session's account.
pub async fn say(
    State(app): State<App>,
    Segments(phone): Segments<String>,
    Body(said): Body<Said>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let sandbox = sandbox(&app)?;
    let record = app.sessions.record(&super::session_id(&said.session_id)?).await?;
    let own = app.sessions.view(record).jid.and_then(|jid| jid.parse::<Jid>().ok());
    let own = own.ok_or_else(|| ApiError::conflict("the session is not connected: link it first"))?;
    let id = sandbox.say(&phone, &own.user, &said.text).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
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
