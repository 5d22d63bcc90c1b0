//! What flows can read.
use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value as Json, json};

use super::{
    library::RichValues,
    path::{Key, Path, Root, descend},
};
use crate::{
    contact::Contact,
    input::{Body, Media, Message},
    numbers::DecimalMark,
    state::Vars,
};

/// What a flow can read at one moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) vars: &'a Vars,
    pub(crate) contact: &'a Contact,
    /// What this turn is about, if it is a message.
    pub(crate) input: Option<&'a Message>,
    pub(crate) now: i64,
    pub(crate) zone: &'a TimeZone,
    pub(crate) rich_values: &'a RichValues,
    /// Place of the contact's language in that of the bot.
    pub(crate) language: usize,
    /// How numbers are written in that language.
    pub(crate) mark: DecimalMark,
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    Missing,
    Text(&'a str),
    Json(&'a Json),
    Owned(Json),
}

impl<'a> View<'a> {
    pub(crate) fn find(&self, path: &Path) -> Found<'a> {
        match path.root {
            Root::Var(slot) => match self.vars.value(slot).and_then(|value| descend(value, &path.keys)) {
                Some(value) => Found::Json(value),
                None => Found::Missing,
            },
            Root::Contact => self.of_contact(&path.keys),
            Root::Input => self.of_input(&path.keys),
            Root::Now | Root::Today if !path.keys.is_empty() => Found::Missing,
            Root::Now => Found::Owned(Json::String(self.moment("%Y-%m-%dT%H:%M:%S%:z"))),
            Root::Today => Found::Owned(Json::String(self.moment("%Y-%m-%d"))),
        }
    }

    /// This moment in the bot's zone.
    fn moment(&self, format: &str) -> String {
        Timestamp::from_millisecond(self.now)
            .map(|now| now.to_zoned(self.zone.clone()).strftime(format).to_string())
            .unwrap_or_default()
    }

    fn of_contact(&self, keys: &[Key]) -> Found<'a> {
        let contact = self.contact;
        let Some((Key::Name(name), rest)) = keys.split_first() else {
            return if keys.is_empty() { Found::Owned(self.whole_contact()) } else { Found::Missing };
        };
        let text = |text: &'a str| match text {
            "" => Found::Missing,
            text if rest.is_empty() => Found::Text(text),
            _ => Found::Missing,
        };
        match &**name {
            "name" => text(&contact.name),
            "phone" => text(&contact.phone),
            "language" => text(&contact.language),
            "tags" if rest.is_empty() => Found::Owned(json!(contact.tags)),
            "fields" => match rest.split_first() {
                Some((Key::Name(field), rest)) => contact
                    .fields
                    .get(&**field)
                    .and_then(|value| descend(value, rest))
                    .map_or(Found::Missing, Found::Json),
                _ => Found::Missing,
            },
            _ => Found::Missing,
        }
    }

    fn whole_contact(&self) -> Json {
        let Contact { name, phone, language, tags, fields } = self.contact;
        json!({"name": name, "phone": phone, "language": language, "tags": tags, "fields": fields})
    }

    fn of_input(&self, keys: &[Key]) -> Found<'a> {
        let Some(message) = self.input else { return Found::Missing };
        let [Key::Name(name)] = keys else {
            return if keys.is_empty() { Found::Owned(whole_input(message)) } else { Found::Missing };
        };
        let known = |text: &'a str| if text.is_empty() { Found::Missing } else { Found::Text(text) };
        match (&**name, &message.body) {
            ("text", _) => Found::Text(message.seen()),
            ("kind", body) => Found::Text(body.kind()),
            ("id", _) => known(&message.id),
            ("payload", _) => message.payload().map_or(Found::Missing, Found::Text),
            ("campaign", _) => message.campaign.as_deref().map_or(Found::Missing, Found::Text),
            ("mime", Body::Media(media)) => known(&media.mime),
            ("reference", Body::Media(media)) => known(&media.reference),
            (
                "name",
                Body::Media(Media { name, .. }) | Body::Location { name, .. } | Body::Contact { name, .. },
            ) => known(name),
            ("size", Body::Media(media)) => Found::Owned(json!(media.size)),
            ("phone", Body::Contact { phones, .. }) => {
                phones.first().map_or(Found::Missing, |phone| known(phone))
            }
            ("latitude", Body::Location { latitude, .. }) => Found::Owned(json!(latitude)),
            ("longitude", Body::Location { longitude, .. }) => Found::Owned(json!(longitude)),
            _ => Found::Missing,
        }
    }

    /// All that stands below a root.
    pub(crate) fn whole(&self, root: Root) -> Found<'a> {
        self.find(&Path { root, keys: Box::default() })
    }
}

fn whole_input(message: &Message) -> Json {
    let mut whole = json!({
        "id": message.id, "text": message.seen(), "kind": message.body.kind(), "payload": message.payload(),
        "campaign": message.campaign,
    });
    let more = match &message.body {
        Body::Media(Media { mime, size, name, reference, .. }) => {
            json!({"mime": mime, "size": size, "name": name, "reference": reference})
        }
        Body::Location { latitude, longitude, name } => {
            json!({"latitude": latitude, "longitude": longitude, "name": name})
        }
        Body::Contact { name, phones } => json!({"name": name, "phone": phones.first()}),
        _ => Json::Null,
    };
    if let (Json::Object(whole), Json::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    whole
}

impl Found<'_> {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.json(), None | Some(Json::Null)) && !matches!(self, Self::Text(_))
    }

    pub(crate) fn json(&self) -> Option<&Json> {
        match self {
            Self::Json(value) => Some(value),
            Self::Owned(value) => Some(value),
            Self::Missing | Self::Text(_) => None,
        }
    }

    pub(crate) fn into_json(self) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Text(text) => Json::String(text.to_owned()),
            Self::Json(value) => value.clone(),
            Self::Owned(value) => value,
        }
    }

    /// Writes it as people read it.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Missing => {}
            Self::Text(text) => out.push_str(text),
            Self::Json(value) => write_json(value, out),
            Self::Owned(value) => write_json(value, out),
        }
    }

    /// As people read it.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// Writes a value as people read it: a list with commas, a number without a fraction that is none.
pub(crate) fn write_json(value: &Json, out: &mut String) {
    // Writing to a string does not fail.
    let _ = match value {
        Json::Null => Ok(()),
        Json::String(text) => {
            out.push_str(text);
            Ok(())
        }
        Json::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() && float.abs() < 1e15 => {
                write!(out, "{float}")
            }
            _ => write!(out, "{number}"),
        },
        Json::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                write_json(item, out);
            }
            Ok(())
        }
        Json::Bool(_) | Json::Object(_) => write!(out, "{value}"),
    };
}
