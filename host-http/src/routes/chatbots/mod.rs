//! Bots: drafts, versions, and trying them out. What becomes of them is in the files beside. The rules are those of
//! [`whatsapp_bots::service`]; what is here translates.
pub mod analytics;
pub mod conversations;
pub mod happenings;

use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_bots::{
    Finding, definition, import,
    service::{BotId, BotService, Draft, Revision, Saved, ServiceError, ServiceErrorKind},
    tester::{Report, Transcript},
};
use whatsapp_store::{ConversationStatus, FlowHead, FlowRecord, WorkspaceId};

use super::campaigns::{Actor, AsRead};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params, Segments, strictly},
};

type Bot = Segments<String>;

/// What stands in the place of an id in other routes.
const TAKEN: [&str; 4] = ["conversations", "events", "import", "schema"];

fn workspace() -> WorkspaceId {
    WorkspaceId::default()
}

fn service(app: &App) -> BotService {
    BotService::new(app.store.clone(), workspace())
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match (error.kind(), error) {
            (_, ServiceError::Store(error)) => error.into(),
            (_, ServiceError::Id(error)) => Self::bad_request(format!("id: {error}")),
            (ServiceErrorKind::NotFound, error) => Self::not_found(error.to_string()),
            (ServiceErrorKind::Conflict, error) => Self::conflict(error.to_string()),
            (_, error) => Self::bad_request(error.to_string()),
        }
    }
}

/// Body of `POST /api/chatbots` and `PUT /api/chatbots/{id}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewDraft {
    id: Option<String>,
    name: Option<String>,
    definition: Value,
    /// Of a change: the `updatedAt` of the bot that was read.
    updated_at: Option<i64>,
}

impl NewDraft {
    fn read(&self) -> ApiResult<Draft> {
        let draft = Draft::from_json(self.definition.to_string()).map_err(ServiceError::from)?;
        strictly(&self.definition, draft.definition())?;
        Ok(draft)
    }
}

fn view(bot: &FlowHead) -> Value {
    json!({
        "id": bot.id, "name": bot.name, "published": bot.published, "enabled": bot.enabled,
        "createdAt": bot.created_at, "updatedAt": bot.updated_at,
    })
}

fn saved(saved: &Saved) -> Value {
    let mut view = view(&saved.bot);
    view["findings"] = json!(saved.findings);
    view
}

fn id(text: &str) -> ApiResult<BotId> {
    let id = text.parse::<BotId>().map_err(ServiceError::from)?;
    if TAKEN.contains(&id.as_str()) {
        return Err(ApiError::bad_request(format!("id: {id} has a meaning of its own here: choose another")));
    }
    Ok(id)
}

/// `POST /api/chatbots`: makes a draft; with what is wrong with it, if anything is.
pub async fn create(
    State(app): State<App>,
    Actor(actor): Actor,
    Body(new): Body<NewDraft>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let id = match &new.id {
        Some(text) => id(text)?,
        None => id(&format!("bot-{:08x}", rand::random::<u32>()))?,
    };
    let made = service(&app).create(&id, new.name.as_deref(), new.read()?, &actor).await?;
    Ok((StatusCode::CREATED, Json(saved(&made))))
}

/// Query of `POST /api/chatbots/import`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    format: import::Format,
    id: String,
    name: Option<String>,
}

/// `POST /api/chatbots/import?format=typebot|rapidpro&id=`: a draft from another program's export, with a report of what could not be
/// carried over. What needs attention keeps it from being published.
pub async fn import(
    State(app): State<App>,
    Actor(actor): Actor,
    Params(query): Params<ImportQuery>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Value>)> {
    // As bytes: an extractor of text would stop at its own limit, and say nothing of what is wrong with the encoding.
    let document = to_bytes(request.into_body(), import::MAX_BYTES).await;
    let document = document.map_err(|_| {
        ApiError::bad_request(format!(
            "the document cannot be read, or has more than {} bytes: divide the bot into several",
            import::MAX_BYTES
        ))
    })?;
    let (id, name) = (id(&query.id)?, query.name.as_deref());
    let (made, report) = service(&app).import(&id, name, query.format, &document, &actor).await?;
    let mut view = saved(&made);
    view["report"] = json!(report);
    Ok((StatusCode::CREATED, Json(view)))
}

