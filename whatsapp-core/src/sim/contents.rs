//! Messages of simulated people other than text: any content, files without bytes, and taps on menus.
use bytes::Bytes;
use rand::{RngExt, rngs::StdRng};
use whatsapp_store::{Button, Content, ListRow, ListSection, MediaKind, MenuKind, NotSendable};

use super::{
    network::{Network, SimError},
    wire::Writer,
};
use crate::{jid::Jid, time::Timestamp};

impl Network {
    /// Sends content from a person's phone to a number, a LID or a group. Returns the message's id. A file is only
    /// described: it has a location and keys, but no bytes.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group, or people do not write this content.
    pub fn send_content_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        to: &Jid,
        content: &Content,
    ) -> Result<String, SimError> {
        let person = self.person(phone)?;
        let message = encode(content, &mut self.rng)?;
        self.write_message(now, person, to, message)
    }

    /// Taps on a button or a row of a menu that a phone shows, by the ids of the message and the choice. Returns the id of the
    /// answer.
    ///
    /// # Errors
    /// When the number has no account, or the phone shows no such menu, or the menu has no such choice.
    pub fn tap(&mut self, now: Timestamp, phone: &str, menu: &str, choice: &str) -> Result<String, SimError> {
        let person = self.person(phone)?;
        let shown = self.accounts.people[person].phone.inbox.messages.iter();
        let shown = shown.rev().find(|shown| shown.id == menu && !shown.from_me);
        let shown = shown.ok_or_else(|| SimError::UnknownMenu(menu.to_owned()))?;
        let context = Writer::new().text(1, menu).text(2, &shown.sender);
        let to = shown.chat.parse().map_err(|_| SimError::UnknownMenu(menu.to_owned()))?;
        let (of, title, description) = titles(&shown.content, choice)?;
        let message = answer(of, choice, title, description, &context);
        self.write_message(now, person, &to, message)
    }
}

/// The label of a choice of a menu, and its second line.
fn titles<'a>(menu: &'a Content, choice: &str) -> Result<(MenuKind, &'a str, Option<&'a String>), SimError> {
    let found = match menu {
        Content::Buttons { buttons, .. } => {
            let button = buttons.iter().find(|button| button.id == choice);
            button.map(|button| (MenuKind::Buttons, button.title.as_str(), None))
        }
        Content::List { sections, .. } => {
            let row = sections.iter().flat_map(|section| &section.rows).find(|row| row.id == choice);
            row.map(|row| (MenuKind::List, row.title.as_str(), row.description.as_ref()))
        }
        other => return Err(SimError::UnknownMenu(format!("a {}", other.type_name()))),
    };
    found.ok_or_else(|| SimError::UnknownChoice(choice.to_owned()))
}

fn answer(of: MenuKind, id: &str, title: &str, description: Option<&String>, context: &Writer) -> Bytes {
    let message = if of == MenuKind::List {
        let row = Writer::new().text(1, id);
        let answer = Writer::new().text(1, title).number(2, 1).message(3, &row).message(4, context);
        Writer::new().message(39, &answer.text_opt(5, description))
    } else {
        let answer = Writer::new().text(1, id).text(2, title).message(3, context).number(4, 1);
        Writer::new().message(43, &answer)
    };
    message.finish()
}

/// The serialized message with this content, built by field number and separately from the client's `message::content`. All
/// messages except files have a message secret, as those of phones.
pub(super) fn encode(content: &Content, rng: &mut StdRng) -> Result<Bytes, NotSendable> {
    if let Content::Media { .. } = content {
        return Ok(file(content, rng).finish());
    }
    content.sendable()?;
    let message = match content {
        // Phones send a text without preview and quotation as a bare string.
        Content::Text { text } => Writer::new().text(1, text),
        Content::Location { latitude, longitude, name, address } => {
            let place = Writer::new().double(1, *latitude).double(2, *longitude);
            Writer::new().message(5, &place.text_opt(3, name.as_ref()).text_opt(4, address.as_ref()))
        }
        Content::Contact { name, vcard } => {
            Writer::new().message(4, &Writer::new().text(1, name).text(16, vcard))
        }
        Content::Poll { question, options, selectable } => {
            let options = options.iter().map(|option| Writer::new().text(1, option));
            let poll = Writer::new().text(2, question).messages(3, options);
            Writer::new().message(49, &poll.number(4, u64::from(*selectable)))
        }
        Content::Buttons { text, footer, buttons } => {
            let menu = Writer::new().text(6, text).text_opt(7, footer.as_ref());
            Writer::new().message(42, &menu.messages(9, buttons.iter().map(button)).number(10, 1))
        }
        Content::List { text, footer, button, sections } => {
            let menu = Writer::new().text(2, text).text(3, button).number(4, 1);
            let menu = menu.messages(5, sections.iter().map(section)).text_opt(7, footer.as_ref());
            Writer::new().message(36, &menu)
        }
        other => return Err(NotSendable::Type(other.type_name())),
    };
    let secret: [u8; 32] = rng.random();
    Ok(message.message(35, &Writer::new().bytes(3, &secret)).finish())
}

