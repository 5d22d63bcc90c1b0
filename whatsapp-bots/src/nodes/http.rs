//! `http`: asks somebody else's program.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Asks the host to make a request, waits for its result, and saves parts of the answer.
///
/// Exits: `ok` for a status from 200 to 299; `error` for any other, and when there was no answer.
///
/// ```json
/// {"id": "price", "kind": "http", "config": {"method": "POST", "url": "https://example.org/price/{{ size }}",
///   "body": {"json": {"name": "{{ contact.name }}"}}, "save": [{"path": "data.price", "to": "price"}]},
///  "exits": [{"id": "ok", "to": "tell"}, {"id": "error", "to": "sorry"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The address. Placeholders are paths; what they give is percent-encoded.
    pub url: String,
    /// Headers; their values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<HttpBody>,
    /// Seconds to wait for the result; 30 without a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What of the answer goes where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub save: Vec<Saved>,
    /// The variable that the status goes to; 0 when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_to: Option<String>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// What a request sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum HttpBody {
    /// JSON whose texts are templates; one that is a single placeholder gives the value itself.
    Json(Json),
    /// A text; a template.
    Text(String),
    /// A form; its values are templates.
    Form(BTreeMap<String, String>),
}

/// Part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Saved {
    /// Where in the JSON, such as `data.items[0].price`; empty for the whole, also when it is no JSON.
    #[serde(default)]
    pub path: String,
    /// The variable.
    pub to: String,
}
