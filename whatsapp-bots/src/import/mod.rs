//! Bots of other programs, brought into our definition, with a report of what could not be carried over.
//!
//! An import never loses a step silently: what has no counterpart becomes a node of a kind that this version does not know,
//! with the original settings in it. Such a bot can be looked at and corrected, and cannot be published before.
mod draft;
mod names;
#[cfg(feature = "import-rapidpro")]
mod rapidpro;
#[cfg(test)]
mod tests;
#[cfg(feature = "import-typebot")]
mod typebot;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[cfg(feature = "import-rapidpro")]
pub use self::rapidpro::{Workspace, rapidpro};
#[cfg(feature = "import-typebot")]
pub use self::typebot::typebot;
use crate::definition::{Definition, MAX_JSON};

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = MAX_JSON;
/// The most steps that an import takes, of all flows together.
pub const MAX_STEPS: usize = 20_000;

/// The programs whose bots are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Typebot.
    #[cfg(feature = "import-typebot")]
    Typebot,
    /// RapidPro and TextIt.
    #[cfg(feature = "import-rapidpro")]
    Rapidpro,
}

/// What an import gives: a bot to be looked at, never one that runs at once.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The bot.
    pub definition: Definition,
    /// What could not be carried over as it was.
    pub report: Report,
}

/// What somebody has to know of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The steps that were read.
    pub steps: usize,
    /// What differs, in the order of the document.
    pub findings: Vec<Finding>,
}

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of difference.
    pub code: Code,
    /// Where in the imported document, such as `groups[1].blocks[0]`.
    pub path: String,
    /// The id of our node; empty where there is none.
    pub node: String,
    /// What it means and what to do.
    pub message: String,
}

/// What kind of difference. In JSON and in messages it is the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub enum Code {
    /// A step has no counterpart; a node stands in its place that needs attention.
    I101,
    /// Program code was not carried over; its node needs attention.
    I102,
    /// An expression was not understood; nothing stands in its place, or a node that needs attention.
    I103,
    /// A step works, but not in every point as before.
    I201,
    /// Something leads to a place that is not there; the flow is over there.
    I202,
    /// Another bot or flow is needed that is not in the document.
    I203,
    /// A setting was left out.
    I204,
}

impl Code {
    /// Does somebody have to decide before the bot can be published?
    pub fn needs_attention(self) -> bool {
        matches!(self, Self::I101 | Self::I102 | Self::I103 | Self::I203)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Why a document was not imported at all. Nothing of what it says is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// `I001`: no JSON.
    #[error("I001: line {line}, column {column}: this is no JSON; export the bot again")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// `I006`: not in the encoding of JSON.
    #[error("I006: byte {byte}: this is {what}, and JSON is UTF-8; save the file as UTF-8")]
    Encoding {
        /// The first byte that is wrong, from 0.
        byte: usize,
        /// What it is.
        what: &'static str,
    },
    /// `I002`: too much of it.
    #[error("I002: {path}: more than {limit} {what}; divide the bot into several")]
    TooLarge {
        /// Where; empty for the whole.
        path: String,
        /// How many there may be.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// `I003`: another program's, or another version's.
    #[error("I003: {path}: {why}")]
    Format {
        /// Where.
        path: String,
        /// What is wrong and what to do.
        why: &'static str,
    },
    /// `I004`: something is missing or of the wrong kind.
    #[error("I004: {path}: expected {expected}")]
    Shape {
        /// Where.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
    /// `I005`: an id occurs twice.
    #[error("I005: {path}: another step has the same id; export the bot again, or give one of them another")]
    Duplicate {
        /// Where the second one is.
        path: String,
    },
}

impl ImportError {
    /// Its code, such as `I001`.
    pub fn code(&self) -> String {
        self.to_string().chars().take(4).collect()
    }
}

/// Reads a document as it was sent or stored.
///
/// # Errors
/// When it is not read at all.
pub fn import(format: Format, document: &[u8]) -> Result<Imported, ImportError> {
    let text = decode(document)?;
    match format {
        #[cfg(feature = "import-typebot")]
        Format::Typebot => typebot(text),
        #[cfg(feature = "import-rapidpro")]
        Format::Rapidpro => rapidpro(text, &Workspace { languages: Vec::new() }),
    }
}

/// The text of a document as it was sent or stored. A byte order mark is passed over.
///
/// # Errors
/// [`ImportError::Encoding`] when it is not UTF-8, [`ImportError::TooLarge`] when it is longer than [`MAX_BYTES`].
pub fn decode(bytes: &[u8]) -> Result<&str, ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::TooLarge { path: String::new(), limit: MAX_BYTES, what: "bytes" });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ImportError::Encoding { byte: 0, what: "UTF-16" });
    }
    std::str::from_utf8(bytes).map(without_mark).map_err(|error| ImportError::Encoding {
        byte: error.valid_up_to(),
        what: "no UTF-8, perhaps Latin-1",
    })
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a document that is to be imported.
fn read(text: &str) -> Result<Json, ImportError> {
    let text = without_mark(text);
    if text.len() > MAX_JSON {
        return Err(ImportError::TooLarge { path: String::new(), limit: MAX_JSON, what: "bytes" });
    }
    serde_json::from_str(text)
        .map_err(|error| ImportError::Json { line: error.line(), column: error.column() })
}

/// The list at a key; without one, an empty list.
fn list<'j>(json: &'j Json, key: &str, path: &str) -> Result<&'j [Json], ImportError> {
    match json.get(key) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(items)) => Ok(items),
        Some(_) => Err(ImportError::Shape { path: join(path, key), expected: "a list" }),
    }
}

/// The text at a key, which has to be there.
fn required<'j>(json: &'j Json, key: &str, path: &str) -> Result<&'j str, ImportError> {
    json.get(key)
        .and_then(Json::as_str)
        .ok_or_else(|| ImportError::Shape { path: join(path, key), expected: "a text" })
}

/// The text at a key; empty without one.
fn text<'j>(json: &'j Json, key: &str) -> &'j str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