/// Query of lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    after: Option<String>,
    before: Option<String>,
    limit: u32,
    status: Option<ConversationStatus>,
    version: Option<i64>,
}

type Listed = Params<ListQuery>;

/// `GET /api/chatbots?after=&limit=`.
pub async fn list(State(app): State<App>, Params(query): Listed) -> ApiResult<Json<Value>> {
    let page = service(&app).list(query.after.as_deref(), query.limit).await?;
    let bots: Vec<Value> = page.flows.iter().map(view).collect();
    Ok(Json(json!({ "chatbots": bots, "next": page.next })))
}

/// `GET /api/chatbots/{id}`: with its draft.
pub async fn show(State(app): State<App>, Segments(id): Bot) -> ApiResult<Json<Value>> {
    let FlowRecord { id, name, draft, published, enabled, created_at, updated_at } =
        service(&app).show(&id).await?;
    let mut view = view(&FlowHead { id, name, published, enabled, created_at, updated_at });
    view["definition"] = draft.and_then(|draft| serde_json::from_str(&draft).ok()).unwrap_or_default();
    Ok(Json(view))
}

/// `PUT /api/chatbots/{id}`: changes the draft; what is published stays. With `updatedAt`, only the state that was read is replaced.
pub async fn change(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
    Body(new): Body<NewDraft>,
) -> ApiResult<Json<Value>> {
    let (draft, read) = (new.read()?, new.updated_at.map(Revision));
    Ok(Json(saved(&service(&app).change(&id, new.name.as_deref(), draft, read, &actor).await?)))
}

/// `DELETE /api/chatbots/{id}?updatedAt=`: with its versions; its conversations end.
pub async fn delete(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
    Params(read): Params<AsRead>,
) -> ApiResult<StatusCode> {
    service(&app).delete(&id, read.updated_at.map(Revision), &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/chatbots/{id}/validate`: what is wrong with the draft, and what might be.
pub async fn check(State(app): State<App>, Segments(id): Bot) -> ApiResult<Json<Value>> {
    let findings = service(&app).findings(&id).await?;
    let publishable = !findings.iter().any(Finding::is_error);
    Ok(Json(json!({ "publishable": publishable, "findings": findings })))
}

/// `POST /api/chatbots/{id}/publish?updatedAt=`: the draft becomes a version, which new conversations follow. Errors keep it from that.
pub async fn publish(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
    Params(read): Params<AsRead>,
) -> ApiResult<Json<Value>> {
    let read = read.updated_at.map(Revision);
    Ok(Json(saved(&service(&app).publish(&id, read, &actor).await?)))
}

/// `POST /api/chatbots/{id}/enable`: may start conversations.
pub async fn enable(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
) -> ApiResult<Json<Value>> {
    Ok(Json(view(&service(&app).set_enabled(&id, true, &actor).await?)))
}

/// `POST /api/chatbots/{id}/disable`: starts none; those that are live go on.
pub async fn disable(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
) -> ApiResult<Json<Value>> {
    Ok(Json(view(&service(&app).set_enabled(&id, false, &actor).await?)))
}

/// `GET /api/chatbots/{id}/versions?before=&limit=`.
pub async fn versions(
    State(app): State<App>,
    Segments(id): Bot,
    Params(query): Listed,
) -> ApiResult<Json<Value>> {
    let page = service(&app).versions(&id, query.before.as_deref(), query.limit).await?;
    Ok(Json(json!({ "versions": page.versions, "next": page.next })))
}

/// `POST /api/chatbots/{id}/test`: a chat with the draft, as a transcript; nothing is sent and nobody is asked.
pub async fn test(
    State(app): State<App>,
    Segments(id): Bot,
    Body(transcript): Body<Transcript>,
) -> ApiResult<Json<Report>> {
    Ok(Json(service(&app).try_out(&id, &transcript).await?))
}

/// `GET /api/chatbots/schema`: the JSON Schema of definitions.
pub async fn schema() -> ([(&'static str, &'static str); 1], &'static str) {
    ([("content-type", "application/schema+json")], definition::SCHEMA)
}
