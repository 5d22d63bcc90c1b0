//! `http`: asks somebody else's program.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    compile::{Compiler, ExitId},
    effect::{Effect, Event, Method, Request, Trouble},
    expr::{self, Key, Template, Value, Written},
    input::{MAX_ANSWER, Outcome},
    state::Waits,
    finding::Code,
    turn::{Behaviour, Next, Resume, Turn},
};

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
    /// Where in the JSON, such as `data.items[0].price`; empty for the whole, also when it is no JSON. `data.items[*].name` is a
    /// list of all the names.
    #[serde(default)]
    pub path: String,
    /// The variable.
    pub to: String,
}

/// Seconds to wait for an answer, and at most.
const TIMEOUT: u64 = 30;
const LONGEST: u64 = 300;
/// Seconds that the host has beyond that to say what came of it.
const GRACE: u64 = 15;

impl Http {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let timeout = self.timeout_seconds.unwrap_or(TIMEOUT);
        if !(1..=LONGEST).contains(&timeout) {
            compiler.find(Code::E001, "timeoutSeconds", format!("from 1 to {LONGEST} seconds"));
        }
        Box::new(Calling {
            method: self.method,
            url: self.compile_url(compiler),
            headers: self.compile_headers(compiler),
            body: self.body.as_ref().map(|body| BodyPlan::compile(body, compiler)),
            timeout,
            save: self.save.iter().filter_map(|saved| saved.compile(compiler)).collect(),
            status: self.status_to.as_ref().and_then(|to| compiler.write("statusTo", to)),
            ok: compiler.exit("ok"),
            error: compiler.exit("error"),
        })
    }

    fn compile_url(&self, compiler: &mut Compiler<'_>) -> Template {
        let url = compiler.template("url", &self.url);
        let host = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        let host = host.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if host.is_empty() || host.contains(['{', '@', ' ']) {
            let why = "an address begins with https:// or http:// and a host that is written out";
            compiler.find(Code::E001, "url", why);
        }
        if matches!(url, Template::Rich(_)) {
            compiler.find(Code::E010, "url", "only paths can stand in an address; compute the rest beforehand");
        }
        url
    }

    fn compile_headers(&self, compiler: &mut Compiler<'_>) -> Vec<(String, Template)> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let field = format!("headers/{name}");
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_name) {
                compiler.find(Code::E001, &field, "this is no name of a header");
            }
            if matches!(&*name.to_ascii_lowercase(), "host" | "content-length" | "transfer-encoding" | "connection") {
                compiler.find(Code::E001, &field, "this header is the host's own; remove it");
            }
            headers.push((name.clone(), compiler.template(&field, value)));
        }
        headers
    }
}

impl Saved {
    fn compile(&self, compiler: &mut Compiler<'_>) -> Option<(Part, u16)> {
        let field = format!("save/{}", self.to);
        let part = Part::parse(&self.path);
        if part.is_none() {
            let why = "this is no path; one is like `data.items[0].price`, or `data.items[*].price` for a list";
            compiler.find(Code::E010, &field, why);
        }
        Some((part?, compiler.write(&field, &self.to)?))
    }
}

/// A part of an answer.
#[derive(Debug)]
struct Part {
    keys: Vec<Key>,
    /// What of each item, if a list is made.
    each: Option<Vec<Key>>,
}

impl Part {
    fn parse(path: &str) -> Option<Self> {
        // A path of JSON may begin with an index: read it behind a name.
        let keys = |path: &str| {
            let separator = if path.is_empty() || path.starts_with(['[', '.']) { "" } else { "." };
            Written::parse(&format!("x{separator}{path}")).map(|path| path.keys)
        };
        match path.split_once("[*]") {
            Some((list, each)) => Some(Self { keys: keys(list)?, each: Some(keys(each)?) }),
            None => Some(Self { keys: keys(path)?, each: None }),
        }
    }

