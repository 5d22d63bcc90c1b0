//! How a phone shows a message, and how the server learns its kind.
//!
//! Written separately from the client's `message::{content, menu, media}`, by field number, so that a mistake of one side shows.
use serde_json::Value as Json;
use whatsapp_store::{Button, Content, ListRow, ListSection, MediaKind, MenuKind};

use super::wire::Fields;

/// The largest number of nested envelopes that a phone opens.
const DEPTH: usize = 4;
/// Envelopes: view once (three of them), ephemeral, document with caption, edited, and newer ones.
const ENVELOPES: [u64; 9] = [37, 40, 53, 55, 58, 59, 62, 74, 93];
/// Not for people: a group key, a protocol message, and the context.
const SENDER_KEY: u64 = 2;
const PROTOCOL: u64 = 12;
const CONTEXT: u64 = 35;
const TEXT: u64 = 1;
const LONG_TEXT: u64 = 6;
/// Kinds that are shown by name only.
const KINDS: [(u64, &str); 18] = [
    (36, "list_message"),
    (39, "list_response_message"),
    (43, "buttons_response_message"),
    (29, "template_button_reply_message"),
    (48, "interactive_response_message"),
    (83, "album_message"),
    (13, "contacts_array_message"),
    (18, "live_location_message"),
    (25, "template_message"),
    (45, "interactive_message"),
    (30, "product_message"),
    (38, "order_message"),
    (28, "group_invite_message"),
    (75, "event_message"),
    (50, "poll_update_message"),
    (56, "enc_reaction_message"),
    (63, "pin_in_chat_message"),
    (82, "secret_encrypted_message"),
];

fn without_envelopes(message: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::parse(message)?;
    for _ in 0..DEPTH {
        match ENVELOPES.iter().find_map(|envelope| fields.message(*envelope)?.message(1)) {
            Some(inner) => fields = inner,
            None => break,
        }
    }
    Some(fields)
}

/// The shown content of a message; `None` when it is not for people.
pub(super) fn shown(message: &[u8]) -> Option<Content> {
    let fields = without_envelopes(message)?;
    if fields.has(PROTOCOL) {
        return None;
    }
    let content = text(&fields).or_else(|| place_or_card(&fields)).or_else(|| poll_or_reaction(&fields));
    let content = content.or_else(|| menu(&fields)).or_else(|| choice(&fields)).or_else(|| file(&fields));
    content.or_else(|| unread(&fields))
}

/// A kind that is known by name only, or unknown.
fn unread(fields: &Fields<'_>) -> Option<Content> {
    let by_name = KINDS.iter().find(|(number, _)| fields.has(*number)).map(|(_, name)| *name);
    // Texts that are there and empty say nothing.
    let for_people = fields.numbers().any(|number| ![SENDER_KEY, CONTEXT, TEXT, LONG_TEXT].contains(&number));
    let kind = by_name.or(for_people.then_some("unknown"))?;
    Some(Content::Unsupported { kind: kind.to_owned() })
}

fn text(fields: &Fields<'_>) -> Option<Content> {
    let text = fields.filled(1).or_else(|| fields.message(6)?.filled(1))?;
    Some(Content::text(text))
}

fn place_or_card(fields: &Fields<'_>) -> Option<Content> {
    if let Some(place) = fields.message(5) {
        return Some(Content::Location {
            latitude: place.double(1).unwrap_or_default(),
            longitude: place.double(2).unwrap_or_default(),
            name: place.text(3),
            address: place.text(4),
        });
    }
    let card = fields.message(4)?;
    Some(Content::Contact {
        name: card.text(1).unwrap_or_default(),
        vcard: card.text(16).unwrap_or_default(),
    })
}

fn poll_or_reaction(fields: &Fields<'_>) -> Option<Content> {
    if let Some(reaction) = fields.message(46) {
        let message_id = reaction.message(1).and_then(|key| key.text(3)).unwrap_or_default();
        return Some(Content::Reaction { emoji: reaction.text(2).unwrap_or_default(), message_id });
    }
    let poll = [49, 60, 64, 111].into_iter().find_map(|version| fields.message(version))?;
    Some(Content::Poll {
        question: poll.text(2).unwrap_or_default(),
        options: poll.messages(3).filter_map(|option| option.text(1)).collect(),
        selectable: poll.number(4).unwrap_or_default() as u32,
    })
}

fn menu(fields: &Fields<'_>) -> Option<Content> {
    if let Some(menu) = fields.message(42) {
        let title = |button: &Fields<'_>| button.message(2)?.text(1);
        let button = |button: Fields<'_>| Button {
            id: button.text(1).unwrap_or_default(),
            title: title(&button).unwrap_or_default(),
        };
        return Some(Content::Buttons {
            text: menu.text(6).unwrap_or_default(),
            footer: menu.filled(7),
            buttons: menu.messages(9).map(button).collect(),
        });
    }
    // Lists of products are of type 2.
    let list = fields.message(36).filter(|list| list.number(4) == Some(1))?;
    let row = |row: Fields<'_>| ListRow {
        title: row.text(1).unwrap_or_default(),
        description: row.filled(2),
        id: row.text(3).unwrap_or_default(),
    };
    let section =
        |part: Fields<'_>| ListSection { title: part.filled(1), rows: part.messages(2).map(row).collect() };
    let lines: Vec<String> = [1, 2].into_iter().filter_map(|line| list.filled(line)).collect();
    Some(Content::List {
        text: lines.join("\n"),
        footer: list.filled(7),
        button: list.text(3).unwrap_or_default(),
        sections: list.messages(5).map(section).collect(),
    })
}

