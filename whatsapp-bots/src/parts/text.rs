//! Texts in several languages, and where values come from.
use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use serde_json::Value as Json;

/// Something in one language or in several: `"Hello"`, or `{"en": "Hello", "pt-BR": "Olá"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Localised<T> {
    /// In the bot's own language, and for all.
    One(T),
    /// By language.
    Each(BTreeMap<String, T>),
}

/// A text with placeholders: `Hello {{ contact.name }}`.
pub type Text = Localised<String>;
/// Words that people say. Case, accents and punctuation do not matter; those of all languages are heard.
pub type Words = Localised<Vec<String>>;

impl<T> Localised<T> {
    /// What there is for a language: its own, that of its base (`pt` for `pt-BR`), that of another region of it, that of the
    /// bot's language, or the first there is. `None` when there is nothing at all.
    pub fn of(&self, language: &str, default: &str) -> Option<&T> {
        let each = match self {
            Self::One(one) => return Some(one),
            Self::Each(each) => each,
        };
        let base = |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let exact = |wanted: &str| {
            each.iter().find(|(language, _)| language.eq_ignore_ascii_case(wanted)).map(|(_, one)| one)
        };
        let related = |wanted: &str| {
            each.iter().find(|(language, _)| base(language) == base(wanted)).map(|(_, one)| one)
        };
        exact(language)
            .or_else(|| exact(&base(language)))
            .or_else(|| related(language))
            .or_else(|| exact(default))
            .or_else(|| related(default))
            .or_else(|| each.values().next())
    }

    /// All there is, with its language where it has one.
    pub fn each(&self) -> impl Iterator<Item = (Option<&str>, &T)> {
        let (one, each) = match self {
            Self::One(one) => (Some((None, one)), None),
            Self::Each(each) => (None, Some(each)),
        };
        one.into_iter()
            .chain(each.into_iter().flatten().map(|(language, one)| (Some(language.as_str()), one)))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Localised<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Either(PhantomData))
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Either<T> {
    type Value = Localised<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what it is in the bot's language, or an object of languages")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(de::value::StrDeserializer::new(text)).map(Localised::One)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(items)).map(Localised::One)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(items)).map(Localised::Each)
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// JSON whose texts are templates. A text that is one placeholder and nothing else gives the value itself, not its text.
    Value(Json),
    /// An expression: `score + 1`.
    Expr(String),
}
