//! What requests bring. Errors of reading it are the API's own, and name the parameter or field.
use axum::{
    body::{Body as Bytes, to_bytes},
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{BytesRejection, PathRejection},
    },
    http::{StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::{ApiError, ApiResult};

/// The longest text of an error that is told in the API's own form.
const LONGEST_ERROR: usize = 64 << 10;

/// The query, by field.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let query = parts.uri.query().unwrap_or_default();
        if let Some(parameter) = query.split('&').find(|parameter| !is_utf8(parameter)) {
            let name = parameter.split('=').next().unwrap_or_default();
            return Err(ApiError::bad_request(format!("{name}: not UTF-8 when it is decoded")));
        }
        let Query(query) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        Ok(Self(query))
    }
}

/// Is percent-encoded text UTF-8 once decoded? What is no such text would be replaced without a word.
fn is_utf8(encoded: &str) -> bool {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let decoded = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// Parts of the path.
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(path)| Self(path)).map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

/// A JSON body: an object that has no other fields than `T`, at any depth, and no array where `T` has an object.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + Serialize, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        if !is_json(&request) {
            return Err(ApiError::bad_request("send JSON, with the header Content-Type: application/json"));
        }
        read(&bytes(request, state).await?).map(Self)
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The whole body, within the route's limit.
async fn bytes<S: Send + Sync>(request: Request, state: &S) -> ApiResult<bytes::Bytes> {
    bytes::Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::too_large("the body is too large: divide what you send")
        } else {
            ApiError::bad_request("the request broke off before its body was complete")
        }
    })
}

/// JSON text as `T`, strictly.
fn read<T: DeserializeOwned + Serialize>(json: &[u8]) -> ApiResult<T> {
    let wrong = |error: serde_json::Error| ApiError::bad_request(format!("the body: {error}"));
    // A byte order mark is no part of the text.
    let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
    let sent: Value = serde_json::from_slice(json).map_err(wrong)?;
    if !sent.is_object() {
        return Err(ApiError::bad_request("the body: send a JSON object, in braces"));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "the body".to_owned() } else { path };
        ApiError::bad_request(format!("{place}: {}", error.into_inner()))
    })?;
    let understood = serde_json::to_value(&value).map_err(wrong)?;
    match difference(&sent, &understood, true) {
        None => Ok(value),
        Some(why) => Err(ApiError::bad_request(why)),
    }
}

/// Refuses arrays where the value that was read from `sent` has objects, and unknown fields of contents.
///
/// # Errors
/// Names the field.
pub fn strictly(sent: &Value, understood: &impl Serialize) -> ApiResult<()> {
    let understood = serde_json::to_value(understood).unwrap_or_default();
    difference(sent, &understood, false).map_or(Ok(()), |why| Err(ApiError::bad_request(why)))
}

/// What of the JSON that was sent is not in what was understood. Derived readers take an array for the fields of an object by their
/// order, and those of tagged types pass over fields that they do not know.
fn difference(sent: &Value, understood: &Value, all_fields: bool) -> Option<String> {
    differs(sent, understood, all_fields, &mut Vec::new())
}

fn differs(sent: &Value, understood: &Value, all_fields: bool, path: &mut Vec<String>) -> Option<String> {
    match (sent, understood) {
        (Value::Array(_), Value::Object(_)) => {
            Some(format!("{}: send an object, not an array", path.join(".")))
        }
        (Value::Object(sent), Value::Object(understood)) => sent.iter().find_map(|(key, value)| {
            path.push(key.clone());
            let found = match understood.get(key) {
                Some(other) => {
                    let is_content = key == "content" && other.get("type").is_some();
                    differs(value, other, all_fields || is_content, path)
                }
                None if all_fields && !value.is_null() => {
                    Some(format!("{}: there is no such field", path.join(".")))
                }
                None => None,
            };
            path.pop();
            found
        }),
        (Value::Array(sent), Value::Array(understood)) => {
            sent.iter().zip(understood).enumerate().find_map(|(place, (value, other))| {
                path.push(place.to_string());
                let found = differs(value, other, all_fields, path);
                path.pop();
                found
            })
        }
        _ => None,
    }
}

/// Errors that the framework tells as text are told as the API tells its own.
pub async fn json_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_text = kind.is_none_or(|kind| kind.starts_with("text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !is_text {
        return response;
    }
    let (parts, body): (_, Bytes) = response.into_parts();
    let text = to_bytes(body, LONGEST_ERROR).await.unwrap_or_default();
    let mut response = ApiError::of_status(status, &String::from_utf8_lossy(&text)).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use whatsapp_store::Content;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Message {
        to: String,
        content: Option<Content>,
        count: Option<u32>,
    }

    #[test]
    fn bodies_are_read_strictly() {
        let good = json!({ "to": "1", "content": { "type": "text", "text": "hi" }, "count": null });
        assert!(read::<Message>(good.to_string().as_bytes()).is_ok());
        assert!(read::<Message>(format!("\u{feff}{good}").as_bytes()).is_ok());
        let list =
            |item| json!({ "to": "1", "content": { "type": "buttons", "text": "a", "buttons": [item] } });
        assert!(read::<Message>(list(json!({ "id": "a", "title": "A" })).to_string().as_bytes()).is_ok());
        for (wrong, named) in [
            (json!(["1", null, null]), "object"),
            (json!("text"), "object"),
            (json!({ "to": "1", "content": { "type": "text", "text": "hi", "txet": "x" } }), "content.txet"),
            (json!({ "to": "1", "content": ["text", "hi"] }), "content"),
            (
                json!({ "to": "1", "content": { "type": "location", "latitude": 1, "longitude": 2, "title": "x" } }),
                "content.title",
            ),
            (list(json!(["a", "A"])), "content.buttons.0"),
            (list(json!({ "id": "a", "title": "A", "url": "x" })), "url"),
            (json!({ "to": "1", "other": 1 }), "other"),
            (json!({ "to": "1", "count": -1 }), "-1"),
        ] {
            let error = format!("{:?}", read::<Message>(wrong.to_string().as_bytes()).unwrap_err());
            assert!(error.contains(named), "{wrong}: {error}");
        }
        assert!(read::<Message>(b"{\"to\": \"\xff\"}").is_err());
    }

    #[test]
    fn encoded_text() {
        for good in ["", "a=b", "a=%C3%BC", "100%", "%zz", "%e2%82%ac"] {
            assert!(is_utf8(good), "{good}");
        }
        for bad in ["%ff", "a=%C3", "%ed%a0%80"] {
            assert!(!is_utf8(bad), "{bad}");
        }
    }
}
