//! What answers look like.
use serde::{Deserialize, Serialize};

use super::menu::MenuOption;

/// What an answer looks like. In JSON: `{"number": {"min": 1}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Answer {
    /// A text that is not empty.
    #[serde(rename_all = "camelCase")]
    Text {
        /// Characters at least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u32>,
        /// Characters at most; 4096 without a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
        /// A regular expression for the whole of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
    /// A number: `12`, `12.5`, `1.234,5`.
    #[serde(rename_all = "camelCase")]
    Number {
        /// At least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// At most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// Without a fraction?
        #[serde(default)]
        whole: bool,
    },
    /// An e-mail address, saved in lower case.
    Email,
    /// A telephone number, saved as `+` and digits.
    #[serde(rename_all = "camelCase")]
    Phone {
        /// The calling code for numbers without one, such as `55`; without this they are no answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        country_code: Option<String>,
    },
    /// An address of the web; `https://` is added where there is nothing.
    Url,
    /// A date, saved as `2026-11-24`.
    #[serde(rename_all = "camelCase")]
    Date {
        /// Not before; a date, or `today`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
        /// Not after; a date, or `today`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<String>,
        /// What comes first in `1/2/2026`.
        #[serde(default)]
        order: DateOrder,
    },
    /// A time of day, such as `9:30`, `21h`, `9 pm`; saved as `09:30`.
    #[serde(rename_all = "camelCase")]
    Time {
        /// Not before, such as `08:00`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
        /// Not after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<String>,
    },
    /// One of several, saved as its id; shown as it is in `choose`.
    #[serde(rename_all = "camelCase")]
    Choice {
        /// The options.
        options: Vec<MenuOption>,
    },
    /// Any number of several, saved as a list of ids. They are named between commas, or by numbers such as `1 3`.
    #[serde(rename_all = "camelCase")]
    Choices {
        /// The options.
        options: Vec<MenuOption>,
        /// So many at least; 1 without a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u8>,
        /// So many at most; all without a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u8>,
    },
    /// A place, saved with `latitude`, `longitude` and `name`.
    Location,
    /// Media, saved with `kind`, `mime`, `size`, `name`, `caption` and `reference`.
    #[serde(rename_all = "camelCase")]
    File {
        /// Of these kinds; any without one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<String>,
        /// Of these MIME types, also `image/*`; any without one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mimes: Vec<String>,
        /// Bytes at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_bytes: Option<u64>,
    },
}

impl Default for Answer {
    fn default() -> Self {
        Self::Text { min: None, max: None, pattern: None }
    }
}

/// What comes first in a date of three numbers. One that begins with the year is always understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DateOrder {
    /// The day.
    #[default]
    DayFirst,
    /// The month.
    MonthFirst,
}
