//! What a campaign says, as people and programs write it down: JSON in camelCase, checked by [`Template::new`](super::Template::new).
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use whatsapp_store::Content;

use super::{
    json::{self, JsonError},
    split::Split,
    winner::WinnerRule,
};

/// What a campaign says, and in which variants.
///
/// ```
/// use whatsapp_campaigns::content::{Definition, Template};
///
/// let definition = Definition::from_json(r#"{
///     "category": "marketing",
///     "variables": {
///         "name": {"type": "text", "missing": {"policy": "default", "value": "friend"}},
///         "price": {"type": "money", "currency": "EUR", "missing": {"policy": "skip"}}
///     },
///     "variants": [
///         {"name": "short", "content": {"type": "text",
///             "text": "Hello {{ name }}, from {{ price }}. Reply STOP to unsubscribe."}}
///     ]
/// }"#)?;
/// let template = Template::new(&definition)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// What kind of message it is; decides about the hint how to stop it.
    pub category: Category,
    /// The variables by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// What is said; one, or several to compare.
    pub variants: Vec<Variant>,
    /// Who takes part in the comparison.
    #[serde(default, skip_serializing_if = "Split::is_plain")]
    pub split: Split,
    /// How the better variant is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<WinnerRule>,
    /// Why marketing does not say how to stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out_override: Option<OptOutOverride>,
}

impl Definition {
    /// Reads one. The errors say where in the JSON, and never what stands there.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        json::read(text)
    }
}

/// What kind of message it is, in the words of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Category {
    /// Offers, news, invitations; also all that is not clearly one of the others.
    Marketing,
    /// About something that the person did, such as an order.
    Utility,
    /// Codes for logging in.
    Authentication,
}

/// One way to say it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variant {
    /// What people call it.
    pub name: String,
    /// Its part of the recipients, compared with the other variants.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// The content. Every text of it may hold placeholders such as `{{ name }}` and conditions.
    pub content: Content,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(weight: &u32) -> bool {
    *weight == 1
}

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Text.
    Text,
    /// A number with which conditions can compare.
    Number,
    /// A day, or a day and a time.
    Date,
    /// An amount of a currency.
    Money,
    /// An address of the web.
    Url,
}

/// A declared variable. Which settings there are depends on the type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What happens to a recipient who has no value for it. A value of spaces is none.
    #[serde(default)]
    pub missing: Missing,
    /// Of a text: how many characters at most; 1,024 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// Of a date: how it is shown, such as `%d.%m.%Y`; `%Y-%m-%d` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Of money: the currency, such as `EUR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Of money: digits behind the mark; 2 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Of money: the mark before them; a point if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal_mark: Option<char>,
    /// Of money: the mark between thousands; none if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_mark: Option<char>,
    /// Of an address: the hosts it may lead to; any if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
}

impl Variable {
    /// Of a type, with no settings.
    pub fn new(kind: Kind, missing: Missing) -> Self {
        let (max_length, format, currency, decimals) = (None, None, None, None);
        let (decimal_mark, group_mark, hosts) = (None, None, None);
        Self { kind, missing, max_length, format, currency, decimals, decimal_mark, group_mark, hosts }
    }

    /// The settings by name: whether each is given, and for which type it is.
    pub(super) fn settings(&self) -> [(&'static str, bool, Kind); 7] {
        [
            ("maxLength", self.max_length.is_some(), Kind::Text),
            ("format", self.format.is_some(), Kind::Date),
            ("currency", self.currency.is_some(), Kind::Money),
            ("decimals", self.decimals.is_some(), Kind::Money),
            ("decimalMark", self.decimal_mark.is_some(), Kind::Money),
            ("groupMark", self.group_mark.is_some(), Kind::Money),
            ("hosts", self.hosts.is_some(), Kind::Url),
        ]
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable")
            .field("kind", &self.kind)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

/// What happens to a recipient who has no value for a variable.
///
/// A value that is there and not of the type is never replaced: the recipient is skipped, or the campaign fails under
/// [`Missing::Fail`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "camelCase", deny_unknown_fields)]
pub enum Missing {
    /// This value is used, written as those of recipients are. An empty one is allowed for a text.
    Default {
        /// The value.
        value: String,
    },
    /// The recipient gets nothing and is counted.
    #[default]
    Skip,
    /// Nothing more is sent, until a person has looked at it.
    Fail,
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default { .. } => "Default",
            Self::Skip => "Skip",
            Self::Fail => "Fail",
        })
    }
}

/// The decision to send marketing without a hint how to stop it. It is stored with the definition.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptOutOverride {
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub by: String,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
}

impl fmt::Debug for OptOutOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptOutOverride").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"category":"marketing","variables":{"day":{"type":"date","missing":{"policy":"fail"},"format":"%d.%m."},"name":{"type":"text","missing":{"policy":"default","value":"you"},"maxLength":40},"sum":{"type":"money","missing":{"policy":"skip"},"currency":"EUR","decimals":2,"decimalMark":",","groupMark":"."},"to":{"type":"url","missing":{"policy":"skip"},"hosts":["shop.example"]}},"variants":[{"name":"a","content":{"type":"text","text":"{{ name }}"}},{"name":"b","weight":3,"content":{"type":"poll","question":"{{ day }}?","options":["x","y"],"selectable":1}}],"split":{"holdOut":50,"test":200},"winner":{"metric":"replied","minSample":400,"confidence":95},"optOutOverride":{"reason":"asked for","by":"ana","at":1}}"#;

    #[test]
    fn json_comes_back_as_it_was() {
        let read = Definition::from_json(WHOLE).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), WHOLE);
        let shown = format!("{read:?}");
        assert!(!shown.contains("you") && !shown.contains("ana") && !shown.contains("asked"), "{shown}");
    }

    #[test]
    fn errors_say_where_and_never_what() {
        for (from, to, path, says) in [
            (r#""weight":3"#, r#""weight":"secret""#, "variants[1].weight", "expected u32"),
            (r#""type":"date""#, r#""type":"secret""#, "variables.day.type", "expected one of"),
            (r#""policy":"fail""#, r#""policy":"secret""#, "variables.day.missing.policy", "expected one of"),
            (r#""test":200"#, r#""tests":200"#, "split.tests", "unknown field"),
            (r#""text":"{{ name }}""#, r#""secret":"x""#, "variants[0].content", "missing field `text`"),
            (
                r#""hosts":["shop.example"]"#,
                r#""hosts":"secret, expected no one""#,
                "variables.to.hosts",
                "expected a sequence",
            ),
            (r#""category":"marketing","#, "", "", "missing field `category`"),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let error = Definition::from_json(&WHOLE.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.path, path, "{error}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(says) && !shown.contains("secret"), "{shown}");
        }
        let error = Definition::from_json("{\n \"category\": secret").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
