//! Recipients, from a file in the body or from the contacts.
use std::{collections::BTreeMap, io};

use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use serde::Deserialize;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use whatsapp_campaigns::{
    audience::{Column, ConsentStamp, CsvSource, XlsxSource},
    desk::Upload,
    model::Frozen,
};

use super::{Actor, Id, desk};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::Segments,
};

/// A larger file is refused.
const MOST: u64 = 4 << 30;

/// Query of `POST /api/campaigns/{id}/recipients`; all that is not named here names the column of a variable.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadQuery {
    consent_scope: String,
    consent_source: String,
    consent_at: i64,
    consent_evidence: String,
    phone: Option<String>,
    region: Option<String>,
    zone: Option<String>,
    agreed: Option<String>,
    #[serde(default)]
    exclude: String,
    #[serde(flatten)]
    columns: BTreeMap<String, String>,
}

impl UploadQuery {
    fn upload(self) -> ApiResult<Upload> {
        let wrong = |error: &dyn std::fmt::Display| ApiError::bad_request(error.to_string());
        let consent = ConsentStamp::new(
            &self.consent_scope,
            &self.consent_source,
            self.consent_at,
            &self.consent_evidence,
        );
        let consent = consent.map_err(|error| wrong(&error))?;
        let usual = Upload::new(consent);
        let column = |name: String| Column::Named(name);
        let region = self.region.map(|code| code.parse()).transpose().map_err(|error| wrong(&error))?;
        let agreed = self.agreed.map(|column| agreement(&column)).transpose()?;
        let named = |(key, column): (String, String)| {
            let name = key.strip_prefix("column.").map(str::to_owned);
            let unknown = || {
                ApiError::bad_request(format!(
                    "there is no parameter {key}: columns of variables are named like column.NAME"
                ))
            };
            Ok((name.ok_or_else(unknown)?, Column::Named(column)))
        };
        Ok(Upload {
            address: self.phone.map_or(usual.address, column),
            region,
            zone: self.zone.map(Column::Named),
            agreed,
            columns: self.columns.into_iter().map(named).collect::<ApiResult<_>>()?,
            exclude: self
                .exclude
                .split(',')
                .map(str::trim)
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect(),
            ..Upload::new(usual.consent)
        })
    }
}

/// `column:yes|y`: a column, and the words in it that mean yes.
fn agreement(text: &str) -> ApiResult<(Column, Vec<String>)> {
    let (column, words) = text.split_once(':').ok_or_else(|| {
        ApiError::bad_request("agreed: a column and the words that mean yes, such as consent:yes|ja")
    })?;
    Ok((Column::Named(column.to_owned()), words.split('|').map(str::to_owned).collect()))
}

/// `POST /api/campaigns/{id}/recipients?consentScope=&consentSource=&consentAt=&consentEvidence=…`: the recipients, as a CSV or
/// XLSX file in the body, in place of those before. Answers with how many there are, and how many are left out for which reason.
pub async fn upload(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
    headers: HeaderMap,
    query: Result<Query<UploadQuery>, QueryRejection>,
    body: Body,
) -> ApiResult<Json<Frozen>> {
    let Query(query) = query.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let upload = query.upload()?;
    let is_workbook = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("spreadsheetml"));
    let file = received(body).await?;
    let (desk, rejects) = (desk(&app), app.campaigns.rejects.begin(&id)?);
    let list = rejects.writer()?;
    let frozen = if is_workbook {
        desk.upload(&id, XlsxSource::new(io::BufReader::new(file)), upload, list, &actor).await?
    } else {
        desk.upload(&id, CsvSource::new(file), upload, list, &actor).await?
    };
    rejects.keep()?;
    Ok(Json(frozen))
}

/// The body as a file without a name, which is gone with the request.
async fn received(body: Body) -> ApiResult<std::fs::File> {
    let failed = |error: io::Error| {
        tracing::error!(%error, "an upload could not be kept");
        ApiError::internal("the upload could not be kept: see the log")
    };
    let file = tokio::task::spawn_blocking(tempfile::tempfile)
        .await
        .map_err(|_| failed(io::ErrorKind::Other.into()))?;
    let mut file = tokio::fs::File::from_std(file.map_err(failed)?);
    let (mut stream, mut length) = (body.into_data_stream(), 0_u64);
    while let Some(part) =
        stream.try_next().await.map_err(|_| ApiError::bad_request("the upload broke off"))?
    {
        length += part.len() as u64;
        if length > MOST {
            return Err(ApiError::bad_request("the file is larger than 4 GiB: divide it"));
        }
        file.write_all(&part).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.rewind().await.map_err(failed)?;
    Ok(file.into_std().await)
}

/// `POST /api/campaigns/{id}/contacts`: the recipients are the contacts that its filter finds now.
pub async fn contacts(
    State(app): State<App>,
    Segments(id): Id,
    Actor(actor): Actor,
) -> ApiResult<Json<Frozen>> {
    Ok(Json(desk(&app).freeze_contacts(&id, &actor).await?))
}

/// `GET /api/campaigns/{id}/rejects`: the rows of the last upload that are not written to, as CSV.
pub async fn rejects(State(app): State<App>, Segments(id): Id) -> ApiResult<Response> {
    desk(&app).show(&id).await?;
    let text = app.campaigns.rejects.read(&id).await.ok_or_else(|| {
        ApiError::not_found(
            "there is no list of refused rows on this node: it is kept where the file was uploaded",
        )
    })?;
    let name = format!("attachment; filename=\"{id}-rejects.csv\"");
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((StatusCode::OK, headers, text).into_response())
}
