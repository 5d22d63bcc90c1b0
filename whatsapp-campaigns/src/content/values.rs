//! The values of one recipient.
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use whatsapp_store::hash::fnv1a;

use super::problem::RenderError;

/// Which template values belong to, and a rendering comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u64);

impl Version {
    /// FNV-1a, 64 bits: it tells versions apart; it is no protection against somebody who wants two to be the same.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(fnv1a(bytes.iter().copied()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Somebody with values by name: a line of a file, a contact with its fields.
pub trait NamedValues {
    /// The value of a variable, as text.
    fn value(&self, variable: &str) -> Option<&str>;
}

impl NamedValues for BTreeMap<String, String> {
    fn value(&self, variable: &str) -> Option<&str> {
        self.get(variable).map(String::as_str)
    }
}

impl NamedValues for HashMap<String, String> {
    fn value(&self, variable: &str) -> Option<&str> {
        self.get(variable).map(String::as_str)
    }
}

/// Slices, for rows of few values.
impl NamedValues for [(&str, &str)] {
    fn value(&self, variable: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == variable).map(|(_, value)| *value)
    }
}

/// A recipient's values, found to be right for a version of a template. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Values {
    pub(super) version: Version,
    /// In the order of the template's variables; `None` where its default is used.
    pub(super) given: Vec<Option<String>>,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Values {
    /// The version that they are right for.
    pub fn version(&self) -> Version {
        self.version
    }

    /// For the audience's column of variables: JSON, the version first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = serde_json::Value::String(self.version.to_string());
        let given = self.given.iter().map(|value| value.clone().into());
        serde_json::Value::Array(std::iter::once(version).chain(given).collect()).to_string().into_bytes()
    }

    /// What [`Values::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RenderError> {
        let all: Vec<Option<String>> = serde_json::from_slice(bytes).map_err(|_| RenderError::Stored)?;
        let mut all = all.into_iter();
        let version = all.next().flatten().filter(|version| version.len() == 16);
        let version = version.and_then(|version| u64::from_str_radix(&version, 16).ok());
        Ok(Self { version: Version(version.ok_or(RenderError::Stored)?), given: all.collect() })
    }
}
