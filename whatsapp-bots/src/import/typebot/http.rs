//! Requests.
use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    import::{Code, ImportError, draft::exit, list, text},
    nodes::{Http, HttpBody, Kind, Method, Saved},
};

impl<'j> Import<'j, '_> {
    pub(super) fn http(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        let request = block.option("webhook");
        let method = match text(request, "method") {
            "GET" => Method::Get,
            "" | "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => {
                self.unknown(block, Code::I101, "its method has no counterpart");
                return Ok(());
            }
        };
        let Some(url) = self.optional_text(request.get("url").unwrap_or(&Json::Null), block) else {
            self.unknown(block, Code::I101, "it has no address");
            return Ok(());
        };
        let path = format!("{}.options.webhook", block.path);
        let url = self.with_query(url, list(request, "queryParams", &path)?, block);
        let headers = self.pairs(list(request, "headers", &path)?, block);
        let body = self.body(request, method, block);
        let (save, status_to) = self.mapping(block)?;
        let http = Http { method, url, headers, body, timeout_seconds: self.timeout(block), save, status_to };
        // It went on by one way, whatever came of it.
        let exits = vec![exit("ok", block.next.clone()), exit("error", block.next.clone())];
        self.draft.push(block.id, Kind::Http(http), exits);
        Ok(())
    }

    fn timeout(&self, block: &Block<'j>) -> Option<u64> {
        block.option("timeout").as_u64().map(|seconds| seconds.clamp(1, 300))
    }

    fn pairs(&mut self, items: &'j [Json], block: &Block<'j>) -> BTreeMap<String, String> {
        let keyed = items.iter().filter(|item| !text(item, "key").is_empty());
        keyed.map(|item| (text(item, "key").to_owned(), self.template(text(item, "value"), block))).collect()
    }

    fn with_query(&mut self, mut url: String, items: &'j [Json], block: &Block<'j>) -> String {
        for item in items.iter().filter(|item| !text(item, "key").is_empty()) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&self.template(text(item, "key"), block));
            url.push('=');
            url.push_str(&self.template(text(item, "value"), block));
        }
        url
    }

    fn body(&mut self, request: &'j Json, method: Method, block: &Block<'j>) -> Option<HttpBody> {
        let source = text(request, "body");
        if method == Method::Get {
            return None;
        }
        if source.trim() == "{{state}}" || (source.is_empty() && block.option("isCustomBody").is_null()) {
            self.differs(block, "the whole state was sent as the body; name what the other side needs");
            return None;
        }
        match serde_json::from_str::<Json>(source) {
            Ok(json @ (Json::Object(_) | Json::Array(_))) => {
                Some(HttpBody::Json(self.templates(json, block)))
            }
            _ if source.is_empty() => None,
            // Placeholders without quotes around them are no JSON: it is text.
            _ => Some(HttpBody::Text(self.template(source, block))),
        }
    }

    /// JSON whose texts are our templates. It was read to a depth of 128, so that this ends.
    fn templates(&mut self, json: Json, block: &Block<'j>) -> Json {
        match json {
            Json::String(source) => Json::String(self.template(&source, block)),
            Json::Array(items) => {
                Json::Array(items.into_iter().map(|item| self.templates(item, block)).collect())
            }
            Json::Object(items) => Json::Object(
                items.into_iter().map(|(key, item)| (key, self.templates(item, block))).collect(),
            ),
            other => other,
        }
    }

    /// What of the answer goes where.
    fn mapping(&mut self, block: &Block<'j>) -> Result<(Vec<Saved>, Option<String>), ImportError> {
        let (mut save, mut status) = (Vec::new(), None);
        let options = block.json.get("options").unwrap_or(&Json::Null);
        let items = list(options, "responseVariableMapping", &format!("{}.options", block.path))?;
        for (place, item) in items.iter().enumerate() {
            let Some(to) = self.variables.of(item.get("variableId").unwrap_or(&Json::Null)) else { continue };
            let source = text(item, "bodyPath").trim();
            if source == "statusCode" {
                status = Some(to);
                continue;
            }
            let path = if source == "data" { "" } else { source.strip_prefix("data.").unwrap_or(source) };
            if let Some(path) = each(path) {
                save.push(Saved { path, to });
                continue;
            }
            if path.contains(['(', '{', '=', ' ']) || path.contains("flatMap") {
                let why = "code that reads the answer is not carried over; its variable stays empty";
                let place = format!("{}.options.responseVariableMapping[{place}]", block.path);
                self.draft.note(Code::I102, &place, block.id, why);
                continue;
            }
            save.push(Saved { path: path.to_owned(), to });
        }
        Ok((save, status))
    }
}

/// The one code that is often there, `genres.flatMap(item => item.name)`, as our path `genres[*].name`.
fn each(path: &str) -> Option<String> {
    let (list, call) = path.split_once(".flatMap(").or_else(|| path.split_once(".map("))?;
    let (item, part) = call.strip_suffix(')')?.split_once("=>")?;
    let item = item.trim().trim_start_matches('(').trim_end_matches(')').trim();
    let part = part.trim().strip_prefix(item)?.strip_prefix('.')?;
    let is_path =
        |path: &str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte));
    (!item.is_empty() && is_path(list) && is_path(part)).then(|| format!("{list}[*].{part}"))
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn one_code_is_a_path() {
        for source in ["data.genres.flatMap(item => item.name)", "data.genres.map((i)=>i.name)"] {
            assert_eq!(each(source).as_deref(), Some("data.genres[*].name"), "{source}");
        }
        for source in
            ["a.flatMap(x => x.b + 1)", "a.map(x => y.b)", "a.flatMap(item)", "a.flatMap( => .b)", "a.b"]
        {
            assert_eq!(each(source), None, "{source}");
        }
    }
}
