//! Reading definitions, with errors that say where something is wrong and not what somebody wrote there.
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// The format that this version writes. Older ones are brought up to it when they are read.
pub const FORMAT: u32 = 1;
/// The longest definition, in bytes of JSON.
pub const MAX_JSON: usize = 8 << 20;

/// Why JSON was not read as a definition. Its code, among those of the validation, is `E001`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}{}{path}: {why}", if path.is_empty() { "" } else { ", " })]
pub struct JsonError {
    /// Where in the structure, such as `flows[0].nodes[2].config.retries.max`; empty for the whole of it.
    pub path: String,
    /// The line, from 1; within a node's `config`, where the node ends.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub why: String,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// From the format at its place to the next. Each has its cases in the tests.
const MIGRATIONS: [fn(Json) -> Json; FORMAT as usize - 1] = [];

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    if text.len() > MAX_JSON {
        let why = format!("longer than {MAX_JSON} bytes; divide the bot into several");
        return Err(JsonError { path: String::new(), line: 1, column: 1, why });
    }
    match serde_json::from_str(text) {
        Ok(Head { format }) if format == 0 || format > FORMAT => {
            let why =
                format!("this version reads the formats 1 to {FORMAT}; update it, or correct the number");
            Err(JsonError { path: "format".to_owned(), line: 1, column: 1, why })
        }
        Ok(Head { format }) if format < FORMAT => {
            let old: Json = parse(text)?;
            let new = MIGRATIONS.iter().skip(format as usize - 1).fold(old, |json, next| next(json));
            parse(&new.to_string())
        }
        // What is no definition at all says so below, with a better error.
        _ => parse(text),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut source = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        of(error.inner(), if path == "." { String::new() } else { path })
    })?;
    source.end().map_err(|error| of(&error, String::new()))?;
    Ok(read)
}

fn of(error: &serde_json::Error, path: String) -> JsonError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let (path, why) = match message.strip_prefix(WITHIN).and_then(|rest| rest.split_once(": ")) {
        // A node's own error has its own path.
        Some((inner, why)) => (format!("{path}.{inner}"), why.to_owned()),
        None => (path, without_values(message)),
    };
    JsonError { path, line: error.line(), column: error.column(), why }
}

/// Begins the error of a part that was read by itself.
const WITHIN: &str = "in ";

/// The error of a part that was read by itself, such that [`of`] finds the whole path.
pub(super) fn within(part: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    let why = without_values(&error.inner().to_string());
    match path.as_str() {
        "." => format!("{WITHIN}{part}: {why}"),
        path if path.starts_with('[') => format!("{WITHIN}{part}{path}: {why}"),
        path => format!("{WITHIN}{part}.{path}: {why}"),
    }
}

/// serde's words without what was found, which is somebody's text: `invalid type: string "…", expected u32`.
fn without_values(message: &str) -> String {
    let expected = || message.rsplit_once(", expected ").map(|(_, expected)| expected);
    for (start, instead) in [
        ("invalid", "not the right kind of value"),
        ("unknown variant", "not one of the known words"),
        ("unknown field", "unknown field"),
    ] {
        if message.starts_with(start) {
            return expected()
                .map_or_else(|| instead.to_owned(), |expected| format!("{instead}, expected {expected}"));
        }
    }
    let is_ours = message.starts_with("missing field") || message.starts_with("duplicate field");
    if is_ours || !message.contains(['"', '`']) { message.to_owned() } else { "not as expected".to_owned() }
}