fn button(button: &Button) -> Writer {
    Writer::new().text(1, &button.id).message(2, &Writer::new().text(1, &button.title)).number(3, 1)
}

fn section(section: &ListSection) -> Writer {
    let row = |row: &ListRow| {
        Writer::new().text(1, &row.title).text_opt(2, row.description.as_ref()).text(3, &row.id)
    };
    Writer::new().text_opt(1, section.title.as_ref()).messages(2, section.rows.iter().map(row))
}

/// A file that is nowhere: place and keys are made up.
fn file(content: &Content, rng: &mut StdRng) -> Writer {
    let Content::Media { kind, mime, size, name, caption, seconds } = content else { return Writer::new() };
    let [key, hash, encrypted_hash]: [[u8; 32]; 3] = rng.random();
    let path = format!("/v/t62.7118-24/simulated_{:08x}.enc", rng.random::<u32>());
    let (name, caption) = (name.as_ref(), caption.as_ref());
    let seconds = |file: Writer| match seconds {
        Some(seconds) => file.number(5, u64::from(*seconds)),
        None => file,
    };
    match kind {
        MediaKind::Image => {
            let file = Writer::new().text(2, mime).text_opt(3, caption).bytes(4, &hash).number(5, *size);
            Writer::new().message(3, &file.bytes(8, &key).bytes(9, &encrypted_hash).text(11, &path))
        }
        MediaKind::Video => {
            let file = seconds(Writer::new().text(2, mime).bytes(3, &hash).number(4, *size)).bytes(6, &key);
            let file = file.text_opt(7, caption).bytes(11, &encrypted_hash).text(13, &path);
            Writer::new().message(9, &file)
        }
        MediaKind::Audio | MediaKind::Voice => {
            let file = seconds(Writer::new().text(2, mime).bytes(3, &hash).number(4, *size));
            let file = file.number(6, u64::from(*kind == MediaKind::Voice)).bytes(7, &key);
            Writer::new().message(8, &file.bytes(8, &encrypted_hash).text(9, &path))
        }
        MediaKind::Sticker => {
            let file = Writer::new().bytes(2, &hash).bytes(3, &encrypted_hash).bytes(4, &key).text(5, mime);
            Writer::new().message(26, &file.text(8, &path).number(9, *size))
        }
        // Phones send a document with a caption in a separate envelope.
        _ => {
            let file = Writer::new().text(2, mime).text_opt(3, name).bytes(4, &hash).number(5, *size);
            let file = file.bytes(7, &key).text_opt(8, name).bytes(9, &encrypted_hash).text(10, &path);
            let inner = Writer::new().message(7, &file.text_opt(20, caption));
            Writer::new().message(53, &Writer::new().message(1, &inner))
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use rand::SeedableRng;

    use super::*;
    use crate::{message::content, proto::message::Message, sim::reading};

    #[test]
    fn client_and_phones_read_messages_of_phones() {
        let mut rng = StdRng::seed_from_u64(1);
        let media = |kind, name: Option<&str>, seconds| Content::Media {
            kind,
            mime: "a/b".into(),
            size: 5_000_000_000,
            name: name.map(Into::into),
            caption: matches!(kind, MediaKind::Image | MediaKind::Video | MediaKind::Document)
                .then(|| "caption".into()),
            seconds,
        };
        let row = |id: &str| ListRow { id: id.into(), title: id.to_uppercase(), description: None };
        let contents = [
            Content::text("hello"),
            Content::Location { latitude: 1.5, longitude: -2.5, name: Some("x".into()), address: None },
            Content::Contact { name: "Ann".into(), vcard: "BEGIN:VCARD".into() },
            Content::Poll { question: "?".into(), options: vec!["a".into(), "b".into()], selectable: 1 },
            Content::Buttons {
                text: "?".into(),
                footer: Some("f".into()),
                buttons: vec![Button { id: "a".into(), title: "A".into() }],
            },
            Content::List {
                text: "?".into(),
                footer: None,
                button: "Open".into(),
                sections: vec![ListSection { title: Some("s".into()), rows: vec![row("a"), row("b")] }],
            },
            media(MediaKind::Image, None, None),
            media(MediaKind::Video, None, Some(3)),
            media(MediaKind::Audio, None, Some(4)),
            media(MediaKind::Voice, None, Some(5)),
            media(MediaKind::Sticker, None, None),
            media(MediaKind::Document, Some("a.pdf"), None),
        ];
        for written in contents {
            let bytes = encode(&written, &mut rng).unwrap();
            let message = Message::decode(bytes.clone()).unwrap();
            // As JSON, since contents do not show themselves.
            let json = |content| serde_json::to_value::<Option<Content>>(content).unwrap();
            let expected = json(Some(written));
            assert_eq!(json(content::from_proto(&message, &bytes)), expected);
            assert_eq!(json(reading::shown(&bytes)), expected);
            assert_eq!(reading::stanza_type(&bytes), content::stanza_type(&message), "{expected}");
        }
    }
}
