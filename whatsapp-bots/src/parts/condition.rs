//! Conditions: data where that does, an expression where it does not.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::text::Words;

/// Something that holds or not: `{"test": {"path": "age", "is": "greater", "value": 17}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// All hold; with none, it holds.
    All(Vec<Condition>),
    /// At least one holds; with none, it does not.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A value compares.
    Test(Test),
    /// Words occur.
    Keywords(Keywords),
    /// A pattern matches.
    Regex(Pattern),
    /// The contact has the tag.
    Tag(String),
    /// An expression is true: not 0, not empty, and there.
    Expr(String),
}

/// A comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    /// What is compared, such as `age`, `contact.fields.city`, `input.text`.
    pub path: String,
    /// How.
    pub is: Compare,
    /// With what; its texts are templates. `set`, `empty` and `number` need none.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub value: Json,
    /// Is it the first number of a text that is compared, as in `I am 25`? A text without a number then compares as nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_number: bool,
}

/// How a value compares. A text that is a number compares as one with a number, and in `greater`, `less` and the like also with another
/// text that is one; its marks are those of the language that the bot speaks with the person. Other texts compare without case and
/// accents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Compare {
    /// The same.
    Equal,
    /// Not the same, or not there.
    NotEqual,
    /// Above.
    Greater,
    /// Above, or the same.
    GreaterOrEqual,
    /// Below.
    Less,
    /// Below, or the same.
    LessOrEqual,
    /// A text that holds the other, or a list with that item.
    Contains,
    /// A text that begins so.
    StartsWith,
    /// A text that ends so.
    EndsWith,
    /// One of the items of a list.
    OneOf,
    /// There is a value.
    Set,
    /// There is none, or an empty one.
    Empty,
    /// A number, or a text that is one.
    Number,
}

/// Words in a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keywords {
    /// The words; each may be several words.
    pub words: Words,
    /// How they have to occur.
    #[serde(default)]
    pub matching: Matching,
    /// Where; `input.text` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// How words have to occur in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Matching {
    /// The text is nothing else.
    #[default]
    Exact,
    /// The text begins with them.
    StartsWith,
    /// They stand somewhere in it, as whole words.
    Contains,
}

/// A regular expression on a text. It says itself whether case matters, by `(?i)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pattern {
    /// The expression; it may match anywhere in the text, unless `^` and `$` say more.
    pub pattern: String,
    /// Where; `input.text` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
