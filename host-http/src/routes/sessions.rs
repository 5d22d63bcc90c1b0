//! Sessions: make, look, link, start, stop, delete.
use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_store::{DesiredState, SessionRecord, WorkspaceId};

use super::{Id, session_id};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params},
    qr as picture,
    session::{Code, SessionView},
    time::now_millis,
};

/// The longest that a request may wait for a code.
const LONGEST_WAIT: u64 = 60;

/// Body of `POST /api/sessions`; both may be left out.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    id: Option<String>,
    name: Option<String>,
}

/// `POST /api/sessions`: makes a session and starts it; it then shows codes to be scanned.
pub async fn create(State(app): State<App>, Body(new): Body<NewSession>) -> ApiResult<impl IntoResponse> {
    let id = new.id.unwrap_or_else(|| format!("session-{:08x}", rand::random::<u32>()));
    let id = session_id(&id)?;
    let name = new.name.unwrap_or_else(|| id.to_string());
    if name.is_empty() || name.len() > 100 {
        return Err(ApiError::bad_request("a name has 1 to 100 bytes"));
    }
    let (desired, now) = (DesiredState::Running, now_millis());
    let record = SessionRecord { id, name, desired, created_at: now, updated_at: now, observed: None };
    Ok((StatusCode::CREATED, Json(app.sessions.create(record).await?)))
}

/// Query of `GET /api/sessions`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    after: Option<String>,
    limit: u32,
}

/// `GET /api/sessions?after=&limit=`: the oldest first; `next` is the cursor for `after`.
pub async fn list(State(app): State<App>, Params(query): Params<ListQuery>) -> ApiResult<Json<Value>> {
    let page = app.store.session_page(&WorkspaceId::default(), query.after.as_deref(), query.limit).await?;
    let views: Vec<SessionView> = page.sessions.into_iter().map(|record| app.sessions.view(record)).collect();
    Ok(Json(json!({ "sessions": views, "next": page.next })))
}

/// `GET /api/sessions/{id}`.
pub async fn show(State(app): State<App>, Id(id): Id) -> ApiResult<Json<SessionView>> {
    let record = app.sessions.record(&id).await?;
    Ok(Json(app.sessions.view(record)))
}

/// `DELETE /api/sessions/{id}`: logs out if connected, and forgets everything of it.
pub async fn delete(State(app): State<App>, Id(id): Id) -> ApiResult<StatusCode> {
    app.sessions.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/sessions/{id}/start`.
pub async fn start(State(app): State<App>, Id(id): Id) -> ApiResult<Json<SessionView>> {
    Ok(Json(app.sessions.set_desired_state(&id, DesiredState::Running).await?))
}

/// `POST /api/sessions/{id}/stop`: offline until started again; stays linked.
pub async fn stop(State(app): State<App>, Id(id): Id) -> ApiResult<Json<SessionView>> {
    Ok(Json(app.sessions.set_desired_state(&id, DesiredState::Stopped).await?))
}

/// `POST /api/sessions/{id}/restart`.
pub async fn restart(State(app): State<App>, Id(id): Id) -> ApiResult<Json<SessionView>> {
    Ok(Json(app.sessions.restart(&id).await?))
}

/// `POST /api/sessions/{id}/restore`: brings the keys back that are kept for a week after the server said that the session is no longer
/// linked, and connects with them.
pub async fn restore(State(app): State<App>, Id(id): Id) -> ApiResult<Json<SessionView>> {
    Ok(Json(app.sessions.restore(&id).await?))
}

/// Query of `GET /api/sessions/{id}/qr`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QrQuery {
    format: Option<Format>,
    #[serde(default)]
    wait: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Text,
    Png,
    Terminal,
    Json,
}

/// `GET /api/sessions/{id}/qr?format=text|png|terminal|json&wait=SECONDS`: the code on show now. Codes change every
/// 20 to 60 seconds; ask again when `expiresAt` has passed.
pub async fn qr(
    State(app): State<App>,
    Id(id): Id,
    Params(query): Params<QrQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    app.sessions.record(&id).await?;
    let mut codes = app.sessions.code(&id)?;
    let patience = Duration::from_secs(query.wait.min(LONGEST_WAIT));
    // No code in time, or the session ended: there is none.
    let code = match app.patiently(patience, codes.wait_for(Option::is_some)).await {
        Some(Ok(code)) => code.clone(),
        _ => None,
    };
    let code = code.ok_or_else(|| {
        ApiError::conflict(
            "there is no code now: the session is connecting, linked already, or stopped. Use ?wait=10",
        )
    })?;
    let format = query.format.unwrap_or_else(|| accepted(&headers));
    render(&code, format)
}

fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("image/png") {
        Format::Png
    } else if accept.contains("text/plain") {
        Format::Text
    } else {
        Format::Json
    }
}

fn render(code: &Code, format: Format) -> ApiResult<Response> {
    let no_cache = (header::CACHE_CONTROL, "no-store");
    Ok(match format {
        Format::Text => ([no_cache], code.text.clone()).into_response(),
        Format::Terminal => ([no_cache], picture::terminal(&code.text)?).into_response(),
        Format::Png => {
            ([no_cache, (header::CONTENT_TYPE, "image/png")], picture::png(&code.text)?).into_response()
        }
        Format::Json => {
            let json = json!({ "qr": code.text, "expiresAt": code.expires_at.as_millis() });
            ([no_cache], Json(json)).into_response()
        }
    })
}

/// Body of `POST /api/sessions/{id}/pair-code`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PairCode {
    phone: String,
}

/// `POST /api/sessions/{id}/pair-code`: a code to be typed on the phone with that number, in place of a QR code.
pub async fn pair_code(
    State(app): State<App>,
    Id(id): Id,
    Body(wanted): Body<PairCode>,
) -> ApiResult<Json<Value>> {
    app.sessions.record(&id).await?;
    let code = app.sessions.client(&id)?.request_pair_code(&wanted.phone).await?;
    Ok(Json(json!({ "code": code })))
}
