//! Bots: drafts, versions, and trying them out. What becomes of them is in the files beside.
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
    Compiled, Definition, Finding, import,
    runner::schedule_setting,
    tester::{Report, Transcript},
    validate,
};
use whatsapp_store::{
    AuditChange, AuditEntry, Change, Changes, ConversationStatus, FlowChange, FlowRecord, SettingChange,
    WorkspaceId,
};

use super::campaigns::Actor;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Body, Params, Segments, strictly},
    time::now_millis,
};

type Bot = Segments<String>;

/// What stands in the place of an id in other routes.
const TAKEN: [&str; 4] = ["conversations", "events", "import", "schema"];

fn workspace() -> WorkspaceId {
    WorkspaceId::default()
}

/// Body of `POST /api/chatbots` and `PUT /api/chatbots/{id}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    id: Option<String>,
    name: Option<String>,
    definition: Value,
}

fn view(flow: &FlowRecord) -> Value {
    json!({
        "id": flow.id, "name": flow.name, "published": flow.published, "enabled": flow.enabled,
        "createdAt": flow.created_at, "updatedAt": flow.updated_at,
    })
}

async fn record(app: &App, id: &str) -> ApiResult<FlowRecord> {
    let flow = app.store.flow(&workspace(), id).await?;
    flow.ok_or_else(|| ApiError::not_found(format!("there is no chatbot {id}")))
}

/// The definition that is worked on.
fn draft(flow: &FlowRecord) -> ApiResult<Definition> {
    let draft =
        flow.draft.as_deref().ok_or_else(|| ApiError::conflict("the chatbot has no draft: send one"))?;
    read(draft)
}

fn read(json: &str) -> ApiResult<Definition> {
    Definition::from_json(json).map_err(|error| ApiError::bad_request(format!("definition: {error}")))
}

fn audit(actor: &str, action: &str, id: &str) -> Change {
    AuditChange::Append(AuditEntry {
        at: now_millis(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: format!("chatbot/{id}"),
        details: "{}".to_owned(),
    })
    .into()
}

/// The bot is still as it was read, or not there.
fn expect(id: &str, read: Option<&FlowRecord>) -> Change {
    FlowChange::Expect { flow: id.to_owned(), updated_at: read.map(|read| read.updated_at) }.into()
}

async fn commit(app: &App, list: Vec<Change>) -> ApiResult<()> {
    let mut changes = Changes::new(workspace());
    changes.list = list;
    Ok(app.store.commit(changes).await?)
}

/// Writes a draft in the place of what was read, or of nothing.
async fn put(
    app: &App,
    id: &str,
    new: Draft,
    former: Option<&FlowRecord>,
    (actor, action): (&str, &str),
) -> ApiResult<Json<Value>> {
    let json = new.definition.to_string();
    let definition = read(&json)?;
    strictly(&new.definition, &definition)?;
    let name = new.name.unwrap_or_else(|| id.to_owned());
    let change = FlowChange::PutDraft { flow: id.to_owned(), name, draft: Some(json), at: now_millis() };
    commit(app, vec![expect(id, former), change.into(), audit(actor, action, id)]).await?;
    let mut view = view(&record(app, id).await?);
    view["findings"] = json!(validate(&definition));
    Ok(Json(view))
}

/// `POST /api/chatbots`: makes a draft; with what is wrong with it, if anything is.
pub async fn create(
    State(app): State<App>,
    Actor(actor): Actor,
    Body(new): Body<Draft>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let id = new.id.clone().unwrap_or_else(|| format!("bot-{:08x}", rand::random::<u32>()));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=64).contains(&id.len()) || !id.bytes().all(is_plain) {
        return Err(ApiError::bad_request("id: 1 to 64 letters, digits, hyphens and underscores"));
    }
    if TAKEN.contains(&id.as_str()) {
        return Err(ApiError::bad_request(format!("id: {id} has a meaning of its own here: choose another")));
    }
    let taken = || ApiError::conflict(format!("there is a chatbot {id} already"));
    if app.store.flow(&workspace(), &id).await?.is_some() {
        return Err(taken());
    }
    let made = put(&app, &id, new, None, (&actor, "chatbot.created")).await;
    Ok((StatusCode::CREATED, made.map_err(|error| if error.is_conflict() { taken() } else { error })?))
}

/// Query of `POST /api/chatbots/import`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    format: Format,
    id: String,
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Typebot,
    Rapidpro,
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
    let imported = import::decode(&document).and_then(|text| match query.format {
        Format::Typebot => import::typebot(text),
        Format::Rapidpro => import::rapidpro(text, &import::Workspace { languages: Vec::new() }),
    });
    let imported = imported.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let definition = serde_json::to_value(&imported.definition);
    let definition = definition.map_err(|_| ApiError::internal("the imported bot cannot be written"))?;
    let new = Draft { id: Some(query.id), name: query.name, definition };
    let (status, Json(mut made)) = create(State(app), Actor(actor), Body(new)).await?;
    made["report"] = json!(imported.report);
    Ok((status, Json(made)))
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
    let page = app.store.flows(&workspace(), query.after.as_deref(), query.limit).await?;
    let bots: Vec<Value> = page.flows.iter().map(view).collect();
    Ok(Json(json!({ "chatbots": bots, "next": page.next })))
}

