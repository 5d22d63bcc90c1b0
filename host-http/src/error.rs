//! Errors as the API tells them: JSON with `error` and `message`.
use axum::{
    Json,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use whatsapp_core::{Error, engine::CommandError};
use whatsapp_store::ErrorKind;

/// An error response.
#[derive(Debug, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), path: None }
    }

    /// 400: what was sent is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad Request", message)
    }

    /// 403: not from there.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found", message)
    }

    /// 409: not in this state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
    }

    /// 413: more than is taken at once.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large", message)
    }

    /// 507: there is no room on the disk.
    pub fn no_room(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "Insufficient Storage", message)
    }

    /// An error that came as a status and text.
    pub(crate) fn of_status(status: StatusCode, text: &str) -> Self {
        let error = status.canonical_reason().unwrap_or("Error");
        let text = text.trim();
        Self::new(status, error, if text.is_empty() { error } else { text })
    }

    /// 415: another kind of content is needed.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type", message)
    }

    /// Is it a 409?
    pub fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// 503: a part is down.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", message)
    }

    /// 500, with what the log has for details.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

impl From<whatsapp_store::Error> for ApiError {
    fn from(error: whatsapp_store::Error) -> Self {
        let kind = error.kind();
        // These two are the caller's, and not failures of the store.
        if !matches!(kind, ErrorKind::BadCursor | ErrorKind::Conflict) {
            tracing::error!(%error, "the store failed");
        }
        match kind {
            ErrorKind::BadCursor => Self::bad_request(
                "before or after: not a cursor of this list; begin with the first page, and take its next",
            ),
            ErrorKind::Conflict => {
                Self::conflict("somebody changed it meanwhile, or the name is taken: read it again")
            }
            ErrorKind::Busy => Self::unavailable("the store is busy: try again"),
            ErrorKind::Full => {
                Self::no_room("the database's disk is full or read-only: nothing was stored; make room")
            }
            ErrorKind::Corrupt => {
                Self::unavailable("the database is damaged: restore a backup, and see the log")
            }
            _ => Self::internal("the store failed: see the log"),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Command(command) => {
                let message = command.to_string();
                match command {
                    CommandError::NotAPerson
                    | CommandError::ContentUnsupported(_)
                    | CommandError::BadNumber
                    | CommandError::BadId => Self::bad_request(message),
                    CommandError::TimedOut | CommandError::Refused(_) => {
                        Self::new(StatusCode::BAD_GATEWAY, "Bad Gateway", message)
                    }
                    _ => Self::conflict(message),
                }
            }
            Error::Store(error) => error.into(),
            Error::Stopped => Self::conflict("the session is not running: start it first"),
            error => {
                tracing::error!(%error, "a session failed");
                Self::internal("the session failed: see the log")
            }
        }
    }
}

/// Answers what no route does.
pub async fn no_route(uri: Uri) -> ApiError {
    let path = uri.path().to_owned();
    ApiError { path: Some(path.clone()), ..ApiError::not_found(format!("there is nothing at {path}")) }
}

/// Answers a method that a route does not have.
pub async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let path = uri.path().to_owned();
    let message = format!("{method} is not what {path} takes: see the Allow header");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", message);
    ApiError { path: Some(path), ..error }
}
