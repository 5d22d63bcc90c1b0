//! What nodes that ask have in common: options, and what happens after an answer that is none.
use serde::{Deserialize, Serialize};

use crate::definition::{Text, Words};

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MenuOption {
    /// A stable id: what a button or a row answers, and what is saved.
    pub id: String,
    /// What people see.
    pub label: Text,
    /// A second line, in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Other words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

/// How options are shown, where the account can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Style {
    /// Up to three as buttons, up to ten as a list, more as numbers.
    #[default]
    Auto,
    /// Buttons: at most three.
    Buttons,
    /// A list: at most ten.
    List,
    /// A numbered text.
    Numbers,
}

/// What happens after an answer that is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retries {
    /// How often the question is put again; then the exit `invalid` is taken.
    pub max: u8,
    /// What is said instead of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { max: 2, say: None }
    }
}