    fn of(&self, json: &Json) -> Option<Json> {
        let found = expr::descend(json, &self.keys)?;
        let Some(each) = &self.each else { return Some(found.clone()) };
        let items = found.as_array()?.iter().map(|item| expr::descend(item, each).cloned().unwrap_or_default());
        Some(Json::Array(items.collect()))
    }
}

#[derive(Debug)]
struct Calling {
    method: Method,
    url: Template,
    headers: Vec<(String, Template)>,
    body: Option<BodyPlan>,
    timeout: u64,
    save: Vec<(Part, u16)>,
    status: Option<u16>,
    ok: ExitId,
    error: ExitId,
}

#[derive(Debug)]
enum BodyPlan {
    Json(Value),
    Text(Template),
    Form(Vec<(String, Template)>),
}

impl BodyPlan {
    fn compile(body: &HttpBody, compiler: &mut Compiler<'_>) -> Self {
        match body {
            HttpBody::Json(json) => Self::Json(compiler.value("body", json, 0)),
            HttpBody::Text(text) => Self::Text(compiler.template("body", text)),
            HttpBody::Form(fields) => Self::Form(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), compiler.template(&format!("body/{name}"), value)))
                    .collect(),
            ),
        }
    }

    /// What is sent, and its type.
    fn render(&self, turn: &mut Turn<'_>) -> (String, &'static str) {
        match self {
            Self::Json(value) => (turn.value(value).to_string(), "application/json"),
            Self::Text(template) => (turn.template(template), "text/plain; charset=utf-8"),
            Self::Form(fields) => {
                let mut form = String::new();
                for (name, value) in fields {
                    if !form.is_empty() {
                        form.push('&');
                    }
                    expr::percent_encode(name, &mut form);
                    form.push('=');
                    let value = turn.template(value);
                    expr::percent_encode(&value, &mut form);
                }
                (form, "application/x-www-form-urlencoded")
            }
        }
    }
}

impl Behaviour for Calling {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        let url = turn.url(&self.url);
        let body = self.body.as_ref().map(|body| body.render(turn));
        let mut headers = BTreeMap::new();
        if let Some((_, kind)) = &body {
            headers.insert("content-type".to_owned(), (*kind).to_owned());
        }
        for (name, value) in &self.headers {
            // A line break would be another header.
            let value = turn.template(value).replace(char::is_control, " ");
            headers.insert(name.to_ascii_lowercase(), value);
        }
        let id = turn.number();
        let request = Request {
            method: self.method,
            url,
            headers,
            body: body.map(|(body, _)| body),
            timeout_seconds: self.timeout,
        };
        turn.effect(Effect::Http { id, request });
        turn.wait(Waits::Result(id), Some(turn.after(self.timeout + GRACE)), 0)
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        let status = match with {
            Resume::Result(Outcome::Answered { status, body }) if body.len() <= MAX_ANSWER => {
                self.save(turn, body);
                *status
            }
            Resume::Result(_) | Resume::Timeout => 0,
            _ => return Next::Stay,
        };
        if let Some(slot) = self.status {
            turn.set(slot, status.into());
        }
        if (200..300).contains(&status) {
            return Next::Exit(self.ok);
        }
        if let Some(at) = turn.at() {
            turn.emit(Event::Failed { at });
        }
        Next::Exit(self.error)
    }
}

impl Calling {
    fn save(&self, turn: &mut Turn<'_>, body: &str) {
        if self.save.is_empty() {
            return;
        }
        let json: Option<Json> = serde_json::from_str(body).ok();
        for (part, slot) in &self.save {
            let found = match &json {
                None if part.keys.is_empty() => Some(Json::String(body.to_owned())),
                json => json.as_ref().and_then(|json| part.of(json)),
            };
            let value = match found {
                None => {
                    turn.note(Some(Trouble::NotInAnswer));
                    Json::Null
                }
                Some(value) => value,
            };
            turn.set(*slot, value);
        }
    }
}
