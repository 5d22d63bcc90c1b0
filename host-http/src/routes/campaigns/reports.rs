//! What a campaign would do, and how it goes.
use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_campaigns::{
    ErrorKind,
    service::{Assumptions, ExportFormat, PreviewRow, Progress, ServiceError},
    simulate::{Prices, Report, Transport},
};
use whatsapp_store::WorkspaceId;

use super::{Id, service};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Params, Segments},
    time::now_millis,
};

/// Seconds after which a simulation may be asked for again that found no room.
const RETRY_AFTER: &str = "2";
const DAY: i64 = 24 * 3_600_000;

/// Query of `GET /api/campaigns/{id}/preview`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuery {
    #[serde(default = "ten")]
    count: u32,
}

const fn ten() -> u32 {
    10
}

/// `GET /api/campaigns/{id}/preview?count=`: what some recipients from all over the audience would get.
pub async fn preview(
    State(app): State<App>,
    Segments(id): Id,
    Params(query): Params<PreviewQuery>,
) -> ApiResult<Json<Vec<PreviewRow>>> {
    Ok(Json(service(&app).preview(&id, query.count).await?))
}

/// Body of `POST /api/campaigns/{id}/dry-run`; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assumed {
    /// What messages cost.
    prices: Option<Prices>,
    /// What is believed of the network.
    transport: Option<Transport>,
    /// By whose clock the days of the report are.
    zone: Option<String>,
}

/// `POST /api/campaigns/{id}/dry-run`: what would happen if it was started now. Without having looked at it, nobody starts it.
pub async fn dry_run(
    State(app): State<App>,
    Segments(id): Id,
    body: String,
) -> Result<Json<Report>, Unsimulated> {
    let assumed: Assumed = match body.trim() {
        "" => Assumed::default(),
        body => {
            serde_json::from_str(body).map_err(|error| ApiError::bad_request(format!("the body: {error}")))?
        }
    };
    let assumptions = assumptions(&app, &id, assumed).await?;
    Ok(Json(service(&app).dry_run(&id, &assumptions).await?))
}

/// `GET /api/campaigns/{id}/eta`: when it will be over, from how far it is now.
pub async fn eta(State(app): State<App>, Segments(id): Id) -> Result<Json<Report>, Unsimulated> {
    let assumptions = assumptions(&app, &id, Assumed::default()).await?;
    Ok(Json(service(&app).eta(&id, &assumptions).await?))
}

/// Why there is no report: what cannot be simulated, or too much that is.
#[derive(Debug)]
pub struct Unsimulated {
    error: ApiError,
    is_busy: bool,
}

impl From<ApiError> for Unsimulated {
    fn from(error: ApiError) -> Self {
        Self { error, is_busy: false }
    }
}

impl From<ServiceError> for Unsimulated {
    fn from(error: ServiceError) -> Self {
        let is_busy = matches!(error.kind(), ErrorKind::WorkspaceBusy | ErrorKind::NodeBusy);
        Self { error: error.into(), is_busy }
    }
}

impl IntoResponse for Unsimulated {
    fn into_response(self) -> Response {
        match self.is_busy {
            true => ([(header::RETRY_AFTER, RETRY_AFTER)], self.error).into_response(),
            false => self.error.into_response(),
        }
    }
}

/// What the senders' limits are.
async fn assumptions(app: &App, id: &str, assumed: Assumed) -> ApiResult<Assumptions> {
    service(app).show(id).await?;
    let sessions = app.store.sessions(&WorkspaceId::default()).await?;
    Ok(Assumptions {
        transport: assumed.transport.unwrap_or_default(),
        prices: assumed.prices,
        zone: assumed.zone,
        ..app.campaigns.assumptions(&sessions)
    })
}

/// `GET /api/campaigns/{id}/progress`: how many are in which state, how fast it goes.
pub async fn progress(State(app): State<App>, Segments(id): Id) -> ApiResult<Json<Progress>> {
    Ok(Json(service(&app).progress(&id).await?))
}

/// Query of `GET /api/campaigns/{id}/minutes`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinutesQuery {
    from: Option<i64>,
    until: Option<i64>,
}

/// `GET /api/campaigns/{id}/minutes?from=&until=`: how many came into which state in each minute; the last day unless said
/// otherwise.
pub async fn minutes(
    State(app): State<App>,
    Segments(id): Id,
    Params(query): Params<MinutesQuery>,
) -> ApiResult<Json<Value>> {
    let service = service(&app);
    service.show(&id).await?;
    let until = query.until.unwrap_or_else(now_millis);
    let from = query.from.unwrap_or(until - DAY);
    let minutes = service.minutes(&id, from, until).await?;
    let minutes: Vec<Value> = minutes
        .iter()
        .map(|minute| json!({ "at": minute.at, "state": minute.state, "count": minute.count }))
        .collect();
    Ok(Json(json!({ "minutes": minutes })))
}

/// Query of `GET /api/campaigns/{id}/export`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Ndjson,
}

/// `GET /api/campaigns/{id}/export?format=csv|ndjson`: what became of each recipient, as a stream.
pub async fn export(
    State(app): State<App>,
    Segments(id): Id,
    Params(query): Params<ExportQuery>,
) -> ApiResult<Response> {
    let (format, kind, ending) = match query.format {
        Format::Csv => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        Format::Ndjson => (ExportFormat::Ndjson, "application/x-ndjson", "ndjson"),
    };
    let service = service(&app);
    // What can be wrong is told before the stream begins.
    let (first, next) = service.export(&id, format, None).await?;
    let name = format!("attachment; filename=\"{id}.{ending}\"");
    let rest = stream::unfold(Some((first, next)), move |part| {
        let (service, id) = (service.clone(), id.clone());
        async move {
            let (text, next) = part?;
            let following = match next {
                None => None,
                Some(after) => match service.export(&id, format, Some(&after)).await {
                    Ok(part) => Some(part),
                    // The stream breaks off, so that nobody takes a part for all of it.
                    Err(error) => return Some((Err(std::io::Error::other(error.to_string())), None)),
                },
            };
            Some((Ok(text), following))
        }
    });
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(rest)).into_response())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_full_node_or_workspace_says_when_to_ask_again() {
        for (error, status) in [
            (ServiceError::WorkspaceSimulates, StatusCode::TOO_MANY_REQUESTS),
            (ServiceError::NodeSimulates, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let response = Unsimulated::from(error).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[header::RETRY_AFTER], RETRY_AFTER);
        }
        let response = Unsimulated::from(ServiceError::NoRecipients).into_response();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }
}
