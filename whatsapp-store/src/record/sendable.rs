//! Which contents can be sent.
use std::collections::HashSet;

use super::{Content, ListRow};

/// Buttons below one text.
const MOST_BUTTONS: usize = 3;
/// Rows of one list.
const MOST_ROWS: usize = 10;
/// Choices of one poll.
const MOST_OPTIONS: usize = 12;

/// Why a content cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSendable {
    /// Contents of this type cannot be sent directly.
    #[error("a content of type `{0}` cannot be sent; see the API for what can")]
    Type(&'static str),
    /// A required field is empty.
    #[error("`{0}` must not be empty")]
    Empty(&'static str),
    /// More than phones show.
    #[error("`{field}`: at most {most} can be shown")]
    TooMany {
        /// The field.
        field: &'static str,
        /// The largest number.
        most: usize,
    },
    /// An answer could mean either.
    #[error("`{0}`: two of them are the same; an answer could mean either")]
    Same(&'static str),
    /// There is no such place.
    #[error("`{0}` is no number of degrees that there is")]
    NoPlace(&'static str),
    /// More may be chosen than there are.
    #[error("`selectable` must not be more than there are options; 0 lets people choose any number")]
    Selectable,
}

impl NotSendable {
    /// The field that prevents sending; none if it is the content itself. A slash separates nested fields.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Type(_) => None,
            Self::Empty(field) | Self::Same(field) | Self::NoPlace(field) => Some(field),
            Self::TooMany { field, .. } => Some(field),
            Self::Selectable => Some("selectable"),
        }
    }
}

impl Content {
    /// Can it be sent?
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn sendable(&self) -> Result<(), NotSendable> {
        match self {
            Self::Text { text } => filled("text", text),
            Self::Location { latitude, longitude, .. } => {
                degrees("latitude", *latitude, 90.0)?;
                degrees("longitude", *longitude, 180.0)
            }
            Self::Contact { name, vcard } => {
                filled("name", name)?;
                filled("vcard", vcard)
            }
            Self::Poll { question, options, selectable } => {
                filled("question", question)?;
                distinct("options", options.iter().map(String::as_str), MOST_OPTIONS)?;
                let fits = *selectable as usize <= options.len();
                fits.then_some(()).ok_or(NotSendable::Selectable)
            }
            Self::Buttons { text, buttons, .. } => {
                filled("text", text)?;
                distinct("buttons", buttons.iter().map(|button| button.id.as_str()), MOST_BUTTONS)?;
                buttons.iter().try_for_each(|button| filled("buttons/title", &button.title))
            }
            Self::List { text, button, sections, .. } => {
                filled("text", text)?;
                filled("button", button)?;
                let rows: Vec<&ListRow> = sections.iter().flat_map(|section| &section.rows).collect();
                distinct("sections/rows", rows.iter().map(|row| row.id.as_str()), MOST_ROWS)?;
                rows.iter().try_for_each(|row| filled("sections/rows/title", &row.title))
            }
            // A reaction and a choice answer another message, a file has to be uploaded first.
            Self::Reaction { .. }
            | Self::Choice { .. }
            | Self::Media { .. }
            | Self::Deleted { .. }
            | Self::Unsupported { .. } => Err(NotSendable::Type(self.type_name())),
        }
    }
}

fn filled(field: &'static str, text: &str) -> Result<(), NotSendable> {
    (!text.trim().is_empty()).then_some(()).ok_or(NotSendable::Empty(field))
}

fn degrees(field: &'static str, degrees: f64, most: f64) -> Result<(), NotSendable> {
    (degrees.abs() <= most).then_some(()).ok_or(NotSendable::NoPlace(field))
}

/// At least one, none of them empty or repeated.
fn distinct<'a>(
    field: &'static str,
    names: impl ExactSizeIterator<Item = &'a str>,
    most: usize,
) -> Result<(), NotSendable> {
    let count = names.len();
    if count > most {
        return Err(NotSendable::TooMany { field, most });
    }
    let mut seen = HashSet::new();
    for name in names {
        filled(field, name)?;
        if !seen.insert(name) {
            return Err(NotSendable::Same(field));
        }
    }
    (count > 0).then_some(()).ok_or(NotSendable::Empty(field))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(content: Value) -> Result<(), NotSendable> {
        serde_json::from_value::<Content>(content).unwrap().sendable()
    }

    fn list(rows: usize) -> Value {
        let rows: Vec<_> = (0..rows).map(|row| json!({ "id": format!("{row}"), "title": "Row" })).collect();
        json!({ "type": "list", "text": "?", "button": "Open", "sections": [{ "rows": rows }] })
    }

    #[test]
    fn contents_that_phones_show_can_be_sent() {
        for content in [
            json!({ "type": "text", "text": "hi" }),
            json!({ "type": "location", "latitude": -90, "longitude": 180 }),
            json!({ "type": "contact", "name": "Ann", "vcard": "BEGIN:VCARD" }),
            json!({ "type": "poll", "question": "?", "options": ["a", "b"], "selectable": 2 }),
            json!({ "type": "buttons", "text": "?", "buttons": [{ "id": "a", "title": "A" }] }),
            list(10),
        ] {
            assert_eq!(checked(content.clone()), Ok(()), "{content}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        let of_type = |name| Err(NotSendable::Type(name));
        for (content, expected) in [
            (json!({ "type": "text", "text": " " }), Err(NotSendable::Empty("text"))),
            (
                json!({ "type": "location", "latitude": 90.5, "longitude": 0 }),
                Err(NotSendable::NoPlace("latitude")),
            ),
            (json!({ "type": "contact", "name": "", "vcard": "x" }), Err(NotSendable::Empty("name"))),
            (json!({ "type": "poll", "question": "?", "options": [] }), Err(NotSendable::Empty("options"))),
            (
                json!({ "type": "poll", "question": "?", "options": ["a", "a"] }),
                Err(NotSendable::Same("options")),
            ),
            (
                json!({ "type": "poll", "question": "?", "options": ["a"], "selectable": 2 }),
                Err(NotSendable::Selectable),
            ),
            (
                json!({ "type": "buttons", "text": "?", "buttons": [{ "id": "a", "title": "" }] }),
                Err(NotSendable::Empty("buttons/title")),
            ),
            (list(0), Err(NotSendable::Empty("sections/rows"))),
            (list(11), Err(NotSendable::TooMany { field: "sections/rows", most: 10 })),
            (json!({ "type": "reaction", "emoji": "x", "message_id": "1" }), of_type("reaction")),
            (json!({ "type": "media", "kind": "image", "mime": "image/png" }), of_type("media")),
            (json!({ "type": "choice", "of": "list", "id": "a", "title": "A" }), of_type("choice")),
            (json!({ "type": "unsupported", "kind": "x" }), of_type("unsupported")),
        ] {
            assert_eq!(checked(content.clone()), expected, "{content}");
        }
        let nowhere = Content::Location { latitude: f64::NAN, longitude: 0.0, name: None, address: None };
        assert_eq!(nowhere.sendable(), Err(NotSendable::NoPlace("latitude")));
    }
}
