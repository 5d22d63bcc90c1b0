//! Recipients, from a file in the body or from the contacts.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read, Seek},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use serde::Deserialize;
use tokio::{
    io::{AsyncSeekExt, AsyncWriteExt},
    sync::Semaphore,
};
use whatsapp_campaigns::{
    audience::{Column, ConsentStamp, CsvSource, Encoding, XlsxSource},
    desk::Upload,
    model::Frozen,
};

use super::{Actor, Id, desk};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::{Params, Segments},
};

/// A larger file is refused: some ten million people fit in.
const MOST: u64 = 1 << 30;
/// So many files are received at once; they lie on the disk meanwhile.
static RECEIVING: Semaphore = Semaphore::const_new(4);
/// Kinds of bodies that hold no table, whatever is in them.
const NO_TABLES: [&str; 8] = [
    "multipart/",
    "image/",
    "audio/",
    "video/",
    "application/json",
    "application/pdf",
    "application/xml",
    "text/html",
];

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
    #[serde(alias = "charset")]
    encoding: Option<String>,
    sheet: Option<String>,
    #[serde(default)]
    hidden: Hidden,
    #[serde(flatten)]
    columns: BTreeMap<String, String>,
}

/// What becomes of rows that a sheet hides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Hidden {
    #[default]
    LeaveOut,
    Include,
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
            exclude: excluded(&self.exclude),
            ..Upload::new(usual.consent)
        })
    }
}

/// Numbers in a row, with commas, semicolons, bars or ends of lines. What they mean is decided in one place, later.
fn excluded(text: &str) -> BTreeSet<String> {
    let parts = text.split([',', ';', '|', '\n']).map(str::trim);
    parts.filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// How a file is to be read.
struct Reading {
    encoding: Option<Encoding>,
    sheet: Option<String>,
    hidden: Hidden,
    is_workbook: bool,
}

impl Reading {
    fn of(query: &UploadQuery, headers: &HeaderMap) -> ApiResult<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        if NO_TABLES.iter().any(|no_table| kind.starts_with(no_table)) {
            return Err(ApiError::unsupported_media_type(format!(
                "a body of type {kind} is no table: send the file alone, as CSV or XLSX (curl --data-binary @file)"
            )));
        }
        // Programs write UTF-8 into the header of any file: only another name says something.
        let named = kind.split_once("charset=").map(|(_, name)| name.trim_matches(['"', ' ']).to_owned());
        let named = named.filter(|name| !name.starts_with("utf-8")).and_then(|name| name.parse().ok());
        let said = query.encoding.as_deref().map(str::parse::<Encoding>).transpose();
        let said = said.map_err(|error| ApiError::bad_request(format!("encoding: {error}")))?;
        let is_workbook = kind.contains("spreadsheetml");
        Ok(Self { encoding: said.or(named), sheet: query.sheet.clone(), hidden: query.hidden, is_workbook })
    }

    fn csv(&self, file: File, upload: &Upload) -> CsvSource<File> {
        let mut source = CsvSource::new(file);
        if let Some(encoding) = self.encoding {
            source = source.encoding(encoding);
        }
        match upload.region {
            Some(region) => source.region(region),
            None => source,
        }
    }

    fn xlsx(&self, file: File) -> XlsxSource<io::BufReader<File>> {
        let source = XlsxSource::new(io::BufReader::new(file));
        let source = match &self.sheet {
            Some(sheet) => source.sheet(sheet),
            None => source,
        };
        if self.hidden == Hidden::Include { source.with_hidden_rows() } else { source }
    }
}

/// Does a file begin as workbooks do?
fn is_archive(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(4).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == b"PK\x03\x04")
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
    Params(query): Params<UploadQuery>,
    body: Body,
) -> ApiResult<Json<Frozen>> {
    let reading = Reading::of(&query, &headers)?;
    let mut upload = query.upload()?;
    let desk = desk(&app);
    desk.show(&id).await?;
    let folder = app.campaigns.rejects.folder().map_err(failed)?;
    upload.temporary = Some(folder.to_owned());
    let (mut file, _receiving) = received(&headers, body, folder).await?;
    let rejects = app.campaigns.rejects.begin(&id)?;
    let list = rejects.writer()?;
    let frozen = if reading.is_workbook || is_archive(&mut file).map_err(failed)? {
        desk.upload(&id, reading.xlsx(file), upload, list, &actor).await?
    } else {
        let source = reading.csv(file, &upload);
        desk.upload(&id, source, upload, list, &actor).await?
    };
    rejects.keep()?;
    Ok(Json(frozen))
}

fn failed(error: io::Error) -> ApiError {
    tracing::error!(%error, "an upload could not be kept");
    ApiError::internal("the upload could not be kept: see the log")
}

fn too_large() -> ApiError {
    ApiError::too_large(format!("the file is larger than {} GiB: divide it", MOST >> 30))
}

/// The body as a file without a name, which is gone with the request, and the right to have it.
async fn received(
    headers: &HeaderMap,
    body: Body,
    folder: &std::path::Path,
) -> ApiResult<(File, tokio::sync::SemaphorePermit<'static>)> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MOST) {
        return Err(too_large());
    }
    let busy = || ApiError::unavailable("other files are being uploaded: try again in a moment");
    let permit = RECEIVING.try_acquire().map_err(|_| busy())?;
    let folder = folder.to_owned();
    let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder))
        .await
        .map_err(|_| failed(io::ErrorKind::Other.into()))?;
    let mut file = tokio::fs::File::from_std(file.map_err(failed)?);
    let (mut stream, mut length) = (body.into_data_stream(), 0_u64);
    while let Some(part) =
        stream.try_next().await.map_err(|_| ApiError::bad_request("the upload broke off"))?
    {
        length += part.len() as u64;
        if length > MOST {
            return Err(too_large());
        }
        file.write_all(&part).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.rewind().await.map_err(failed)?;
    Ok((file.into_std().await, permit))
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
