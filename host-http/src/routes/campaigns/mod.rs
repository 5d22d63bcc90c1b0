//! Campaigns: make, give recipients, look, start, pause, and see how they went.
pub mod recipients;
pub mod reports;
pub mod steps;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_campaigns::{
    ErrorKind,
    model::{Settings, SettingsError, StoredCampaign},
    service::{CampaignService, CampaignView, ServiceError, Target},
};
use whatsapp_store::{CampaignState, WorkspaceId};

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params, Segments, strictly},
};

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match (error.kind(), error) {
            // The store's errors have their own answers.
            (_, ServiceError::Store(error)) => error.into(),
            (ErrorKind::NotFound, _) => Self::not_found(message),
            (ErrorKind::Conflict, _) => Self::conflict(message),
            (ErrorKind::UnsupportedFile, _) => Self::unsupported_media_type(message),
            (ErrorKind::WorkspaceBusy, _) => Self::of_status(StatusCode::TOO_MANY_REQUESTS, &message),
            (ErrorKind::NodeBusy, _) => Self::unavailable(message),
            (ErrorKind::Internal, ServiceError::Internal) => Self::internal(message),
            _ => Self::bad_request(message),
        }
    }
}

/// The campaigns of the one workspace that there is until logins come.
pub(super) fn service(app: &App) -> CampaignService {
    app.campaigns.service(WorkspaceId::default())
}

/// Who asks: the header `X-Actor`, for the audit log. Nobody checks it before there are logins.
#[derive(Debug)]
pub struct Actor(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(name) = parts.headers.get("x-actor") else { return Ok(Self("api".to_owned())) };
        let name = name.to_str().ok().filter(|name| (1..=100).contains(&name.len()));
        let name = name.ok_or_else(|| ApiError::bad_request("X-Actor: 1 to 100 plain characters"))?;
        Ok(Self(name.to_owned()))
    }
}

/// The query of an act on something that a person has read: with its `updatedAt`, the act fails with 409 if somebody changed it since.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct AsRead {
    pub(super) updated_at: Option<i64>,
}

impl AsRead {
    fn campaign<'a>(&self, id: &'a str) -> Target<'a> {
        Target::new(id).as_read_at(self.updated_at)
    }
}

/// The campaign's id in a path.
pub(super) type Id = Segments<String>;

/// Body of `POST /api/campaigns` and `PUT /api/campaigns/{id}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Draft {
    id: Option<String>,
    name: Option<String>,
    settings: Value,
    /// Of a change: the `updatedAt` of the campaign that was read.
    updated_at: Option<i64>,
}

impl Draft {
    /// The settings; errors say where in them.
    fn settings(&self) -> ApiResult<Settings> {
        let wrong = |error| ApiError::bad_request(format!("settings: {}", SettingsError::Json(error)));
        let settings = Settings::from_json(&self.settings.to_string()).map_err(wrong)?;
        strictly(&self.settings, &settings)?;
        Ok(settings)
    }
}

/// A campaign of a session that is not there would never end.
async fn check_senders(app: &App, settings: &Settings) -> ApiResult<()> {
    for sender in &settings.senders {
        let id = crate::routes::session_id(sender)?;
        if app.store.session(&id).await?.is_none() {
            return Err(ApiError::bad_request(format!("settings.senders: there is no session {sender}")));
        }
    }
    Ok(())
}

/// A campaign as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    id: String,
    name: String,
    state: CampaignState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    settings: Settings,
    #[serde(flatten)]
    kept: StoredCampaign,
}

impl From<CampaignView> for View {
    fn from(shown: CampaignView) -> Self {
        let CampaignView { record, document } = shown;
        Self {
            id: record.id,
            name: record.name,
            state: record.state,
            reason: record.reason,
            created_at: record.created_at,
            updated_at: record.updated_at,
            settings: document.settings,
            // The key decides who gets what: it is nobody's business.
            kept: StoredCampaign { key: None, ..document.kept },
        }
    }
}

/// `POST /api/campaigns`: makes a draft.
pub async fn create(
    State(app): State<App>,
    Actor(actor): Actor,
    Body(draft): Body<Draft>,
) -> ApiResult<impl IntoResponse> {
    let settings = draft.settings()?;
    check_senders(&app, &settings).await?;
    let id = draft.id.unwrap_or_else(|| format!("campaign-{:08x}", rand::random::<u32>()));
    let name = draft.name.unwrap_or_else(|| id.clone());
    let shown = service(&app).create(&id, &name, settings, &actor).await?;
    Ok((StatusCode::CREATED, Json(View::from(shown))))
}

/// Query of `GET /api/campaigns`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    before: Option<String>,
    limit: u32,
}

/// `GET /api/campaigns?before=&limit=`: newest first.
pub async fn list(State(app): State<App>, Params(query): Params<ListQuery>) -> ApiResult<Json<Value>> {
    let page = service(&app).list(query.before.as_deref(), query.limit).await?;
    let campaigns: Vec<Value> = page
        .campaigns
        .into_iter()
        .map(|record| {
            json!({
                "id": record.id, "name": record.name, "state": record.state, "reason": record.reason,
                "createdAt": record.created_at, "updatedAt": record.updated_at,
            })
        })
        .collect();
    Ok(Json(json!({ "campaigns": campaigns, "next": page.next })))
}

/// `GET /api/campaigns/{id}`.
pub async fn show(State(app): State<App>, Segments(id): Id) -> ApiResult<Json<View>> {
    Ok(Json(service(&app).show(&id).await?.into()))
}

/// `PUT /api/campaigns/{id}`: changes a draft. With `updatedAt`, only the state that was read is replaced.
pub async fn change(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<View>> {
    if draft.id.as_ref().is_some_and(|other| *other != id) {
        return Err(ApiError::bad_request("id: a campaign keeps its id"));
    }
    let settings = draft.settings()?;
    check_senders(&app, &settings).await?;
    let target = Target::new(&id).as_read_at(draft.updated_at);
    Ok(Json(service(&app).change(target, draft.name.as_deref(), settings, &actor).await?.into()))
}

/// `DELETE /api/campaigns/{id}?updatedAt=`.
pub async fn delete(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    Params(read): Params<AsRead>,
) -> ApiResult<StatusCode> {
    service(&app).delete(read.campaign(&id), &actor).await?;
    app.campaigns.rejects.remove(&id).await;
    Ok(StatusCode::NO_CONTENT)
}