/// `GET /api/chatbots/{id}`: with its draft.
pub async fn show(State(app): State<App>, Segments(id): Bot) -> ApiResult<Json<Value>> {
    let flow = record(&app, &id).await?;
    let mut view = view(&flow);
    view["definition"] =
        flow.draft.as_deref().and_then(|draft| serde_json::from_str(draft).ok()).unwrap_or_default();
    Ok(Json(view))
}

/// `PUT /api/chatbots/{id}`: changes the draft; what is published stays.
pub async fn change(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
    Body(new): Body<Draft>,
) -> ApiResult<Json<Value>> {
    let former = record(&app, &id).await?;
    let new = Draft { name: new.name.or(Some(former.name.clone())), ..new };
    put(&app, &id, new, Some(&former), (&actor, "chatbot.changed")).await
}

/// `DELETE /api/chatbots/{id}`: with its versions; its conversations end.
pub async fn delete(State(app): State<App>, Segments(id): Bot, Actor(actor): Actor) -> ApiResult<StatusCode> {
    let former = record(&app, &id).await?;
    let change = FlowChange::Delete { flow: id.clone(), at: now_millis() };
    let times = SettingChange::Delete { name: schedule_setting(&id) };
    let audit = audit(&actor, "chatbot.deleted", &id);
    commit(&app, vec![expect(&id, Some(&former)), change.into(), times.into(), audit]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/chatbots/{id}/validate`: what is wrong with the draft, and what might be.
pub async fn check(State(app): State<App>, Segments(id): Bot) -> ApiResult<Json<Value>> {
    let findings = validate(&draft(&record(&app, &id).await?)?);
    let publishable = !findings.iter().any(Finding::is_error);
    Ok(Json(json!({ "publishable": publishable, "findings": findings })))
}

/// `POST /api/chatbots/{id}/publish`: the draft becomes a version, which new conversations follow. Errors keep it from that.
pub async fn publish(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
) -> ApiResult<Json<Value>> {
    let flow = record(&app, &id).await?;
    let definition = draft(&flow)?;
    let findings = validate(&definition);
    let errors: Vec<String> =
        findings.iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect();
    if !errors.is_empty() {
        return Err(ApiError::conflict(format!("the draft cannot be published: {}", errors.join("; "))));
    }
    let at = now_millis();
    // What was validated is what is published.
    let mut list: Vec<Change> = vec![
        expect(&id, Some(&flow)),
        FlowChange::Publish {
            flow: id.clone(),
            definition: flow.draft.unwrap_or_default(),
            at,
            by: actor.clone(),
        }
        .into(),
    ];
    if flow.published.is_none() {
        list.push(FlowChange::SetEnabled { flow: id.clone(), enabled: true, at }.into());
    }
    list.push(audit(&actor, "chatbot.published", &id));
    commit(&app, list).await?;
    let mut view = view(&record(&app, &id).await?);
    view["findings"] = json!(findings);
    Ok(Json(view))
}

async fn enabled(app: &App, id: &str, enabled: bool, actor: &str) -> ApiResult<Json<Value>> {
    record(app, id).await?;
    let action = if enabled { "chatbot.enabled" } else { "chatbot.disabled" };
    let change = FlowChange::SetEnabled { flow: id.to_owned(), enabled, at: now_millis() };
    commit(app, vec![change.into(), audit(actor, action, id)]).await?;
    Ok(Json(view(&record(app, id).await?)))
}

/// `POST /api/chatbots/{id}/enable`: may start conversations.
pub async fn enable(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
) -> ApiResult<Json<Value>> {
    enabled(&app, &id, true, &actor).await
}

/// `POST /api/chatbots/{id}/disable`: starts none; those that are live go on.
pub async fn disable(
    State(app): State<App>,
    Segments(id): Bot,
    Actor(actor): Actor,
) -> ApiResult<Json<Value>> {
    enabled(&app, &id, false, &actor).await
}

/// `GET /api/chatbots/{id}/versions?before=&limit=`.
pub async fn versions(
    State(app): State<App>,
    Segments(id): Bot,
    Params(query): Listed,
) -> ApiResult<Json<Value>> {
    record(&app, &id).await?;
    let page = app.store.flow_versions(&workspace(), &id, query.before.as_deref(), query.limit).await?;
    Ok(Json(json!({ "versions": page.versions, "next": page.next })))
}

/// `POST /api/chatbots/{id}/test`: a chat with the draft, as a transcript; nothing is sent and nobody is asked.
pub async fn test(
    State(app): State<App>,
    Segments(id): Bot,
    Body(transcript): Body<Transcript>,
) -> ApiResult<Json<Report>> {
    let definition = draft(&record(&app, &id).await?)?;
    let bot = Compiled::new(&definition, 1).map_err(|findings| ApiError::conflict(findings.to_string()))?;
    Ok(Json(transcript.run(&bot)))
}

/// `GET /api/chatbots/schema`: the JSON Schema of definitions.
pub async fn schema() -> ([(&'static str, &'static str); 1], &'static str) {
    ([("content-type", "application/schema+json")], whatsapp_bots::definition::SCHEMA)
}
