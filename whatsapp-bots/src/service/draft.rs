//! A definition as a person gives it.
use std::fmt;

use crate::definition::{Definition, JsonError};

/// A definition as somebody wrote it, and as it was understood. It may be half done. `Debug` shows no text of a person.
#[derive(Clone, PartialEq)]
pub struct Draft {
    json: String,
    definition: Definition,
}

impl Draft {
    /// Reads a draft; it is stored as it is written here.
    ///
    /// # Errors
    /// The first thing that is no definition, with its path.
    pub fn from_json(json: impl Into<String>) -> Result<Self, JsonError> {
        let json = json.into();
        let definition = Definition::from_json(&json)?;
        Ok(Self { json, definition })
    }

    /// What it says.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// As it was written.
    pub fn json(&self) -> &str {
        &self.json
    }

    pub(super) fn into_json(self) -> String {
        self.json
    }
}

impl TryFrom<Definition> for Draft {
    type Error = JsonError;

    fn try_from(definition: Definition) -> Result<Self, JsonError> {
        let json = definition.to_json().map_err(|error| JsonError {
            path: String::new(),
            line: error.line(),
            column: error.column(),
            why: "the definition cannot be written as JSON".to_owned(),
        })?;
        // What is too long to be read is not stored either.
        Self::from_json(json)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("bytes", &self.json.len()).finish_non_exhaustive()
    }
}