fn choice(fields: &Fields<'_>) -> Option<Content> {
    let chosen = |of, id: Option<String>, title: Option<String>| {
        Some(Content::Choice { of, id: id?, title: title.unwrap_or_default() })
    };
    if let Some(answer) = fields.message(43).or_else(|| fields.message(29)) {
        return chosen(MenuKind::Buttons, answer.text(1), answer.text(2));
    }
    if let Some(answer) = fields.message(39) {
        return chosen(MenuKind::List, answer.message(3)?.text(1), answer.text(1));
    }
    let answer = fields.message(48)?;
    let flow = answer.message(2)?;
    let params: Json = serde_json::from_str(&flow.text(2)?).ok()?;
    let param = |key: &str| Some(params.get(key)?.as_str()?.to_owned());
    let title = answer.message(1).and_then(|body| body.text(1)).or_else(|| param("title"));
    let of = match flow.text(1).as_deref() {
        Some("single_select" | "menu_options") => MenuKind::List,
        _ => MenuKind::Buttons,
    };
    chosen(of, param("id"), title)
}

/// The field numbers of a kind of file; 0 for absent fields.
struct FileFields {
    at: u64,
    kind: MediaKind,
    mime: u64,
    size: u64,
    names: [u64; 2],
    caption: u64,
    seconds: u64,
}

const fn file_fields(at: u64, kind: MediaKind, mime: u64, size: u64) -> FileFields {
    FileFields { at, kind, mime, size, names: [0, 0], caption: 0, seconds: 0 }
}

const FILES: [FileFields; 6] = [
    FileFields { caption: 3, ..file_fields(3, MediaKind::Image, 2, 5) },
    FileFields { caption: 7, seconds: 5, ..file_fields(9, MediaKind::Video, 2, 4) },
    FileFields { caption: 7, seconds: 5, ..file_fields(66, MediaKind::Video, 2, 4) },
    FileFields { seconds: 5, ..file_fields(8, MediaKind::Audio, 2, 4) },
    FileFields { names: [8, 3], caption: 20, ..file_fields(7, MediaKind::Document, 2, 5) },
    file_fields(26, MediaKind::Sticker, 5, 9),
];

fn file(fields: &Fields<'_>) -> Option<Content> {
    let (of, file) = FILES.iter().find_map(|of| Some((of, fields.message(of.at)?)))?;
    // A voice message is audio with the mark `ptt`.
    let spoken = of.kind == MediaKind::Audio && file.number(6) == Some(1);
    Some(Content::Media {
        kind: if spoken { MediaKind::Voice } else { of.kind },
        mime: file.text(of.mime).unwrap_or_default(),
        size: file.number(of.size).unwrap_or_default(),
        name: of.names.into_iter().find_map(|name| file.text(name)).filter(|name| !name.is_empty()),
        caption: file.filled(of.caption),
        seconds: file.number(of.seconds).map(|seconds| seconds as u32),
    })
}

/// The `type` of a stanza with this message.
pub(super) fn stanza_type(message: &[u8]) -> &'static str {
    const MEDIA: [u64; 11] = [36, 39, 43, 48, 3, 9, 66, 8, 7, 26, 4];
    let Some(fields) = without_envelopes(message) else { return "text" };
    if fields.has(46) {
        "reaction"
    } else if fields.has(49) {
        "poll"
    } else if MEDIA.into_iter().any(|kind| fields.has(kind)) {
        "media"
    } else {
        "text"
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::sim::wire::Writer;

    #[test]
    fn messages_of_another_implementation_are_read() {
        let read = |name: &str| -> Json {
            let path = format!("{}/testdata/message/{name}", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let (messages, plaintexts) = (read("vectors.json"), read("plaintexts.json"));
        let cases = messages["cases"].as_array().unwrap().iter();
        let cases: Vec<_> = cases.chain(plaintexts["contents"].as_array().unwrap()).collect();
        for case in &cases {
            let bytes = HEXLOWER.decode(case["hex"].as_str().unwrap().as_bytes()).unwrap();
            let content = serde_json::to_value(shown(&bytes)).unwrap();
            assert_eq!(content, case["content"], "{}", case["name"]);
        }
        assert!(cases.len() > 30);
    }

    #[test]
    fn messages_not_for_people_are_not_shown() {
        let context = Writer::new().message(CONTEXT, &Writer::new().bytes(3, &[7; 32]));
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&context.clone().finish()), None);
        assert_eq!(shown(&context.clone().message(PROTOCOL, &Writer::new()).finish()), None);
        assert_eq!(shown(&context.clone().message(SENDER_KEY, &Writer::new()).finish()), None);
        let new = shown(&context.message(4095, &Writer::new()).finish());
        assert_eq!(new, Some(Content::Unsupported { kind: "unknown".to_owned() }));
    }
}
