//! Who is written with, as the host knows it.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Who is written with. Flows read it as `contact.name`, `contact.phone`, `contact.language`, `contact.tags` and
/// `contact.fields.…`. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Contact {
    /// The name; empty when it is not known.
    pub name: String,
    /// The telephone number as `+` and digits; empty when it is not known.
    pub phone: String,
    /// The language, such as `pt-BR`; empty when it is not known.
    pub language: String,
    /// The tags.
    pub tags: BTreeSet<String>,
    /// The fields.
    pub fields: BTreeMap<String, Json>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}
