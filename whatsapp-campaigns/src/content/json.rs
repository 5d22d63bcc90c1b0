//! Reading definitions with errors that say where something is wrong, and not what somebody wrote there.
use serde::de::DeserializeOwned;

/// Why JSON was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}{}{path}: {why}", if path.is_empty() { "" } else { ", " })]
pub struct JsonError {
    /// Where in the structure, such as `variants[0].weight`; empty for the whole of it.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub why: String,
}

/// Reads JSON.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut source = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        of(error.inner(), if path == "." { String::new() } else { path })
    })?;
    source.end().map_err(|error| of(&error, String::new()))?;
    Ok(read)
}

fn of(error: &serde_json::Error, path: String) -> JsonError {
    JsonError { path, line: error.line(), column: error.column(), why: without_values(&error.to_string()) }
}

/// serde's words without what was found, which is somebody's text: `invalid type: string "…", expected u32`.
fn without_values(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
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
