//! Parts of messages that let people choose.
use std::fmt;

use serde::{Deserialize, Serialize};

/// A button.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// The id that its answer names.
    pub id: String,
    /// Its label; phones show 20 characters.
    pub title: String,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSection {
    /// A title for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its rows.
    pub rows: Vec<ListRow>,
}

/// A row of a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// The id that its answer names.
    pub id: String,
    /// Its label; phones show 24 characters.
    pub title: String,
    /// A second line; phones show 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The kind of menu of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MenuKind {
    /// Buttons.
    Buttons,
    /// A list.
    List,
}

macro_rules! silent {
    ($($Type:ident)*) => {$(
        impl fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($Type))
            }
        }
    )*};
}
silent!(Button ListSection ListRow);
